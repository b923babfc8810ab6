import type { PcrBank } from './attest.ts';
import { concat, sameBytes } from './bytes.ts';
import { refuse } from './error.ts';
import { digest, type HashName, hashOf } from './hashes.ts';

/** TCG_PCR_EVENT2 (TCG PC Client Platform Firmware Profile section 10.2.2). */
export type LogEvent = {
  pcr: number;
  type: number;
  /** By TPM_ALG_ID of the bank. */
  digests: ReadonlyMap<number, Uint8Array>;
  data: Uint8Array;
};

/** A crypto-agile event log: the banks that its Spec ID event names (TPM_ALG_ID, digest size in bytes), and its events in order. */
export type EventLog = { algorithms: readonly { hash: number; size: number }[]; events: readonly LogEvent[] };

/** `unknown` is not "disabled": nothing that the quote covers says either. */
export type SecureBoot = 'enabled' | 'disabled' | 'unknown';

const EV_NO_ACTION = 0x3;
const EV_SEPARATOR = 0x4;
const EV_EFI_VARIABLE_DRIVER_CONFIG = 0x80000001;
const LOG_MAX = 1 << 20;
const EVENTS_MAX = 16_384;
const SPEC_ID = 'Spec ID Event03\0';
const STARTUP_LOCALITY = 'StartupLocality\0';
/** EFI_GLOBAL_VARIABLE 8BE4DF61-93CA-11D2-AA0D-00E098032B8C as its bytes stand in memory. */
const EFI_GLOBAL_VARIABLE = '61dfe48bca93d211aa0d00e098032b8c';

/**
 * Parses a crypto-agile TCG event log (TCG PC Client Platform Firmware Profile section 10), as firmware hands it over: little endian, first a
 * TCG_PCR_EVENT with the Spec ID event, then TCG_PCR_EVENT2 entries. At most 1 MiB and 16384 events.
 * Errors: `too-large`, `truncated`, `malformed`, `wrong-format` for a log of another kind (SHA-1 only).
 */
export function parseEventLog(log: Uint8Array): EventLog {
  if (log.length > LOG_MAX)
    refuse('too-large', `An event log of ${log.length} bytes is larger than the 1 MiB that is read.`);
  const reader = littleEndian(log);
  const [pcr, type] = [reader.u32(), reader.u32()];
  reader.take(20);
  const header = littleEndian(reader.take(reader.u32()));
  if (pcr !== 0 || type !== EV_NO_ACTION || text(header.take(16)) !== SPEC_ID) {
    refuse('wrong-format', 'This is no crypto-agile event log: it does not begin with a Spec ID event of version 2.');
  }
  header.take(8);
  const count = header.u32();
  if (count === 0 || count > 16) refuse('malformed', `The event log names ${count} hash algorithms.`);
  const algorithms = Array.from({ length: count }, () => ({ hash: header.u16(), size: header.u16() }));
  if (algorithms.some(({ size }) => size === 0 || size > 64))
    refuse('malformed', 'The event log names a digest of an impossible size.');
  if (new Set(algorithms.map(({ hash }) => hash)).size !== count)
    refuse('malformed', 'The event log names a hash algorithm twice.');
  header.take(header.u8());
  if (header.remaining() > 0) refuse('malformed', 'The first event of the log holds more than it should.');
  const sizes = new Map(algorithms.map(({ hash, size }) => [hash, size]));
  const events: LogEvent[] = [];
  while (reader.remaining() > 0) {
    if (events.length === EVENTS_MAX) refuse('too-large', `The event log holds more than ${EVENTS_MAX} events.`);
    events.push(readEvent(reader, sizes));
  }
  return { algorithms, events };
}

