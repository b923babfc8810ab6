import { isNativeError, NativeError } from '../errors.ts';
import type { Fact } from '../machine/report.ts';
import type { BindingInput, TpmAttestor } from '../tpm/attestor.ts';
import type { WrappedKey } from '../tpm/keys.ts';
import { nativeError, type PlainError, plainError } from '../tpm/pipeProtocol.ts';

export type TpmVerb = Exclude<keyof TpmAttestor, 'kind' | 'close'>;

/** What Linux lets only root read of this machine, and an enrolment sends. */
export type Serials = { serial: Fact; hardwareUuid: Fact };
/** Whether this machine is enrolled by the account that asks, and where; the origin is null where nobody enrolled it. */
export type EnrolmentHeld = { by: 'nobody' | 'you' | 'agent' | 'another'; origin: string | null };

/** What the service does besides the TPM's verbs. */
export type MachineVerbs = {
  readSerials(): Promise<Serials>;
  enrolment(): Promise<EnrolmentHeld>;
  /** This account is enrolled at `origin`: no other account enrols this machine until it leaves. Error: `machine-enrolled`. */
  hold(origin: string): Promise<void>;
  release(): Promise<void>;
};

/** The fixed verbs of the service: an enrolment's, and nothing that takes a TCTI, a raw command, a path or a handle. */
export type ServiceVerb = TpmVerb | keyof MachineVerbs;
export type ServiceRequest = { id: number; verb: ServiceVerb; args: unknown[] };
export type ServiceReply = { id: number; result: unknown } | { id: number; error: PlainError };

/** Longest line either side takes, in bytes; a quote with its event log is the longest answer. */
export const MAX_LINE = 1024 * 1024;

/** One JSON line; bytes travel as `{"base64": …}`, also those of a Buffer, which would turn itself into numbers first. */
export function encodeLine(message: ServiceRequest | ServiceReply): string {
  const plain = function (this: Record<string, unknown>, name: string, value: unknown): unknown {
    const own = this[name];
    return own instanceof Uint8Array ? { base64: Buffer.from(own).toString('base64') } : value;
  };
  return `${JSON.stringify(message, plain)}\n`;
}

export function decodeLine(line: string): unknown {
  return JSON.parse(line, (_, value: unknown) => {
    const text = typeof value === 'object' && value !== null && 'base64' in value ? value.base64 : undefined;
    return typeof text === 'string' ? new Uint8Array(Buffer.from(text, 'base64')) : value;
  });
}

/**
 * Cuts a stream into lines, at a cost that follows its bytes and not the number of pieces. A line longer than the limit ends it: `tooLong`
 * is called once, and nothing is taken any more.
 */
export function lineReader(take: (line: string) => void, tooLong: () => void): (chunk: Uint8Array) => void {
  let held = NOTHING_HELD;
  let length = 0;
  let over = false;
  const hold = (part: Uint8Array) => {
    if (length + part.length > held.length) {
      const wider = Buffer.allocUnsafe(Math.max(2 * held.length, length + part.length, 1024));
      held.copy(wider, 0, 0, length);
      held = wider;
    }
    held.set(part, length);
    length += part.length;
  };
  return (chunk) => {
    for (let from = 0; !over && from < chunk.length; ) {
      const end = chunk.indexOf(10, from);
      const part = chunk.subarray(from, end < 0 ? chunk.length : end);
      if (length + part.length > MAX_LINE) {
        over = true;
        held = NOTHING_HELD;
        tooLong();
        return;
      }
      hold(part);
      if (end < 0) return;
      from = end + 1;
      const line = held.toString('utf8', 0, length);
      held = NOTHING_HELD;
      length = 0;
      take(line);
    }
  };
}

const NOTHING_HELD = Buffer.alloc(0);

export const encodeError = (id: number, error: unknown): ServiceReply => ({ id, error: plainError(error) });
export const decodeError = nativeError;

/** Reads a request as it comes from any process of this machine: every argument has its type and its limit. */
export function parseRequest(message: unknown): ServiceRequest {
  const { id, verb, args } = record(message);
  if (typeof id !== 'number' || typeof verb !== 'string' || !Array.isArray(args) || !Object.hasOwn(VERBS, verb))
    throw notUnderstood();
  const check = VERBS[verb as ServiceVerb];
  return { id, verb: verb as ServiceVerb, args: check(args) };
}

/** The id of a message that may otherwise be anything, so that its refusal finds its caller; 0 where it has none. */
export function idOf(message: unknown): number {
  const id = typeof message === 'object' && message !== null && 'id' in message ? message.id : undefined;
  return typeof id === 'number' ? id : 0;
}

const VERBS: Record<ServiceVerb, (args: unknown[]) => unknown[]> = {
  readEndorsement: () => [],
  createAttestationKey: () => [],
  createDeviceKey: () => [],
  activateCredential: ([ak, ek, credential, secret]) => [wrapped(ak), text(ek), bytes(credential), bytes(secret)],
  certify: ([deviceKey, ak, input]) => [wrapped(deviceKey), wrapped(ak), binding(input)],
  quote: ([ak, deviceKey, input, selection]) => [wrapped(ak), wrapped(deviceKey), binding(input), pcrs(selection)],
  sign: ([deviceKey, digest]) => [wrapped(deviceKey), bytes(digest, 32)],
  readSerials: () => [],
  enrolment: () => [],
  hold: ([origin]) => [webOrigin(origin)],
  release: () => [],
};

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw notUnderstood();
  return value as Record<string, unknown>;
}

function bytes(value: unknown, exactly?: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length > 4096 || (exactly !== undefined && value.length !== exactly))
    throw notUnderstood();
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string' || value.length > 2048) throw notUnderstood();
  return value;
}

function webOrigin(value: unknown): string {
  const url = URL.parse(text(value));
  if (!url || !/^https?:$/.test(url.protocol) || url.origin !== value) throw notUnderstood();
  return url.origin;
}

function wrapped(value: unknown): WrappedKey {
  const key = record(value);
  return { public: bytes(key.public), private: bytes(key.private) };
}

function binding(value: unknown): BindingInput {
  const { origin, challenge, grantThumbprint, permanentIdentifier } = record(value);
  return {
    origin: text(origin),
    challenge: bytes(challenge),
    grantThumbprint: text(grantThumbprint),
    permanentIdentifier: text(permanentIdentifier),
  };
}

function pcrs(value: unknown): { bank: 'sha256'; pcrs: number[] } {
  const selection = record(value);
  const list = selection.pcrs;
  if (selection.bank !== 'sha256' || !Array.isArray(list) || list.length > 24) throw notUnderstood();
  if (!list.every((pcr) => Number.isInteger(pcr) && pcr >= 0 && pcr <= 23)) throw notUnderstood();
  return { bank: 'sha256', pcrs: list as number[] };
}

function notUnderstood(): NativeError {
  return new NativeError('service-request-refused', 'The Muster service does not understand this request.');
}

/** An error that the service may tell: never a stack or a foreign message. */
export function tellable(error: unknown): NativeError {
  return isNativeError(error)
    ? error
    : new NativeError('tpm-error', 'The Muster service met an error that it did not expect.');
}
