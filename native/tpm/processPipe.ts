import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NativeError } from '../errors.ts';
import { checkCommand, checkResponse, type Pipe, timedOut } from './pipe.ts';
import { nativeError, type PipeProcess, type PipeReply, type SpawnPipe } from './pipeProtocol.ts';

const OPEN_DEADLINE_MS = 15_000;
const CLOSE_DEADLINE_MS = 1_000;

type Waiting = { resolve(response: Uint8Array): void; reject(error: NativeError): void };

/** One running pipe process: requests by id, and an end that rejects everything under way. */
type Running = {
  submit(command: Uint8Array, deadlineMs: number): Promise<Uint8Array>;
  close(): Promise<void>;
  readonly alive: () => boolean;
};

/**
 * The pipe in a child process. A command past its deadline, and a crash, end the child; the next command starts a new
 * one. The command that failed is not sent again: the TPM may have carried it out.
 */
export async function openProcessPipe(tcti: string, spawn: SpawnPipe = forkPipe): Promise<Pipe> {
  let running: Running | undefined = await start(spawn(tcti));
  let closed = false;
  return {
    async submit(command, deadlineMs) {
      checkCommand(command);
      if (closed) throw new NativeError('tpm-closed', 'The connection to the TPM is closed.');
      if (!running?.alive()) running = await start(spawn(tcti));
      return checkResponse(await running.submit(command, deadlineMs));
    },
    async close() {
      closed = true;
      await running?.close();
    },
  };
}

/** Runs `pipeChild` under the Node that runs this process. The child inherits no option that loads code. */
export function forkPipe(tcti: string, childModule: string = pipeModule()): PipeProcess {
  const environment: NodeJS.ProcessEnv = { TSS2_LOG: 'all+NONE' };
  for (const name of ['PATH', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR', 'DBUS_SYSTEM_BUS_ADDRESS']) {
    if (process.env[name] !== undefined) environment[name] = process.env[name];
  }
  const child = fork(childModule, [tcti], {
    serialization: 'advanced',
    env: environment,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  // A send to a child that has just ended fails through the callback; onExit tells the rest.
  child.on('error', () => child.kill('SIGKILL'));
  return {
    send: (message) => void child.send(message, () => undefined),
    onMessage: (listener) => void child.on('message', (message) => listener(message as PipeReply)),
    onExit: (listener) => void child.on('exit', listener),
    kill: () => void child.kill('SIGKILL'),
  };
}

/** Beside this file: TypeScript in a checkout, a bundle of its own where this file is bundled. */
function pipeModule(): string {
  const name = import.meta.url.endsWith('.ts') ? './pipeChild.ts' : './pipeChild.mjs';
  return fileURLToPath(new URL(name, import.meta.url));
}

async function start(process: PipeProcess): Promise<Running> {
  const waiting = new Map<number, Waiting>();
  let alive = true;
  let nextId = 1;
  let ended: () => void = () => undefined;
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });

  const stop = (error: NativeError) => {
    alive = false;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    process.kill();
  };
  const expect = (id: number, deadlineMs: number): Promise<Uint8Array> => {
    const timer = setTimeout(() => stop(timedOut(deadlineMs)), deadlineMs);
    const answer = new Promise<Uint8Array>((resolve, reject) => waiting.set(id, { resolve, reject }));
    return answer.finally(() => clearTimeout(timer));
  };

  process.onExit(() => {
    stop(new NativeError('tpm-connection-lost', 'The process that talks to the TPM ended unexpectedly.'));
    ended();
  });
  process.onMessage((message) => {
    const caller = waiting.get(message.id);
    waiting.delete(message.id);
    if (!caller) return;
    if (message.kind === 'error') caller.reject(nativeError(message.error));
    else caller.resolve(message.kind === 'response' ? new Uint8Array(message.response) : new Uint8Array(0));
  });

  try {
    await expect(0, OPEN_DEADLINE_MS);
  } catch (error) {
    process.kill();
    throw error;
  }
  return {
    alive: () => alive,
    async submit(command, deadlineMs) {
      const id = nextId++;
      const answer = expect(id, deadlineMs);
      // The child's own limit comes later: this one decides, because it can end a blocked call.
      process.send({ id, kind: 'submit', command, deadlineMs: deadlineMs + 1000 });
      return answer;
    },
    async close() {
      if (!alive) return;
      alive = false;
      process.send({ id: 0, kind: 'close' });
      const timer = setTimeout(() => process.kill(), CLOSE_DEADLINE_MS);
      await end;
      clearTimeout(timer);
    },
  };
}
