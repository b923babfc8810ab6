import type {
  AppSnapshot,
  Bridge,
  BridgeMethod,
  BridgeParams,
  BridgeResult,
  Connection,
  ManagedProfile,
  SelfDevice,
} from '../contract/index.ts';
import { backoffMs, retrying } from './backoff.ts';
import { runCeremony } from './ceremony.ts';
import { diagnose } from './diagnostics.ts';
import { AppError, toAppError, toUserError } from './errors.ts';
import { createWake, followDevice } from './eventStream.ts';
import { createHttp } from './http.ts';
import { checkServer, readIdentity, refuseSoftwareTpm, whatWillBeSent } from './identity.ts';
import { createInventory } from './inventory.ts';
import { type AppEvent, INITIAL, transition } from './machine.ts';
import type { ManagedSettings } from './managedSettings.ts';
import type { Ports } from './ports.ts';
import { closeProver, exclusive, occasionalSigner } from './prover.ts';
import { reattest } from './reattest.ts';
import { type CeremonyRecord, type EnrollmentRecord, openSlots, type SettingsRecord } from './records.ts';
import { serverOrigin } from './serverUrl.ts';
import { DEFAULT_SETTINGS, type SettingsInForce, settingsInForce } from './settings.ts';
import { browserSignIn, deviceCodeSignIn, provisioningSignIn, type SignIn } from './signIn.ts';

export type AppOptions = {
  version: string;
  platform: AppSnapshot['platform'];
  host: AppSnapshot['host'];
  /** Used where neither policy nor the person named a server. */
  serverUrl?: string | undefined;
  /** What the organization set; the owner closes it. */
  managed?: ManagedSettings | undefined;
  help: { help: string; privacy: string };
  /** How a person signs in; by default as the settings say, in the browser or with a code. */
  signIn?: SignIn | undefined;
  /** Told of the settings in force at the start and after every change (start at login, updates). */
  onSettings?: ((settings: SettingsInForce) => void) | undefined;
};

export type MusterApp = {
  bridge: Bridge;
  /** Reads the saved state; follows the device, resumes a ceremony, or enrols by policy. Never throws for what the window can show. */
  start(): Promise<void>;
  /** A link asked for this server: nothing happens before the person agreed. Text that is no server address is refused. */
  askForServer(url: string): Promise<void>;
  /** Origin of the server that the client speaks to now, if any: what may be opened in the browser besides the documentation. */
  currentServer(): string | null;
  close(): Promise<void>;
};

type Run = { controller: AbortController; done: Promise<void> };

