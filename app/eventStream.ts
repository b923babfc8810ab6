import { SelfEvent } from '../contract/index.ts';
import { backoffMs, isTransient } from './backoff.ts';
import { AppError, toAppError } from './errors.ts';
import type { Http } from './http.ts';
import type { Clock } from './ports.ts';
import type { DeviceSigner } from './signature.ts';
import { readEvents } from './sse.ts';

export type StreamListener = {
  device(event: SelfEvent): void;
  online(): void;
  offline(error: AppError): void;
};

/** A server restart must not bring every client back in one second, nor keep one away for long. */
const RECONNECT = { firstMs: 500, maxMs: 60_000 };
/** What the server decided (a deleted device, an unknown key) changes seldom: ask again, but slowly. */
const REFUSED = { firstMs: 15_000, maxMs: 600_000 };
/** The server sends a comment at least every 30 s; a connection without one for this long is dead. */
const SILENCE_MS = 90_000;

/**
 * Keeps one event stream of this device open until aborted: reconnects with backoff and jitter for ever, because an enrolled device stays
 * enrolled whatever the network does. `wake` ends a pause at once (the person asked to refresh, the machine woke up).
 */
export async function followDevice(options: {
  http: Http;
  signer: DeviceSigner;
  clock: Clock;
  listener: StreamListener;
  signal: AbortSignal;
  wake: Wake;
}): Promise<void> {
  const { clock, listener, signal, wake } = options;
  let attempt = 0;
  while (!signal.aborted) {
    let problem: AppError;
    try {
      problem = await readOnce(options, () => {
        attempt = 0;
      });
    } catch (error) {
      if (signal.aborted) return;
      problem = toAppError(error);
    }
    if (signal.aborted) return;
    // A stream that ends by itself is a server that restarts: reconnect before anybody is told.
    if (problem.code !== 'server-unreachable' || attempt > 0) listener.offline(problem);
    const limits = isTransient(problem) ? RECONNECT : REFUSED;
    const ms = Math.max(problem.retryAfterMs ?? 0, backoffMs(attempt, clock.random(), limits));
    attempt += 1;
    await wake.sleep(clock, ms, signal);
  }
}

async function readOnce(options: Parameters<typeof followDevice>[0], onOpen: () => void): Promise<AppError> {
  const { http, signer, clock, listener, signal } = options;
  const silence = new AbortController();
  const watch = watchdog(clock, SILENCE_MS, () => {
    silence.abort(new AppError('server-unreachable', 'The server has gone silent.'));
  });
  try {
    const both = AbortSignal.any([signal, silence.signal]);
    const stream = await http.stream('/api/v1/self/events', { kind: 'device', signer }, both);
    listener.online();
    for await (const event of readEvents(stream)) {
      watch.seen();
      onOpen();
      if (event.event === 'comment') continue;
      const parsed = SelfEvent.safeParse(parseJson(event.data));
      if (parsed.success) listener.device(parsed.data);
    }
    return new AppError('server-unreachable', 'The server ended the connection.');
  } catch (error) {
    if (silence.signal.aborted) throw silence.signal.reason;
    throw error;
  } finally {
    watch.stop();
  }
}

function watchdog(clock: Clock, ms: number, bark: () => void) {
  let seen = clock.now().getTime();
  const stopped = new AbortController();
  void (async () => {
    while (!stopped.signal.aborted) {
      await clock.sleep(ms / 3, stopped.signal);
      if (!stopped.signal.aborted && clock.now().getTime() - seen > ms) return bark();
    }
  })();
  return {
    seen: () => {
      seen = clock.now().getTime();
    },
    stop: () => stopped.abort(),
  };
}

/** A pause that can be cut short. */
export type Wake = { now(): void; sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> };
export function createWake(): Wake {
  let current = new AbortController();
  return {
    now() {
      current.abort();
      current = new AbortController();
    },
    sleep: (clock, ms, signal) => clock.sleep(ms, AbortSignal.any([signal, current.signal])),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
