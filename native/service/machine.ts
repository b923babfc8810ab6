import { isNativeError } from '../errors.ts';
import { readMachine } from '../machine/readMachine.ts';
import type { Fact, MachineReport } from '../machine/report.ts';
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
    const why: Fact = { unavailable: `The Muster service was asked for it: ${error.message}`.slice(0, 256) };
    asked = { serial: why, hardwareUuid: why };
  }
  if (!asked) return report;
  return {
    ...report,
    serial: better(report.serial, asked.serial),
    hardwareUuid: better(report.hardwareUuid, asked.hardwareUuid),
  };
}

function better(own: Fact, told: Fact): Fact {
  if ('value' in own) return own;
  if (!('value' in told)) return { unavailable: String(told.unavailable).slice(0, 256) };
  return { value: String(told.value).slice(0, 256), readBy: 'service' };
}
