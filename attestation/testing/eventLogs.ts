import { ALG, concat, digest, encodeEventLog, hashOf, type LogEvent } from '../index.ts';

const BANKS = [ALG.SHA1, ALG.SHA256, ALG.SHA384];
export const SECURE_BOOT_GUID = '61dfe48bca93d211aa0d00e098032b8c';

/** An event whose digests are those of its data. */
export function event(pcr: number, type: number, data: Uint8Array, banks: readonly number[] = BANKS): LogEvent {
  return { pcr, type, digests: new Map(banks.map((hash) => [hash, digest(hashOf(hash).name, data)])), data };
}

export function logOf(events: readonly LogEvent[]): Uint8Array {
  return encodeEventLog({ algorithms: BANKS.map((hash) => ({ hash, size: hashOf(hash).size })), events });
}

/** UEFI_VARIABLE_DATA. */
export function efiVariable(name: string, value: Uint8Array, guid = SECURE_BOOT_GUID): Uint8Array {
  const u64 = (number: number) => new Uint8Array(new BigUint64Array([BigInt(number)]).buffer);
  const text = new Uint8Array(Buffer.from(name, 'utf16le'));
  return concat(new Uint8Array(Buffer.from(guid, 'hex')), u64(name.length), u64(value.length), text, value);
}

/** What a firmware with Secure Boot measures, in short: each PCR from 0 to 7 ends with a separator. */
export function sampleLog(): Uint8Array {
  const text = (value: string) => new Uint8Array(Buffer.from(value));
  return logOf([
    event(0, 8, text('firmware version')),
    event(7, 0x80000001, efiVariable('SecureBoot', new Uint8Array([1]))),
    event(7, 0x80000001, efiVariable('PK', text('platform key'))),
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((pcr) => event(pcr, 4, new Uint8Array(4))),
    event(4, 0xd, text('boot loader')),
  ]);
}
