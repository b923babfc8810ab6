import { readFile as readFromDisk } from 'node:fs/promises';
import { arch } from 'node:os';
import { type Fact, fact, looksVirtual, type MachineFacts, uuidFact } from './report.ts';

type Read = { text: string } | { absent: true } | { refused: true };

export type ReadFile = (path: string) => Promise<string>;
const readUtf8: ReadFile = (path) => readFromDisk(path, 'utf8');

const ROOT_ONLY = 'Linux lets only root read it. The Muster service reads it where it is installed.';

/** Linux: DMI (/sys/class/dmi/id) or, on boards without it, the device tree. `root` stands in front of every path, for tests. */
export async function collectLinux(root = '', readFile: ReadFile = readUtf8): Promise<MachineFacts> {
  const readText = (path: string) => tryRead(path, readFile);
  const dmi = (name: string) => readText(`${root}/sys/class/dmi/id/${name}`);
  const tree = (name: string) => readText(`${root}/proc/device-tree/${name}`);
  const [vendor, product, serial, uuid, board, treeModel, treeSerial, release, cpu, hypervisor] = await Promise.all([
    dmi('sys_vendor'),
    dmi('product_name'),
    dmi('product_serial'),
    dmi('product_uuid'),
    dmi('board_name'),
    tree('model'),
    tree('serial-number'),
    readRelease(root, readText),
    readText(`${root}/proc/cpuinfo`),
    readText(`${root}/sys/hypervisor/type`),
  ]);
  const manufacturer = asFact(vendor, 'maker');
  const model = firstFact('model', product, treeModel, board);
  return {
    os: 'Linux',
    osVersion: release,
    manufacturer,
    model,
    serial: firstFact('serial number', serial, treeSerial),
    hardwareUuid: 'text' in uuid ? uuidFact(uuid.text) : asFact(uuid, 'hardware UUID'),
    virtualMachine: virtualOf(manufacturer, model, cpu, hypervisor),
  };
}

function virtualOf(manufacturer: Fact, model: Fact, cpu: Read, hypervisor: Read): MachineFacts['virtualMachine'] {
  // The flag is set by every hypervisor that does not hide; x86 only.
  if ('text' in cpu && /^flags\s*:.*\bhypervisor\b/m.test(cpu.text)) return 'yes';
  if ('text' in hypervisor || looksVirtual(manufacturer, model)) return 'yes';
  const x86 = arch() === 'x64' || arch() === 'ia32';
  return 'text' in cpu && x86 ? 'no' : 'unknown';
}

/** The first that names something; where none does, the reason of the one that exists but may not be read. */
function firstFact(name: string, ...reads: Read[]): Fact {
  const facts = reads.map((read) => asFact(read, name));
  const refused = reads.findIndex((read) => 'refused' in read);
  return (
    facts.find((found) => 'value' in found) ??
    facts[refused] ??
    facts[reads.findIndex((read) => 'text' in read)] ??
    asFact({ absent: true }, name)
  );
}

function asFact(read: Read, name: string): Fact {
  if ('refused' in read) return { unavailable: `The ${name} cannot be read: ${ROOT_ONLY}`, why: 'not-allowed' };
  return fact('text' in read ? read.text : undefined, name);
}

async function tryRead(path: string, readFile: ReadFile): Promise<Read> {
  try {
    // Device-tree strings end in a NUL.
    return { text: (await readFile(path)).replace(/\0+$/, '') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EPERM' ? { refused: true } : { absent: true };
  }
}

async function readRelease(root: string, readText: (path: string) => Promise<Read>): Promise<string> {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    const read = await readText(root + path);
    if ('text' in read) return parseOsRelease(read.text);
  }
  return 'unknown';
}

/** Name and version from an os-release file (freedesktop.org, os-release(5)). */
export function parseOsRelease(text: string): string {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const pair = /^([A-Z_]+)=(.*)$/.exec(line.trim());
    if (pair?.[1] && pair[2] !== undefined)
      values.set(pair[1], pair[2].replace(/^(["'])(.*)\1$/, '$2').replace(/\\(.)/g, '$1'));
  }
  const pretty = values.get('PRETTY_NAME');
  const plain = [values.get('NAME'), values.get('VERSION_ID')].filter(Boolean).join(' ');
  return (pretty || plain || 'unknown').slice(0, 120);
}
