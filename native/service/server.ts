import { chmod, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { NativeError } from '../errors.ts';
import type { TpmAttestor } from '../tpm/attestor.ts';
import { openLedger, ROOT } from './ledger.ts';
import { type Admission, accountOf, createPeerReader, readAdmission } from './peer.ts';
import {
  decodeLine,
  type EnrolmentHeld,
  encodeError,
  encodeLine,
  idOf,
  lineReader,
  parseRequest,
  type Serials,
  type ServiceReply,
  type ServiceRequest,
  type ServiceVerb,
  tellable,
} from './protocol.ts';
import { collectSerials } from './serials.ts';
import { createTurns, type Limits } from './turns.ts';

export type ServiceOptions = {
  /** A UNIX socket. */
  path: string;
  /** Opens the TPM; called for each burst of requests, so that other programs get their turn in between. */
  open(): Promise<TpmAttestor>;
  /** Where it is remembered which account enrolled this machine; without it, until the service ends. */
  ledger?: string | undefined;
  /** Which accounts are answered. The socket itself lets everyone in who can reach it: what counts is whom the kernel names. */
  admission?: Admission | undefined;
  readSerials?: (() => Promise<Serials>) | undefined;
  /** Requests that may wait, of one account and of all together. */
  waiting?: Limits | undefined;
  /** Connections that may be open. */
  connections?: Limits | undefined;
};

export type TpmService = { close(): Promise<void> };

const WITHOUT_TPM: ReadonlySet<ServiceVerb> = new Set(['readSerials', 'enrolment', 'hold', 'release']);
const WAITING: Limits = { each: 16, all: 64 };
const CONNECTIONS: Limits = { each: 8, all: 64 };
/** A TPM without a request for this long is left to others. */
const IDLE_MS = 2_000;
/** How long, and how many at once, clients that are not let in may hear why. */
const [GOODBYE_MS, MOST_TURNED_AWAY] = [2_000, 16];
/** A client that does not read its answers is ended beyond this many bytes. */
const MOST_UNREAD = 4 * 1024 * 1024;

/**
 * Offers the fixed verbs to accounts of this machine. Keys stay wrapped by the TPM; the service keeps nothing but whose enrolment this
 * machine's is. One verb at a time, turn about between accounts. Errors: `state-folder-unusable`, `tpm-busy`, `platform-unsupported`.
 */
export async function startTpmService(options: ServiceOptions): Promise<TpmService> {
  const { path, open, readSerials = collectSerials } = options;
  if (process.platform !== 'linux' || path.startsWith('\\\\')) throw unsupported();
  const admission = options.admission ?? readAdmission(process.getuid?.() ?? 0);
  const connections = options.connections ?? CONNECTIONS;
  const peerOf = createPeerReader();
  const ledger = await openLedger(options.ledger);
  const turns = createTurns(options.waiting ?? WAITING);
  /** What needs no TPM does not wait for one. */
  const asides = createTurns(options.waiting ?? WAITING);
  await removeStale(path);
  const clients = new Map<Socket, string>();
  let attestor: TpmAttestor | undefined;
  let idle: NodeJS.Timeout | undefined;
  let turnedAway = 0;

  const leave = async () => {
    clearTimeout(idle);
    const open = attestor;
    attestor = undefined;
    await open?.close();
  };

  const onTpm = async (request: ServiceRequest): Promise<unknown> => {
    clearTimeout(idle);
    attestor ??= await open();
    const verb = attestor[request.verb as keyof TpmAttestor] as (...args: unknown[]) => Promise<unknown>;
    try {
      return await verb(...request.args);
    } finally {
      // Where the turns are full the TPM is not idle, and the next request sets this anew.
      idle = setTimeout(() => void turns.run('service', leave).catch(() => undefined), IDLE_MS);
      idle.unref();
    }
  };

  const perform = async (account: string, request: ServiceRequest): Promise<unknown> => {
    const holding = ledger.holding();
    switch (request.verb) {
      case 'readSerials':
        return readSerials();
      case 'enrolment':
        return { by: holderFor(account, holding?.account), origin: holding?.origin ?? null };
      case 'hold':
        return (await ledger.hold(account, String(request.args[0]))) ?? null;
      case 'release':
        return (await ledger.release(account)) ?? null;
      case 'readEndorsement':
        return onTpm(request);
      case 'certify':
      case 'quote':
      case 'sign':
        ledger.checkHeld(account);
        return onTpm(request);
      case 'createAttestationKey':
      case 'activateCredential':
      case 'createDeviceKey':
        ledger.begin(account);
        return onTpm(request);
      default:
        throw request.verb satisfies never;
    }
  };

  const say = (client: Socket, reply: ServiceReply) => {
    if (client.destroyed) return;
    client.write(encodeLine(reply));
    if (client.writableLength > MOST_UNREAD) client.destroy();
  };

  const answer = async (line: string, account: string, client: Socket): Promise<void> => {
    let id = 0;
    try {
      const message = decodeLine(line);
      id = idOf(message);
      const request = parseRequest(message);
      const queue = WITHOUT_TPM.has(request.verb) ? asides : turns;
      say(client, { id, result: await queue.run(account, () => perform(account, request)) });
    } catch (error) {
      say(client, encodeError(id, error instanceof SyntaxError ? parseFailure() : tellable(error)));
    }
  };

  const admit = (client: Socket): string => {
    const account = accountOf(peerOf(client), admission);
    if (account === undefined) {
      throw new NativeError('tpm-permission', 'The Muster service does not answer this account.', {
        advice: 'It answers people, root, and members of the group "muster".',
      });
    }
    const own = [...clients.values()].filter((other) => other === account).length;
    if (own >= connections.each || clients.size >= connections.all) {
      throw new NativeError('tpm-busy', 'The Muster service has too many connections.', {
        advice: 'Close other programs that use it, and try again.',
      });
    }
    return account;
  };

  /** Says why, and goes on reading for a moment: an end with unread requests would take the reason with it. */
  const turnAway = (client: Socket, why: unknown): void => {
    if (turnedAway >= MOST_TURNED_AWAY) {
      client.destroy();
      return;
    }
    turnedAway += 1;
    const timer = setTimeout(() => client.destroy(), GOODBYE_MS);
    client.on('close', () => {
      clearTimeout(timer);
      turnedAway -= 1;
    });
    client.resume();
    client.end(encodeLine(encodeError(0, tellable(why))));
  };

  const server = createServer((client) => {
    // A client that goes away in the middle is its own affair.
    client.on('error', () => client.destroy());
    try {
      const account = admit(client);
      clients.set(client, account);
      client.on('close', () => {
        clients.delete(client);
        if (![...clients.values()].includes(account)) ledger.gone(account);
      });
      client.on(
        'data',
        lineReader(
          (line) => void answer(line, account, client),
          () => client.destroy(),
        ),
      );
    } catch (error) {
      turnAway(client, error);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new NativeError('state-folder-unusable', `The Muster service cannot listen on ${path}.`, { cause })),
    );
    server.listen(path, resolve);
  });
  await chmod(path, 0o666);
  return {
    async close() {
      for (const client of clients.keys()) client.destroy();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all([turns.settled(), asides.settled()]);
      await leave();
    },
  };
}

function holderFor(account: string, holder: string | undefined): EnrolmentHeld['by'] {
  if (holder === undefined) return 'nobody';
  if (holder === account || account === ROOT) return 'you';
  return holder === 'agent' ? 'agent' : 'another';
}

function parseFailure(): NativeError {
  return new NativeError('service-request-refused', 'The Muster service does not understand this request.');
}

function unsupported(): NativeError {
  return new NativeError('platform-unsupported', 'There is no Muster service on this operating system.', {
    advice:
      'On Windows, Muster asks for administrator rights once instead: its service could not tell who asks through a named pipe. A Mac has no TPM.',
  });
}

/** Removes a socket that nobody listens on any more; another running service is left alone and told. */
async function removeStale(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) throw new NativeError('state-folder-unusable', `${path} is not a socket.`);
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
  if (alive)
    throw new NativeError('tpm-busy', 'Another Muster service is running on this machine.', {
      advice: 'Stop it first.',
    });
  await rm(path, { force: true });
}
