import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Fact, fact, looksVirtual, type MachineFacts, uuidFact } from './report.ts';

const run = promisify(execFile);

/** Runs a program by absolute path without a shell; replaced in tests by captured output. */
export type RunProgram = (path: string, args: string[]) => Promise<string>;

const runProgram: RunProgram = async (path, args) => {
  const { stdout } = await run(path, args, { timeout: 10_000, maxBuffer: 4 * 1024 * 1024, env: { LANG: 'C' } });
  return stdout;
};

/** macOS: the I/O registry for serial, UUID and model; system_profiler for the provisioning UDID; sw_vers for the version. */
export async function collectMac(program: RunProgram = runProgram): Promise<MachineFacts> {
  const [registry, profile, version] = await Promise.all([
    program('/usr/sbin/ioreg', ['-rd1', '-c', 'IOPlatformExpertDevice']).catch(() => ''),
    program('/usr/sbin/system_profiler', ['-json', 'SPHardwareDataType']).catch(() => ''),
    program('/usr/bin/sw_vers', []).catch(() => ''),
  ]);
  return macFacts(parseIoreg(registry), parseSystemProfiler(profile), parseSwVers(version));
}

export type MacRegistry = { serial?: string; uuid?: string; model?: string; manufacturer?: string };
export type MacProfile = { serial?: string; uuid?: string; udid?: string; model?: string; chip?: string };

export function macFacts(registry: MacRegistry, profile: MacProfile, osVersion: string): MachineFacts {
  const model = fact(registry.model ?? profile.model, 'model');
  const chip = fact(profile.chip, 'chip name');
  const virtual = looksVirtual(model, chip) || /^unknown$/i.test(profile.chip ?? '');
  const known = 'value' in model;
  return {
    os: 'macOS',
    osVersion,
    manufacturer: fact(registry.manufacturer ?? 'Apple Inc.', 'maker'),
    model,
    serial: fact(registry.serial ?? profile.serial, 'serial number'),
    hardwareUuid: uuidFact(registry.uuid ?? profile.uuid),
    provisioningUdid: udidFact(virtual ? {} : profile),
    virtualMachine: virtual ? 'yes' : known ? 'no' : 'unknown',
  };
}

/** The quoted value behind each key, wherever it stands; data values are written `<"Mac15,8">`. */
export function parseIoreg(text: string): MacRegistry {
  const value = (key: string) => new RegExp(`^[\\s|]*"${key}"\\s*=\\s*<?"([^"]*)">?\\s*$`, 'm').exec(text)?.[1];
  return definedOnly({
    serial: value('IOPlatformSerialNumber'),
    uuid: value('IOPlatformUUID'),
    model: value('model'),
    manufacturer: value('manufacturer'),
  });
}

/** The first hardware item of `system_profiler -json SPHardwareDataType`; empty where the output is not that. */
export function parseSystemProfiler(text: string): MacProfile {
  const item = firstItem(text);
  const value = (key: string) => {
    const found = item[key];
    return typeof found === 'string' && !/^not available$/i.test(found) ? found : undefined;
  };
  return definedOnly({
    serial: value('serial_number'),
    uuid: value('platform_UUID'),
    udid: value('provisioning_UDID'),
    model: value('machine_model'),
    chip: value('chip_type'),
  });
}

/** "macOS 26.1 (25B78)" from the lines of sw_vers. */
export function parseSwVers(text: string): string {
  const value = (key: string) => new RegExp(`^${key}:\\s*(.+)$`, 'm').exec(text)?.[1]?.trim();
  const version = value('ProductVersion');
  if (!version) return 'unknown';
  const build = value('BuildVersion');
  return `macOS ${version}${build ? ` (${build})` : ''}`;
}

/**
 * On Apple silicon `0000XXXX-` and 16 hex digits, equal to what Apple's attestation carries (OID …8.9.2). Intel and
 * virtual Macs show 40 hex digits or the UUID there, which join with nothing.
 */
function udidFact(profile: MacProfile): Fact {
  const udid = profile.udid?.toUpperCase();
  if (udid === undefined) return { unavailable: 'This Mac has no provisioning UDID.', why: 'none' };
  if (/^0000[0-9A-F]{4}-[0-9A-F]{16}$/.test(udid)) return { value: udid };
  return {
    unavailable: 'This Mac has a provisioning UDID of a kind that Apple does not attest (Intel or virtual).',
    why: 'not-attested',
  };
}

function firstItem(text: string): Record<string, unknown> {
  try {
    const parsed = JSON.parse(text) as { SPHardwareDataType?: unknown };
    const list = parsed.SPHardwareDataType;
    const first: unknown = Array.isArray(list) ? list[0] : undefined;
    return typeof first === 'object' && first !== null ? (first as Record<string, unknown>) : {};
  } catch {
    // Not JSON: system_profiler failed or is absent; ioreg has most facts too.
    return {};
  }
}

function definedOnly<T extends Record<string, string | undefined>>(values: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: string;
  };
}