function readEvent(reader: LittleEndian, sizes: ReadonlyMap<number, number>): LogEvent {
  const [pcr, type, count] = [reader.u32(), reader.u32(), reader.u32()];
  if (pcr > 31 && type !== EV_NO_ACTION) refuse('malformed', `The event log extends PCR ${pcr}, which no TPM has.`);
  if (count > sizes.size) refuse('malformed', 'An event carries more digests than the log announced.');
  const digests = new Map<number, Uint8Array>();
  for (let i = 0; i < count; i += 1) {
    const hash = reader.u16();
    const size =
      sizes.get(hash) ?? refuse('malformed', 'An event carries a digest of a hash that the log did not announce.');
    if (digests.has(hash)) refuse('malformed', 'An event carries two digests of one hash.');
    digests.set(hash, reader.take(size));
  }
  return { pcr, type, digests, data: reader.take(reader.u32()) };
}

/**
 * Replays a log into one bank (TPM2_PCR_Extend: new = H(old ‖ digest)): the value of every PCR that it extends. PCRs start as zeros, 17 to 22 as
 * ones; a StartupLocality event sets the last byte of PCR 0. Errors: `wrong-format` when an event lacks this bank's digest, `unsupported-algorithm`.
 */
export function replayEventLog(log: EventLog, hash: number): Map<number, Uint8Array> {
  const { name, size } = hashOf(hash);
  const values = new Map<number, Uint8Array>();
  const locality = startupLocality(log);
  for (const { pcr, type, digests } of log.events) {
    if (type === EV_NO_ACTION) continue;
    const value = digests.get(hash);
    if (!value) return refuse('wrong-format', 'The event log has no digests for the bank that was quoted.');
    if (value.length !== size) refuse('malformed', 'A digest of the event log is not as long as its hash.');
    values.set(pcr, digest(name, values.get(pcr) ?? initialValue(pcr, size, locality), value));
  }
  return values;
}

function initialValue(pcr: number, size: number, locality: number): Uint8Array {
  const value = new Uint8Array(size).fill(pcr >= 17 && pcr <= 22 ? 0xff : 0);
  if (pcr === 0) value[size - 1] = locality;
  return value;
}

function startupLocality({ events }: EventLog): number {
  const found = events.find(
    ({ type, data }) => type === EV_NO_ACTION && data.length === 17 && text(data.subarray(0, 16)) === STARTUP_LOCALITY,
  );
  return found?.data[16] ?? 0;
}

/**
 * Checks a log against PCR values that a verified quote covers, and reads the Secure Boot state from it. The log itself is not signed: only what
 * leads exactly to the quoted values may be believed.
 * @param pcrs the banks whose values `verifyQuote` confirmed. PCRs that the log never extends must hold their initial value.
 * @returns `secureBoot` from the first EFI variable SecureBoot measured into PCR 7 before its separator, whose digest is that of its data; `unknown` when
 * PCR 7 was not quoted or there is no such event; `reason` in a sentence.
 * @throws AttestationError `event-log-mismatch`; those of {@link parseEventLog} and {@link replayEventLog}.
 */
export function verifyEventLog(
  bytes: Uint8Array,
  pcrs: readonly PcrBank[],
): { log: EventLog; secureBoot: SecureBoot; reason: string } {
  const log = parseEventLog(bytes);
  const locality = startupLocality(log);
  for (const { hash, values } of pcrs) {
    const replayed = replayEventLog(log, hash);
    const { size } = hashOf(hash);
    for (const { pcr, digest: quoted } of values) {
      if (!sameBytes(replayed.get(pcr) ?? initialValue(pcr, size, locality), quoted)) {
        refuse(
          'event-log-mismatch',
          `The event log does not lead to the quoted value of PCR ${pcr}: it was changed, or it is incomplete.`,
        );
      }
    }
  }
  const bank = pcrs.find(({ values }) => values.some(({ pcr }) => pcr === 7));
  if (!bank)
    return {
      log,
      secureBoot: 'unknown',
      reason: 'PCR 7 was not quoted, so nothing vouches for the Secure Boot state.',
    };
  return { log, ...secureBootOf(log, bank.hash) };
}

