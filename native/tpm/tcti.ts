import { NativeError } from '../errors.ts';

/**
 * Where a TPM is reached. A TCTI name is loaded as code by tpm2-tss, and a missing one falls through to any emulator
 * on loopback, so nothing outside this list is ever passed on (tpm2-tss: src/tss2-tcti/tctildr-dl.c).
 */
export type Tcti =
  | { kind: 'device'; path: string }
  | { kind: 'swtpm'; host: string; port: number }
  | { kind: 'swtpm-unix'; path: string }
  | { kind: 'mssim'; host: string; port: number }
  | { kind: 'tabrmd' }
  | { kind: 'tbs' };

const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];

/** Reads a TCTI string by the allow-list. Throws NativeError `tcti-refused` on everything else. */
export function parseTcti(text: string): Tcti {
  if (typeof text !== 'string') throw refused(String(text));
  if (text === 'tabrmd' || text === 'tabrmd:') return { kind: 'tabrmd' };
  if (text === 'tbs' || text === 'tbs:') return { kind: 'tbs' };
  const device = /^device:(\/dev\/tpm(?:rm)?\d{1,3})$/.exec(text);
  if (device?.[1]) return { kind: 'device', path: device[1] };
  const unix = /^swtpm:path=(\/[A-Za-z0-9._/-]{1,100})$/.exec(text);
  if (unix?.[1] && !unix[1].includes('..')) return { kind: 'swtpm-unix', path: unix[1] };
  const emulator = /^(swtpm|mssim):(.*)$/.exec(text);
  if (emulator?.[1] && emulator[2] !== undefined) {
    const { host, port } = hostAndPort(text, emulator[2]);
    return { kind: emulator[1] as 'swtpm' | 'mssim', host, port };
  }
  throw refused(text);
}

/** The canonical string of a TCTI, as tpm2-tss would read it. */
export function formatTcti(tcti: Tcti): string {
  switch (tcti.kind) {
    case 'device':
      return `device:${tcti.path}`;
    case 'swtpm':
    case 'mssim':
      return `${tcti.kind}:host=${tcti.host},port=${tcti.port}`;
    case 'swtpm-unix':
      return `swtpm:path=${tcti.path}`;
    case 'tabrmd':
    case 'tbs':
      return `${tcti.kind}:`;
    default:
      return tcti satisfies never;
  }
}

/** True where other processes share our object slots (no resource manager stands between), so that leftovers stay. */
export function sharesSlots(tcti: Tcti): boolean {
  return tcti.kind === 'swtpm' || tcti.kind === 'swtpm-unix' || tcti.kind === 'mssim' || isRawDevice(tcti);
}

export function isEmulator(tcti: Tcti): boolean {
  return tcti.kind === 'swtpm' || tcti.kind === 'swtpm-unix' || tcti.kind === 'mssim';
}

function isRawDevice(tcti: Tcti): boolean {
  return tcti.kind === 'device' && !tcti.path.startsWith('/dev/tpmrm');
}

function hostAndPort(text: string, list: string): { host: string; port: number } {
  const values = new Map<string, string>();
  for (const pair of list.split(',')) {
    const at = pair.indexOf('=');
    const key = pair.slice(0, at);
    if (at < 1 || values.has(key) || (key !== 'host' && key !== 'port')) throw refused(text);
    values.set(key, pair.slice(at + 1));
  }
  const host = values.get('host') ?? '127.0.0.1';
  const port = Number(values.get('port'));
  if (!LOOPBACK.includes(host) || !/^\d{1,5}$/.test(values.get('port') ?? '') || port < 1 || port > 65534) {
    throw refused(text);
  }
  return { host, port };
}

function refused(text: string): NativeError {
  const shown = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  return new NativeError('tcti-refused', `"${shown}" is not a way to a TPM that Muster may use.`);
}
