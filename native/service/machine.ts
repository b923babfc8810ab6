import { isNativeError } from '../errors.ts';
import { readMachine } from '../machine/readMachine.ts';
import type { Fact, MachineReport, WhyUnavailable } from '../machine/report.ts';
import { askService, type TpmServiceClient } from './client.ts';
import type { Serials } from './protocol.ts';

/**
 * What this machine says about itself; serials that only root may read come from the system service where one runs, and say so. Never fails
 * for a service that is absent or in trouble: the fact then tells why it is not there.
 */
export async function readMachineHere(
  platform: NodeJS.Platform = process.platform,
  connect?: () => Promise<TpmServiceClient | undefined>,
  read: (platform: NodeJS.Platform) => Promise<MachineReport> = readMachine,
): Promise<MachineReport> {
  const report = await read(platform);
  if (platform !== 'linux' || ('value' in report.serial && 'value' in report.hardwareUuid)) return report;
  let asked: Serials | undefined;
  try {
    asked = await askService((service) => service.readSerials(), connect);
  } catch (error) {
    if (!isNativeError(error)) throw error;
    const unavailable = `The Muster service was asked for it: ${error.message}`.slice(0, 256);
    const why: Fact = { unavailable, why: 'service-failed' };
    asked = { serial: why, hardwareUuid: why };
  }
  if (!asked) return report;
  return {
    ...report,
    serial: better(report.serial, asked.serial),
    hardwareUuid: better(report.hardwareUuid, asked.hardwareUuid),
  };
}

const WHYS: readonly WhyUnavailable[] = ['none', 'placeholder', 'not-allowed', 'not-attested', 'service-failed'];

/** What the service says is checked like any other input: it is another process. */
function better(own: Fact, told: Fact): Fact {
  if ('value' in own) return own;
  if (!('value' in told)) {
    const why = WHYS.find((known) => known === told.why);
    return { unavailable: String(told.unavailable).slice(0, 256), ...(why ? { why } : {}) };
  }
  return { value: String(told.value).slice(0, 256), readBy: 'service' };
}