function secureBootOf(log: EventLog, hash: number): { secureBoot: SecureBoot; reason: string } {
  const { name } = hashOf(hash);
  for (const event of log.events) {
    if (event.pcr !== 7) continue;
    if (event.type === EV_SEPARATOR) break;
    if (event.type !== EV_EFI_VARIABLE_DRIVER_CONFIG) continue;
    const value = readSecureBootVariable(event, hash, name);
    if (value === undefined) continue;
    return value.length === 1 && value[0] === 1
      ? { secureBoot: 'enabled', reason: 'The firmware measured Secure Boot as enabled.' }
      : { secureBoot: 'disabled', reason: 'The firmware measured Secure Boot as disabled.' };
  }
  return { secureBoot: 'unknown', reason: 'The event log does not say whether Secure Boot is enabled.' };
}

/** UEFI_VARIABLE_DATA (section 10.2.6) of the variable SecureBoot; its digest covers all of it. */
function readSecureBootVariable(event: LogEvent, hash: number, name: HashName): Uint8Array | undefined {
  const reader = littleEndian(event.data);
  const guid = Buffer.from(reader.take(16)).toString('hex');
  const [nameLength, dataLength] = [reader.u64(), reader.u64()];
  const variable = Buffer.from(reader.take(nameLength * 2)).toString('utf16le');
  if (guid !== EFI_GLOBAL_VARIABLE || variable !== 'SecureBoot') return undefined;
  const value = reader.take(dataLength);
  if (!sameBytes(event.digests.get(hash) ?? new Uint8Array(0), digest(name, event.data))) {
    refuse('event-log-mismatch', 'The Secure Boot variable in the event log is not the one that was measured.');
  }
  return value;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

type LittleEndian = {
  remaining: () => number;
  u8: () => number;
  u16: () => number;
  u32: () => number;
  u64: () => number;
  take: (size: number) => Uint8Array;
};

function littleEndian(bytes: Uint8Array): LittleEndian {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const step = (size: number): number => {
    if (size > bytes.length - at)
      refuse('truncated', `The event log ends too early: ${size} bytes expected at offset ${at}.`);
    at += size;
    return at - size;
  };
  return {
    remaining: () => bytes.length - at,
    u8: () => view.getUint8(step(1)),
    u16: () => view.getUint16(step(2), true),
    u32: () => view.getUint32(step(4), true),
    u64: () => {
      const value = view.getBigUint64(step(8), true);
      return value > 0xffffffffn ? refuse('malformed', 'A length in the event log is impossible.') : Number(value);
    },
    take: (size) => {
      const from = step(size);
      return bytes.subarray(from, from + size);
    },
  };
}

/** The log of a bank's events as bytes, the inverse of {@link parseEventLog} up to the first event's vendor data: for tests and software TPMs. */
export function encodeEventLog(log: EventLog): Uint8Array {
  const u16 = (value: number) => new Uint8Array([value & 0xff, value >> 8]);
  const u32 = (value: number) => new Uint8Array(new Uint32Array([value]).buffer);
  const latin1 = (value: string) => new Uint8Array(Buffer.from(value, 'latin1'));
  const header = concat(
    latin1(SPEC_ID),
    u32(0),
    new Uint8Array([0, 2, 0, 2]),
    u32(log.algorithms.length),
    ...log.algorithms.flatMap(({ hash, size }) => [u16(hash), u16(size)]),
    new Uint8Array(1),
  );
  const events = log.events.flatMap(({ pcr, type, digests, data }) => [
    u32(pcr),
    u32(type),
    u32(digests.size),
    ...[...digests].flatMap(([hash, value]) => [u16(hash), value]),
    u32(data.length),
    data,
  ]);
  const parts = [u32(0), u32(EV_NO_ACTION), new Uint8Array(20), u32(header.length), header, ...events];
  return new Uint8Array(Buffer.concat(parts));
}
