import { TPM_CC } from '../../attestation/tpmConstants.ts';
import { isNativeError, NativeError } from '../errors.ts';
import { type Answer, decodeResponse, encodeCommand, responseCode } from './codec.ts';
import { listLoaded } from './handles.ts';
import type { Pipe } from './pipe.ts';
import { DEADLINES, type Duration, type Request } from './request.ts';
import { ABSENT, baseCode, OUT_OF_SLOTS, RC, RESEND, responseError, UNAUTHORIZED } from './responseCodes.ts';

/** How long a command may take once the TPM is being left. */
const PARTING_MS = 1_000;
const RESEND_PAUSE_MS = 20;
const RESEND_TRIES = 20;

/** An object that pieces of work of one burst share, and the name by which they know it again. */
export type Kept = { handle: number; name: Uint8Array };

/** Handles that one piece of work made; the scope flushes what is left when it ends, however it ends. */
export type Scope = {
  run(request: Request): Promise<Answer>;
  /** As `run`; undefined where the TPM answers one of the expected codes (without their position bits). */
  tryRun(request: Request, expected: readonly number[]): Promise<Answer | undefined>;
  /** Runs a command that makes a handle; the scope owns it until `flush` or the end. */
  make(request: Request): Promise<{ handle: number; answer: Answer }>;
  flush(handle: number): Promise<void>;
  /** Takes a session or a lost object off the list: there is nothing of ours at that handle any more. */
  forget(handle: number): void;
  /**
   * Leaves an object loaded for the rest of a burst; one that is persistent is only remembered. It is flushed by the first
   * work that fails or belongs to no burst, after `keepMs` without work, and on close. Outside of a burst it does nothing.
   */
  keep(object: Kept): void;
  /** What an earlier piece of work of this burst kept. The TPM may have been reset since: its user must find that out. */
  kept(): Kept | undefined;
};

/** An open TPM. Work is done one piece after the other, each in a scope of its own. */
export type Tpm = {
  /** Where it is reached, for people: `device:/dev/tpmrm0`. */
  readonly address: string;
  /** `burst`: further work will follow at once that needs what this one keeps. */
  work<T>(task: (scope: Scope) => Promise<T>, options?: { burst: boolean }): Promise<T>;
  close(): Promise<void>;
};

export type TpmOptions = {
  address: string;
  /** An upper limit for every command, in milliseconds, below the limits by kind. */
  deadlineMs?: number | undefined;
  /** The pipe is an emulator without firmware in front of it: start the TPM when it says that nobody has. */
  startsTpm?: boolean | undefined;
  /** How long an object that a burst keeps waits for more of its work, in milliseconds; without it nothing is kept. */
  keepMs?: number | undefined;
  /** No resource manager stands between: objects stay in the TPM when the connection ends (TPM 2.0 part 1, 37). */
  bare?: boolean | undefined;
  /** Called with every command and response; for benchmarks, which replay them. */
  onExchange?: ((command: Uint8Array, response: Uint8Array) => void) | undefined;
};

