import { arch, hostname } from 'node:os';
import { NativeError } from '../errors.ts';
import type { MachineFacts, MachineReport } from './report.ts';

/** Reads what this machine says about itself. Needs no privilege; facts that need one say so. */
export async function readMachine(
  platform: NodeJS.Platform = process.platform,
  collect: (platform: NodeJS.Platform) => Promise<MachineFacts> = collectFor,
): Promise<MachineReport> {
  return { hostName: hostname(), architecture: arch(), ...(await collect(platform)) };
}

async function collectFor(platform: NodeJS.Platform): Promise<MachineFacts> {
  switch (platform) {
    case 'linux':
      return (await import('./linux.ts')).collectLinux();
    case 'darwin':
      return (await import('./mac.ts')).collectMac();
    case 'win32':
      return (await import('./windows.ts')).collectWindows();
    default:
      throw new NativeError('platform-unsupported', `Muster does not read the identity of ${platform} machines.`);
  }
}