/** The client's core behind the bridge: the same for Electron, the browser host and tests. */
export function createApp(ports: Ports, options: AppOptions): MusterApp {
  const { clock, log } = ports;
  const slots = openSlots(ports.store);
  const alone = exclusive();
  const wake = createWake();
  const listeners = new Set<(snapshot: AppSnapshot) => void>();
  const life = new AbortController();

  let state = INITIAL;
  let connection: Connection = { kind: 'online' };
  let chosen: SettingsRecord = DEFAULT_SETTINGS;
  let enrollment: EnrollmentRecord | undefined;
  let serverQuestion: AppSnapshot['serverQuestion'] = null;
  let demo = false;
  let target: string | null = null;
  let again: 'prepare' | 'enroll' = 'prepare';
  let run: Run | undefined;
  let follower: Run | undefined;
  let stopManaged: (() => void) | undefined;
  let saved: Promise<void> = Promise.resolve();

  const profile = (): ManagedProfile => options.managed?.current().profile ?? {};
  const settings = () => settingsInForce(profile(), chosen, options.serverUrl ?? null);

  function snapshot(): AppSnapshot {
    const { serverUrl, startAtLogin, language } = settings();
    return {
      state,
      connection,
      demo,
      version: options.version,
      platform: options.platform,
      host: options.host,
      managed: options.managed?.strengths() ?? {},
      settings: { serverUrl, startAtLogin, language },
      serverQuestion,
    };
  }

  function emit(): void {
    const now = snapshot();
    for (const listener of listeners) listener(now);
  }

  function dispatch(event: AppEvent): void {
    const next = transition(state, event);
    if (next === state) return;
    state = next;
    log.info('state', { kind: state.kind, ...(state.kind === 'enrolling' ? { step: state.step } : {}) });
    emit();
  }

  const left = (): AppEvent => ({ type: 'left', serverUrl: settings().serverUrl, team: settings().team });

  /** One ceremony (or its preparation) at a time; the next waits until the last one has let go of the hardware. */
  function begin(kind: typeof again, first: AppEvent, work: (signal: AbortSignal) => Promise<void>): void {
    // The state is the guard: it says "enrolling" from here, in this very turn, until the run has ended or was cancelled.
    if (state.kind === 'enrolling' || state.kind === 'signing-in' || state.kind === 'enrolled') return;
    const before = run?.done ?? Promise.resolve();
    const controller = new AbortController();
    const signal = AbortSignal.any([controller.signal, life.signal]);
    again = kind;
    dispatch(first);
    const done = before
      .then(() => alone(() => work(signal)))
      .catch((thrown: unknown) => {
        if (signal.aborted) return;
        const error = toAppError(thrown);
        log.warn('the ceremony stopped', { code: error.code });
        if (error.code === 'unexpected') log.error('unexpected', { cause: String(error.cause) });
        dispatch({ type: 'failed', error: toUserError(error), retry: true });
      })
      .finally(() => {
        if (run === mine) run = undefined;
      });
    const mine: Run = { controller, done };
    run = mine;
  }

  async function openServer(signal: AbortSignal) {
    const { team, serverUrl } = settings();
    const wanted = target ?? serverUrl;
    if (wanted === null) throw new AppError('server-not-muster', 'No server is set.', { advice: 'Enter its address.' });
    const http = createHttp(serverOrigin(wanted), ports);
    const inventory = createInventory(http, signal);
    const server = await retrying(() => inventory.server(), { clock, signal, forMs: 10_000 });
    checkServer(server, team, clock);
    demo = server.demo;
    return { inventory, server };
  }

  async function prepare(signal: AbortSignal): Promise<void> {
    const { inventory, server } = await openServer(signal);
    const { machine, prover } = await readIdentity(ports.hardware);
    await closeProver(prover);
    if (settings().refuseSoftwareTpm) refuseSoftwareTpm(prover);
    signal.throwIfAborted();
    const send = whatWillBeSent(machine, prover);
    dispatch({ type: 'identity-read', serverUrl: inventory.origin, team: server.team.name, send });
  }

  async function enroll(signal: AbortSignal): Promise<void> {
    const { inventory, server } = await openServer(signal);
    const { machine, prover } = await readIdentity(ports.hardware);
    try {
      if (settings().refuseSoftwareTpm) refuseSoftwareTpm(prover);
      const record = await runCeremony({
        inventory,
        server,
        machine,
        prover,
        signIn: chooseSignIn(),
        saved: await readSavedCeremony(),
        save: saveCeremony,
        progress: {
          step: (step, code) => dispatch({ type: 'step', step, code }),
          signingIn: ({ code, url, expiresAt }) =>
            dispatch({ type: 'browser-waiting', code, browserUrl: url, expiresAt: expiresAt.toISOString() }),
          waitingForServer: (error) => log.info('waiting for the server', { code: error.code }),
        },
        clock,
        fetch: ports.fetch,
        log,
        signal,
      });
      await slots.enrollment.write(record);
      await slots.ceremony.remove();
      chosen = { ...chosen, serverUrl: record.origin };
      await slots.settings.write(chosen);
      enrollment = record;
      connection = { kind: 'online' };
      dispatch({ type: 'enrolled', device: record.device });
      follow();
    } finally {
      await closeProver(prover);
    }
  }

  function chooseSignIn(): SignIn {
    if (options.signIn) return options.signIn;
    const { provisioningToken, selfEnrolment } = settings();
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
  async function saveCeremony(value: CeremonyRecord): Promise<void> {
    try {
      await slots.ceremony.write(value);
    } catch (error) {
      if (toAppError(error).code !== 'secret-store-unsafe') throw error;
      log.warn('the ceremony is not saved: there is no safe place for its secret');
    }
  }

  /** A damaged or undecryptable half-made ceremony is worth nothing: it is dropped, and the ceremony starts over. */
  async function readSavedCeremony() {
    try {
      return await slots.ceremony.read();
    } catch (error) {
      log.warn('the saved ceremony cannot be read; starting over', { code: toAppError(error).code });
      await slots.ceremony.remove();
      return undefined;
    }
  }

  function follow(): void {
    if (!enrollment) return;
    const controller = new AbortController();
    const signal = AbortSignal.any([controller.signal, life.signal]);
    const http = createHttp(enrollment.origin, ports);
    const signer = occasionalSigner(ports.hardware, enrollment.deviceKey, alone);
    const done = followDevice({
      http,
      signer,
      clock,
      signal,
      wake,
      listener: {
        device: ({ device }) => void seen(device),
        online: () => {
          if (connection.kind === 'online') return;
          connection = { kind: 'online' };
          emit();
        },
        offline: (error) => {
          const since = connection.kind === 'offline' ? connection.since : clock.now().toISOString();
          connection = { kind: 'offline', since, lastKnownAt: enrollment?.seenAt ?? null, reason: toUserError(error) };
          emit();
        },
      },
    });
    follower = { controller, done };
  }

  async function seen(device: SelfDevice): Promise<void> {
    if (!enrollment) return;
    enrollment = { ...enrollment, device, seenAt: clock.now().toISOString() };
    demo = device.demo;
    dispatch({ type: 'device', device });
    saved = slots.enrollment.write(enrollment).catch((error: unknown) => {
      log.error('the state could not be saved', { code: toAppError(error).code });
    });
    await saved;
  }

  async function forget(): Promise<void> {
    follower?.controller.abort();
    await follower?.done;
    follower = undefined;
    enrollment = undefined;
    connection = { kind: 'online' };
    await slots.enrollment.remove();
    await slots.ceremony.remove();
    dispatch(left());
  }

  function enrolled(): EnrollmentRecord {
    if (!enrollment) throw new AppError('unauthenticated', 'This device is not enrolled.');
    return enrollment;
  }

  function enrolledInventory(record: EnrollmentRecord) {
    const inventory = createInventory(createHttp(record.origin, ports), life.signal);
    return { inventory, signer: occasionalSigner(ports.hardware, record.deviceKey, alone) };
  }

  function beginEnroll(): void {
    begin('enroll', { type: 'begin' }, enroll);
  }

  function beginPrepare(): void {
    begin('prepare', { type: 'prepare' }, prepare);
  }

  /** By policy nobody is there to press a button: try for ever, slowly. */
  async function enrolByPolicy(): Promise<void> {
    for (let attempt = 0; !life.signal.aborted; attempt += 1) {
      beginEnroll();
      await run?.done;
      if (state.kind !== 'failed') return;
      const ms = backoffMs(attempt, clock.random(), { firstMs: 10_000, maxMs: 900_000 });
      await wake.sleep(clock, ms, life.signal);
      if (state.kind !== 'failed') return;
    }
  }

  function settingsChanged(): void {
    options.onSettings?.(settings());
    emit();
  }

  const methods: { [M in BridgeMethod]: (params: BridgeParams<M>) => Promise<BridgeResult<M>> } = {
    snapshot: async () => snapshot(),
    prepare: async ({ serverUrl }) => {
      const enforced = profile().ServerUrl !== undefined;
      if (serverUrl !== null && !enforced) {
        target = serverOrigin(serverUrl);
        chosen = { ...chosen, serverUrl: target };
        await slots.settings.write(chosen);
      } else target = null;
      beginPrepare();
      return null;
    },
    enroll: async () => {
      if (state.kind === 'review') beginEnroll();
      return null;
    },
    cancel: async () => {
      if (state.kind === 'enrolled' || state.kind === 'starting') return null;
      run?.controller.abort(new AppError('sign-in-cancelled', 'The enrolment was cancelled.'));
      dispatch(left());
      await run?.done;
      await slots.ceremony.remove();
      return null;
    },
    reopenBrowser: async () => {
      if (state.kind === 'signing-in') await ports.browser.open(state.browserUrl);
      return null;
    },
    retry: async () => {
      wake.now();
      if (state.kind === 'failed') again === 'enroll' ? beginEnroll() : beginPrepare();
      return null;
    },
    refresh: async () => {
      const record = enrolled();
      const { inventory, signer } = enrolledInventory(record);
      await seen(await inventory.self(signer));
      wake.now();
      return null;
    },
    reattest: async () => {
      const record = enrolled();
      const { inventory } = enrolledInventory(record);
      await alone(async () => {
        const { prover } = await readIdentity(ports.hardware);
        try {
          const { device, akChain } = await reattest(record, prover, inventory, clock);
          if (enrollment) enrollment = { ...enrollment, akChain };
          await seen(device);
        } finally {
          await closeProver(prover);
        }
      });
      return null;
    },
    signOut: async () => {
      enrolled();
      await forget();
      return null;
    },
    unenroll: async () => {
      const record = enrolled();
      const { inventory, signer } = enrolledInventory(record);
      await inventory.unenroll(signer).catch((error: unknown) => {
        // The server no longer knows this key: what remains is to forget it here.
        if (!['unauthenticated', 'not-found', 'device-deleted'].includes(toAppError(error).code)) throw error;
      });
      await forget();
      return null;
    },
    diagnostics: async () => {
      const wanted = enrollment?.origin ?? target ?? settings().serverUrl;
      return diagnose(ports, wanted === null ? null : serverOrigin(wanted));
    },
    answerServerQuestion: async ({ accept }) => {
      const question = serverQuestion;
      serverQuestion = null;
      if (question && accept && profile().ServerUrl === undefined && state.kind !== 'enrolled') {
        run?.controller.abort(new AppError('sign-in-cancelled', 'The enrolment was cancelled.'));
        dispatch(left());
        await run?.done;
        await slots.ceremony.remove();
        target = question.requested;
        chosen = { ...chosen, serverUrl: target };
        await slots.settings.write(chosen);
        beginPrepare();
      }
      emit();
      return null;
    },
    changeSettings: async ({ startAtLogin, language }) => {
      const next = { ...chosen };
      if (startAtLogin !== undefined && profile().StartAtLogin === undefined) next.startAtLogin = startAtLogin;
      if (language !== undefined) next.language = language;
      chosen = next;
      await slots.settings.write(chosen);
      settingsChanged();
      return null;
    },
    openHelp: async ({ topic }) => {
      await ports.browser.open(options.help[topic]);
      return null;
    },
  };

  return {
    bridge: {
      invoke: (method, params) => methods[method](params),
      subscribe(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    async start() {
      try {
        chosen = (await slots.settings.read()) ?? DEFAULT_SETTINGS;
        settingsChanged();
        stopManaged = options.managed?.subscribe(settingsChanged);
        enrollment = await slots.enrollment.read();
      } catch (error) {
        dispatch({ type: 'failed', error: toUserError(error), retry: false });
        return;
      }
      const { serverUrl, team, provisioningToken } = settings();
      if (enrollment) {
        demo = enrollment.device.demo;
        dispatch({ type: 'started', device: enrollment.device, serverUrl, team });
        follow();
        return;
      }
      const half = await readSavedCeremony();
      if (half?.grant && Date.parse(half.grant.expiresAt) > clock.now().getTime()) {
        target = half.origin;
        beginEnroll();
      } else if (provisioningToken && serverUrl) void enrolByPolicy();
      else dispatch({ type: 'started', device: null, serverUrl, team });
    },
    async askForServer(url) {
      const requested = serverOrigin(url);
      const { serverUrl } = settings();
      if (state.kind === 'enrolled' || profile().ServerUrl !== undefined) return;
      const current = serverUrl === null ? '' : serverOrigin(serverUrl);
      if (requested === current) return;
      serverQuestion = { requested, current };
      emit();
    },
    currentServer() {
      const wanted = enrollment?.origin ?? target ?? settings().serverUrl;
      return wanted === null ? null : serverOrigin(wanted);
    },
    async close() {
      life.abort(new AppError('sign-in-cancelled', 'Muster is closing.'));
      stopManaged?.();
      await Promise.all([run?.done, follower?.done]);
      await saved;
      listeners.clear();
    },
  };
}