/** The command layer over a pipe: queue, deadlines, retries, and handles that never leak. */
export function createTpm(pipe: Pipe, options: TpmOptions): Tpm {
  let tail: Promise<unknown> = Promise.resolve();
  let closed = false;
  /** Handles that could not be flushed when their work ended (a lost pipe): tried again before the next work. */
  const left = new Set<number>();
  /** On a bare TPM: what lay in it before our first object, and whether an answer with a handle was lost since. */
  let foreign: Set<number> | undefined;
  let handleLost = false;
  let patience: number = DEADLINES.long;
  let kept: Kept | undefined;
  let idle: NodeJS.Timeout | undefined;

  const release = (): void => {
    if (kept && isTransient(kept.handle)) left.add(kept.handle);
    kept = undefined;
  };

  const exchange = async (bytes: Uint8Array, duration: Duration): Promise<Uint8Array> => {
    const limit = Math.min(DEADLINES[duration], options.deadlineMs ?? DEADLINES.long, patience);
    const response = await pipe.submit(bytes, limit);
    options.onExchange?.(bytes, response);
    return response;
  };

  /** Sends until the TPM has taken the command: with success, or with an answer that sending again does not change. */
  const send = async (request: Request): Promise<Uint8Array> => {
    const { duration = 'short', handles = [] } = request;
    let bytes = encodeCommand(request);
    let tries = 0;
    let flushed = false;
    let started = false;
    let { hierarchy } = request;
    for (;;) {
      const response = await exchange(bytes, duration);
      const rc = responseCode(response);
      if (rc === 0) return response;
      const base = baseCode(rc);
      if (RESEND.includes(base) && tries < RESEND_TRIES) {
        tries += 1;
        await new Promise((resolve) => setTimeout(resolve, RESEND_PAUSE_MS));
      } else if (OUT_OF_SLOTS.includes(base) && !flushed && (left.size > 0 || kept)) {
        flushed = true;
        if (kept && !handles.includes(kept.handle)) release();
        await flushLeft();
      } else if (base === RC.INITIALIZE && options.startsTpm && !started) {
        started = true;
        await exchange(encodeCommand({ code: TPM_CC.STARTUP, parameters: new Uint8Array(2) }), 'medium');
      } else {
        const password =
          hierarchy !== undefined && UNAUTHORIZED.includes(base) ? pipe.hierarchyAuth?.(hierarchy) : undefined;
        if (!password) return response;
        hierarchy = undefined;
        bytes = encodeCommand({ ...request, auths: [{ password }, ...(request.auths ?? []).slice(1)] });
      }
    }
  };

  const opened = (response: Uint8Array, { doing }: Request, handle: boolean): Answer => {
    const rc = responseCode(response);
    if (rc !== 0) throw responseError(rc, doing);
    return decodeResponse(response, { handle, what: doing });
  };

  const run = async (request: Request, handle = false): Promise<Answer> => opened(await send(request), request, handle);

  const flushHandle = async (handle: number): Promise<void> => {
    try {
      // A parameter by name (part 3, 28.4); without sessions it lies where a handle would.
      await run({ code: TPM_CC.FLUSH_CONTEXT, handles: [handle], doing: 'clearing a place in the TPM' });
      left.delete(handle);
    } catch (error) {
      if (!isNativeError(error, 'tpm-error') || !isAbsent(error.responseCode)) throw error;
      // Nothing is at that handle, which we wanted; or the answer that named it was garbled, and ours is at another.
      left.delete(handle);
      handleLost = options.bare === true;
    }
  };

  const flushLeft = async (): Promise<void> => {
    for (const handle of [...left]) await flushHandle(handle);
    if (!handleLost || !foreign) return;
    for (const handle of await listMine()) if (!foreign.has(handle)) left.add(handle);
    for (const handle of [...left]) await flushHandle(handle);
    handleLost = false;
  };

  const listMine = () => listLoaded((request) => run(request));

  const sendForHandle = async (request: Request): Promise<Answer & { handle: number }> => {
    if (options.bare && !foreign) foreign = new Set(await listMine());
    try {
      const answer = await run(request, true);
      return { ...answer, handle: answer.handle ?? 0 };
    } catch (error) {
      // The TPM may have made the object though its answer did not arrive whole.
      if (!isNativeError(error) || error.responseCode === undefined) handleLost = options.bare === true;
      throw error;
    }
  };

  const scoped = async <T>(task: (scope: Scope) => Promise<T>, burst: boolean): Promise<T> => {
    clearTimeout(idle);
    if (closed) throw new NativeError('tpm-closed', 'The connection to the TPM is closed.');
    if (!burst) release();
    if (left.size > 0 || handleLost) await flushLeft();
    const mine = new Set<number>();
    const scope: Scope = {
      run: (request) => run(request),
      async tryRun(request, expected) {
        const response = await send(request);
        const rc = responseCode(response);
        return rc !== 0 && expected.includes(baseCode(rc)) ? undefined : opened(response, request, false);
      },
      async make(request) {
        const answer = await sendForHandle(request);
        mine.add(answer.handle);
        return { handle: answer.handle, answer };
      },
      async flush(handle) {
        await flushHandle(handle);
        scope.forget(handle);
      },
      forget(handle) {
        mine.delete(handle);
        if (kept?.handle === handle) kept = undefined;
      },
      keep(object) {
        if (!burst || !options.keepMs) return;
        release();
        mine.delete(object.handle);
        kept = object;
      },
      kept: () => kept,
    };
    let failed = false;
    try {
      return await task(scope);
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      for (const handle of mine) left.add(handle);
      if (failed) release();
      // After a failure the pipe may be gone: the leftovers wait for the next work, and the first error is told.
      await flushLeft().catch((error: unknown) => {
        release();
        if (!failed) throw error;
      });
      if (kept) idle = setTimeout(() => void work(leaveNothing, false).catch(() => undefined), options.keepMs).unref();
    }
  };

  const work = <T>(task: (scope: Scope) => Promise<T>, burst: boolean): Promise<T> => {
    const mine = tail.then(() => scoped(task, burst));
    tail = mine.catch(() => undefined);
    return mine;
  };

  return {
    address: options.address,
    work: (task, { burst } = { burst: false }) => work(task, burst),
    async close() {
      await tail;
      // A resource manager clears up after a connection; on a bare TPM what could not be flushed yet is tried once more.
      const open = kept !== undefined || (options.bare === true && (left.size > 0 || handleLost));
      patience = PARTING_MS;
      // What cannot be flushed now is lost with the connection, or stays for whoever resets an emulator.
      if (open && !closed) await work(leaveNothing, false).catch(() => undefined);
      await tail;
      if (closed) return;
      closed = true;
      await pipe.close();
    },
  };
}

/** Work of no burst: before it begins, whatever was kept is flushed. */
const leaveNothing = async (): Promise<void> => undefined;

/** Part 2, 7.2: the first byte of a handle is its type; 0x80 is a transient object. */
const isTransient = (handle: number): boolean => handle >>> 24 === 0x80;

const isAbsent = (rc: number | undefined): boolean => rc !== undefined && ABSENT.includes(baseCode(rc));
