import type { SelfDevice } from '../contract/index.ts';
import { proveOtherKeys } from './aliases.ts';
import type { Core } from './core.ts';
import { AppError, toAppError, toUserError } from './errors.ts';
import { createWake, followDevice } from './eventStream.ts';
import { createHttp } from './http.ts';
import { readIdentity } from './identity.ts';
import { createInventory } from './inventory.ts';
import { closeProver, occasionalSigner } from './prover.ts';
import { reattest, reattestationDue } from './reattest.ts';
import type { EnrollmentRecord } from './records.ts';

/** The enrolled device: its record, its event stream, and what it can ask of the server. */
export type Keeper = ReturnType<typeof createKeeper>;

/** Codes by which the server says that it does not know this device key any more. */
const UNKNOWN_HERE = ['unauthenticated', 'not-found', 'device-deleted'];

const HOUR_MS = 3_600_000;

export function createKeeper(core: Core) {
  const { ports, slots, now } = core;
  const { clock, log } = ports;
  let record: EnrollmentRecord | undefined;
  let follower: { controller: AbortController; done: Promise<void> } | undefined;
  let saved: Promise<void> = Promise.resolve();
  /** Ends the pause before the next look whether an attestation is due. */
  const due = createWake();

  function follow(enrolled: EnrollmentRecord): void {
    record = enrolled;
    now.demo = enrolled.device.demo;
    now.connection = { kind: 'online' };
    const controller = new AbortController();
    const signal = AbortSignal.any([controller.signal, core.life.signal]);
    const following = followDevice({
      http: createHttp(enrolled.origin, ports),
      signer: occasionalSigner(ports.hardware, enrolled.deviceKey, core.alone),
      clock,
      signal,
      wake: core.wake,
      listener: {
        device: ({ device }) => void seen(device),
        online() {
          if (now.connection.kind === 'online') return;
          now.connection = { kind: 'online' };
          core.emit();
        },
        offline(error) {
          const since = now.connection.kind === 'offline' ? now.connection.since : clock.now().toISOString();
          const lastKnownAt = record?.seenAt ?? null;
          now.connection = { kind: 'offline', since, lastKnownAt, reason: toUserError(error) };
          core.emit();
        },
      },
    });
    const done = Promise.all([following, reattestInTime(signal), hold(enrolled.origin)]).then(() => undefined);
    follower = { controller, done };
  }

  /** At every start, so that a service that was installed later learns of it too. */
  async function hold(origin: string): Promise<void> {
    await ports.hardware.hold?.(origin).catch((error: unknown) => {
      log.warn('the enrolment is not held for this account', { code: toAppError(error).code });
    });
  }

  /** Looks about once an hour, at once when the server calls the attestation stale; a failure is tried again at the next look. */
  async function reattestInTime(signal: AbortSignal): Promise<void> {
    // Not in step with all the other machines that start at nine.
    await due.sleep(clock, 30_000 * clock.random(), signal);
    while (!signal.aborted) {
      if (record && reattestationDue(record, clock.now())) {
        await attestAgain().catch((error: unknown) => {
          if (!signal.aborted) log.warn('attesting again failed', { code: toAppError(error).code });
        });
      }
      await due.sleep(clock, HOUR_MS * (0.75 + clock.random() / 2), signal);
    }
  }

  async function attestAgain({ otherKeys = false } = {}): Promise<void> {
    const { record: current, inventory } = enrolled();
    await core.alone(async () => {
      const { prover } = await readIdentity(ports.hardware);
      try {
        const { device, akChain } = await reattest(current, prover, inventory, clock);
        await seen(device, akChain);
        const proven = otherKeys ? await proveOtherKeys(current, prover, inventory) : undefined;
        if (proven) await seen(proven);
      } finally {
        await closeProver(prover);
      }
    });
  }

  async function seen(device: SelfDevice, akChain?: string[]): Promise<void> {
    if (!record) return;
    record = { ...record, device, akChain: akChain ?? record.akChain, seenAt: clock.now().toISOString() };
    now.demo = device.demo;
    core.dispatch({ type: 'device', device });
    if (device.attestation === 'stale') due.now();
    saved = slots.enrollment.write(record).catch((error: unknown) => {
      log.error('the state could not be saved', { code: toAppError(error).code });
    });
    await saved;
  }

  function enrolled() {
    if (!record) throw new AppError('unauthenticated', 'This device is not enrolled.');
    const inventory = createInventory(createHttp(record.origin, ports), core.life.signal);
    return { record, inventory, signer: occasionalSigner(ports.hardware, record.deviceKey, core.alone) };
  }

  /** Forgets keys and device on this machine. */
  async function forget(): Promise<void> {
    enrolled();
    follower?.controller.abort();
    await follower?.done;
    follower = undefined;
    record = undefined;
    now.connection = { kind: 'online' };
    await slots.enrollment.remove();
    await slots.ceremony.remove();
    await ports.hardware.release?.().catch((error: unknown) => {
      log.warn('the enrolment is still held for this account', { code: toAppError(error).code });
    });
    core.dispatch(core.left());
  }

  return {
    origin: () => record?.origin ?? null,
    follow,
    forget,
    async refresh(): Promise<void> {
      const { inventory, signer } = enrolled();
      await seen(await inventory.self(signer));
      core.wake.now();
    },
    reattest: attestAgain,
    async unenroll(): Promise<void> {
      const { inventory, signer } = enrolled();
      await inventory.unenroll(signer).catch((error: unknown) => {
        // What the server no longer knows remains to be forgotten here.
        if (!UNKNOWN_HERE.includes(toAppError(error).code)) throw error;
      });
      await forget();
    },
    async settled(): Promise<void> {
      await follower?.done;
      await saved;
    },
  };
}
