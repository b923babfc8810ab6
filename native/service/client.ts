import { stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { NativeError } from '../errors.ts';
import type { TpmAttestor } from '../tpm/attestor.ts';
import { heldBy } from './ledger.ts';
import {
  decodeError,
  decodeLine,
  encodeLine,
  lineReader,
  type MachineVerbs,
  type ServiceReply,
  type ServiceVerb,
} from './protocol.ts';

/** The verbs through the service: those of an enrolment, and what else it knows of this machine. */
export type TpmServiceClient = TpmAttestor & MachineVerbs;

/**
 * Where the service listens; undefined where there is none. A Mac has no TPM, and on Windows any account may be the first to make a named
 * pipe, and Node can tell neither side who the other is.
 */
export function servicePath(platform: NodeJS.Platform = process.platform): string | undefined {
  return platform === 'linux' ? '/run/muster/tpm.sock' : undefined;
}

/** Longer than the slowest TPM command: the service has deadlines of its own. */
const DEADLINE_MS = 120_000;

type Waiting = { resolve(result: unknown): void; reject(error: NativeError): void };

/** The verbs through the service, or undefined where no service runs. Whoever put the socket there must be root, or the account that root gave its folder. */
export async function connectTpmService(path = servicePath(), owner = 0): Promise<TpmServiceClient | undefined> {
  if (path === undefined || path.startsWith('\\\\')) return undefined;
  const found = await stat(path).catch(() => undefined);
  if (!found?.isSocket()) return undefined;
  // A socket of another account would see, and answer, what this device proves.
  if (found.uid !== owner && !(await isServiceFolder(path, owner))) return undefined;
  const socket = await opened(path);
  return socket && attestorOver(socket);
}

/**
 * The same for a client that enrols or is enrolled: where another account of this machine holds the enrolment, that is said before a
 * person signs in for nothing. Error: `machine-enrolled`.
 */
export async function connectForEnrolment(
  ...where: Parameters<typeof connectTpmService>
): Promise<TpmServiceClient | undefined> {
  const service = await connectTpmService(...where);
  if (!service) return undefined;
  try {
    const { by, origin } = await service.enrolment();
    if (by === 'agent' || by === 'another') throw heldBy({ account: by, origin: origin ?? '' });
    return service;
  } catch (error) {
    await service.close();
    throw error;
  }
}

/** Asks the service one thing and leaves it; undefined where no service runs. */
export async function askService<T>(
  ask: (service: TpmServiceClient) => Promise<T>,
  connectTo: () => Promise<TpmServiceClient | undefined> = connectTpmService,
): Promise<T | undefined> {
  const service = await connectTo();
  if (!service) return undefined;
  try {
    return await ask(service);
  } finally {
    await service.close();
  }
}

/** The service runs as an account of its own; the folder that systemd made for it belongs to root or to that account. */
async function isServiceFolder(path: string, owner: number): Promise<boolean> {
  const [socket, folder, above] = await Promise.all(
    [path, dirname(path), dirname(dirname(path))].map((name) => stat(name).catch(() => undefined)),
  );
  if (!socket || !folder || !above) return false;
  return folder.uid === socket.uid && above.uid === owner && (above.mode & 0o022) === 0 && (folder.mode & 0o022) === 0;
}

function opened(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve(socket));
    // Not running, or not for this account: the caller has its own way to the TPM.
    socket.once('error', () => resolve(undefined));
  });
}

function attestorOver(socket: Socket): TpmServiceClient {
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let lost: NativeError | undefined;
  const fail = (error: NativeError) => {
    lost ??= error;
    for (const { reject } of waiting.values()) reject(lost);
    waiting.clear();
    socket.destroy();
  };
  const take = (line: string) => {
    const reply = readReply(line);
    // Answers no request: why this connection ends.
    if (reply?.id === 0 && 'error' in reply) return fail(decodeError(reply.error));
    const caller = reply && waiting.get(reply.id);
    if (!reply || !caller)
      return fail(new NativeError('tpm-response-malformed', 'The Muster service answered something unexpected.'));
    waiting.delete(reply.id);
    if ('error' in reply) caller.reject(decodeError(reply.error));
    else caller.resolve(reply.result);
  };
  socket.on(
    'data',
    lineReader(take, () =>
      fail(new NativeError('tpm-response-malformed', 'The answer of the Muster service is too long.')),
    ),
  );
  const gone = () => fail(new NativeError('tpm-connection-lost', 'The Muster service stopped answering.'));
  socket.on('error', gone);
  socket.on('close', gone);

  const ask = async <T>(verb: ServiceVerb, ...args: unknown[]): Promise<T> => {
    if (lost) throw lost;
    const id = nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    waiting.set(id, { resolve, reject });
    const timer = setTimeout(
      () => fail(new NativeError('tpm-timeout', 'The Muster service did not answer in time.')),
      DEADLINE_MS,
    );
    socket.write(encodeLine({ id, verb, args }));
    try {
      return (await promise) as T;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    kind: 'tpm',
    readEndorsement: () => ask('readEndorsement'),
    createAttestationKey: () => ask('createAttestationKey'),
    activateCredential: (...args) => ask('activateCredential', ...args),
    createDeviceKey: () => ask('createDeviceKey'),
    certify: (...args) => ask('certify', ...args),
    quote: (...args) => ask('quote', ...args),
    sign: (...args) => ask('sign', ...args),
    readSerials: () => ask('readSerials'),
    enrolment: () => ask('enrolment'),
    hold: (origin) => ask('hold', origin),
    release: () => ask('release'),
    async close() {
      lost ??= new NativeError('tpm-closed', 'The connection to the Muster service is closed.');
      socket.destroy();
    },
  };
}

function readReply(line: string): ServiceReply | undefined {
  try {
    const reply = decodeLine(line) as Partial<Record<'id' | 'error' | 'result', unknown>>;
    return typeof reply.id === 'number' ? (reply as ServiceReply) : undefined;
  } catch {
    // The caller reports a service that does not speak the protocol.
    return undefined;
  }
}
