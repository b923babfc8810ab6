import { backoffMs, retrying } from './backoff.ts';
import { runCeremony } from './ceremony.ts';
import type { Core } from './core.ts';
import { AppError, toAppError, toUserError } from './errors.ts';
import { createHttp } from './http.ts';
import { checkServer, readIdentity, refuseSoftwareTpm, whatWillBeSent } from './identity.ts';
import { createInventory } from './inventory.ts';
import type { Keeper } from './keeper.ts';
import type { AppEvent } from './machine.ts';
import { closeProver } from './prover.ts';
import type { CeremonyRecord } from './records.ts';
import { serverOrigin } from './serverUrl.ts';
import { browserSignIn, deviceCodeSignIn, provisioningSignIn, type SignIn } from './signIn.ts';

/** Preparing and running ceremonies, one at a time. */
export type Enrolling = ReturnType<typeof createEnrolling>;

type Kind = 'prepare' | 'enroll';
type Run = { controller: AbortController; done: Promise<void> };

export function createEnrolling(core: Core, keeper: Keeper) {
  const { ports, slots, options, now } = core;
  const { clock, log } = ports;
  let run: Run | undefined;
  let again: Kind = 'prepare';
  let byPolicy = false;

  const WORK: Record<Kind, { first: AppEvent; work: (signal: AbortSignal) => Promise<void> }> = {
    prepare: { first: { type: 'prepare' }, work: prepare },
    enroll: { first: { type: 'begin' }, work: enroll },
  };

  /** The next run waits until the last one has let go of the hardware. */
  function begin(kind: Kind): void {
    // The state is the guard: it says "enrolling" from here, in this very turn, until the run has ended or was cancelled.
    if (['enrolling', 'signing-in', 'enrolled'].includes(core.state().kind)) return;
    const before = run?.done ?? Promise.resolve();
    const controller = new AbortController();
    const signal = AbortSignal.any([controller.signal, core.life.signal]);
    again = kind;
    core.dispatch(WORK[kind].first);
    const done = before
      .then(() => core.alone(() => WORK[kind].work(signal)))
      .catch((thrown: unknown) => {
        if (signal.aborted) return;
        const error = toAppError(thrown);
        log.warn('the ceremony stopped', { code: error.code });
        if (error.code === 'unexpected') log.error('unexpected', { cause: String(error.cause) });
        core.dispatch({ type: 'failed', error: toUserError(error), retry: true });
      });
    run = { controller, done };
  }

  async function openServer(signal: AbortSignal) {
    const { team, serverUrl } = core.settings();
    const wanted = now.target ?? serverUrl;
    if (wanted === null) throw new AppError('server-not-muster', 'No server is set.', { advice: 'Enter its address.' });
    const inventory = createInventory(createHttp(serverOrigin(wanted), ports), signal);
    const server = await retrying(() => inventory.server(), { clock, signal, forMs: 10_000 });
    checkServer(server, team, clock);
    now.demo = server.demo;
    return { inventory, server };
  }

  async function prepare(signal: AbortSignal): Promise<void> {
    const { inventory, server } = await openServer(signal);
    const { machine, prover } = await readIdentity(ports.hardware);
    await closeProver(prover);
    if (core.settings().refuseSoftwareTpm) refuseSoftwareTpm(prover);
    signal.throwIfAborted();
    const send = whatWillBeSent(machine, prover);
    core.dispatch({ type: 'identity-read', serverUrl: inventory.origin, team: server.team.name, send });
  }

  async function enroll(signal: AbortSignal): Promise<void> {
    const { inventory, server } = await openServer(signal);
    const { machine, prover } = await readIdentity(ports.hardware);
    try {
      if (core.settings().refuseSoftwareTpm) refuseSoftwareTpm(prover);
      const record = await runCeremony({
        inventory,
        server,
        machine,
        prover,
        signIn: chooseSignIn(),
        saved: await savedCeremony(),
        save,
        progress: {
          step: (step, code) => core.dispatch({ type: 'step', step, code }),
          signingIn: ({ code, url, userCode, expiresAt }) =>
            core.dispatch({
              type: 'browser-waiting',
              code,
              browserUrl: url,
              expiresAt: expiresAt.toISOString(),
              ...(userCode === null ? {} : { userCode }),
            }),
          waitingForServer: (error) => log.info('waiting for the server', { code: error.code }),
        },
        clock,
        fetch: ports.fetch,
        log,
        signal,
      });
      await slots.enrollment.write(record);
      await slots.ceremony.remove();
      await core.choose({ serverUrl: record.origin });
      now.connection = { kind: 'online' };
      core.dispatch({ type: 'enrolled', device: record.device });
      keeper.follow(record);
    } finally {
      await closeProver(prover);
    }
  }

  function chooseSignIn(): SignIn {
    if (options.signIn) return options.signIn;
    const { provisioningToken, selfEnrolment } = core.settings();
    if (provisioningToken) return provisioningSignIn(provisioningToken);
    switch (selfEnrolment) {
      case 'browser':
        return browserSignIn(ports.browser, 'wait');
      case 'device-code':
        return deviceCodeSignIn();
      case 'off':
        throw new AppError(
          'self-enrolment-off',
          'The settings of your organization do not let people enrol this device.',
        );
      default:
        throw selfEnrolment satisfies never;
    }
  }

  /** Where the system has no safe place for secrets, a ceremony is not kept at all: it starts over after a restart. */
  async function save(value: CeremonyRecord): Promise<void> {
    try {
      await slots.ceremony.write(value);
    } catch (error) {
      if (toAppError(error).code !== 'secret-store-unsafe') throw error;
      log.warn('the ceremony is not saved: there is no safe place for its secret');
    }
  }

  /** A damaged or undecryptable half-made ceremony is worth nothing: it is dropped, and the ceremony starts over. */
  async function savedCeremony(): Promise<CeremonyRecord | undefined> {
    try {
      return await slots.ceremony.read();
    } catch (error) {
      log.warn('the saved ceremony cannot be read; starting over', { code: toAppError(error).code });
      await slots.ceremony.remove();
      return undefined;
    }
  }

  async function tryForEver(): Promise<void> {
    const { life, wake } = core;
    for (let attempt = 0; byPolicy && !life.signal.aborted; attempt += 1) {
      begin('enroll');
      await run?.done;
      if (core.state().kind !== 'failed') return;
      await wake.sleep(clock, backoffMs(attempt, clock.random(), { firstMs: 10_000, maxMs: 900_000 }), life.signal);
      if (core.state().kind !== 'failed') return;
    }
  }

  return {
    prepare: () => begin('prepare'),
    enroll: () => begin('enroll'),
    again: () => begin(again),
    /** A ceremony that a killed client left, with a grant that still lives, goes on without anybody. */
    async resume(): Promise<boolean> {
      const half = await savedCeremony();
      if (!half?.grant || Date.parse(half.grant.expiresAt) <= clock.now().getTime()) return false;
      now.target = half.origin;
      begin('enroll');
      return true;
    },
    /** With server and provisioning token set by IT, nobody is there to press a button: tries for ever, slowly. */
    followPolicy(): boolean {
      const { provisioningToken, serverUrl } = core.settings();
      if (!provisioningToken || !serverUrl || byPolicy) return false;
      byPolicy = true;
      void tryForEver().finally(() => {
        byPolicy = false;
      });
      return true;
    },
    /** Ends what is under way and forgets it. */
    async cancel(): Promise<void> {
      byPolicy = false;
      run?.controller.abort(new AppError('sign-in-cancelled', 'The enrolment was cancelled.'));
      core.dispatch(core.left());
      await run?.done;
      await slots.ceremony.remove();
    },
    settled: async () => run?.done,
  };
}
