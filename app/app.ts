import type { Bridge, BridgeMethod, BridgeParams, BridgeResult } from '../contract/index.ts';
import { createCore } from './core.ts';
import { diagnose } from './diagnostics.ts';
import { createEnrolling } from './enrolling.ts';
import { AppError, toUserError } from './errors.ts';
import { createKeeper } from './keeper.ts';
import type { AppOptions } from './options.ts';
import type { Ports } from './ports.ts';
import type { EnrollmentRecord } from './records.ts';
import { serverOrigin } from './serverUrl.ts';
import { DEFAULT_SETTINGS } from './settings.ts';

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

/** The client's core behind the bridge: the same for Electron, the browser host and tests. */
export function createApp(ports: Ports, options: AppOptions): MusterApp {
  const core = createCore(ports, options);
  const keeper = createKeeper(core);
  const enrolling = createEnrolling(core, keeper);
  const { now, slots } = core;
  let stopManaged: (() => void) | undefined;
  /** The person cancelled or left in this session: policy does not enrol again before the next start. */
  let left = false;

  /** Settings of IT may arrive while the app runs; a machine that they let enrol by itself does so at once. */
  function settingsChanged(): void {
    options.onSettings?.(core.settings());
    core.emit();
    if (core.state().kind === 'signed-out' && !left) enrolling.followPolicy();
  }

  async function chooseServer(origin: string): Promise<void> {
    now.target = origin;
    await core.choose({ serverUrl: origin });
  }

  const methods: { [M in BridgeMethod]: (params: BridgeParams<M>) => Promise<BridgeResult<M>> } = {
    snapshot: async () => core.snapshot(),
    prepare: async ({ serverUrl }) => {
      if (serverUrl !== null && core.profile().ServerUrl === undefined) await chooseServer(serverOrigin(serverUrl));
      else now.target = null;
      enrolling.prepare();
      return null;
    },
    enroll: async () => {
      if (core.state().kind === 'review') enrolling.enroll();
      return null;
    },
    cancel: async () => {
      if (core.state().kind === 'enrolled' || core.state().kind === 'starting') return null;
      left = true;
      await enrolling.cancel();
      return null;
    },
    reopenBrowser: async () => {
      const state = core.state();
      if (state.kind === 'signing-in') await ports.browser.open(state.browserUrl);
      return null;
    },
    retry: async () => {
      core.wake.now();
      if (core.state().kind === 'failed') enrolling.again();
      return null;
    },
    refresh: async () => {
      await keeper.refresh();
      return null;
    },
    reattest: async ({ otherKeys }) => {
      await keeper.reattest({ otherKeys });
      return null;
    },
    signOut: async () => {
      left = true;
      await keeper.forget();
      return null;
    },
    unenroll: async () => {
      left = true;
      await keeper.unenroll();
      return null;
    },
    diagnostics: async () => diagnose(ports, currentServer()),
    answerServerQuestion: async ({ accept }) => {
      const question = now.serverQuestion;
      now.serverQuestion = null;
      core.emit();
      if (!question || !accept || core.profile().ServerUrl !== undefined || core.state().kind === 'enrolled')
        return null;
      await enrolling.cancel();
      await chooseServer(question.requested);
      enrolling.prepare();
      return null;
    },
    changeSettings: async ({ startAtLogin, language }) => {
      await core.choose({
        ...(startAtLogin !== undefined && core.profile().StartAtLogin === undefined ? { startAtLogin } : {}),
        ...(language !== undefined ? { language } : {}),
      });
      settingsChanged();
      return null;
    },
    openHelp: async ({ topic }) => {
      await ports.browser.open(options.help[topic]);
      return null;
    },
  };

  function currentServer(): string | null {
    const wanted = keeper.origin() ?? now.target ?? core.settings().serverUrl;
    return wanted === null ? null : serverOrigin(wanted);
  }

  async function readState(): Promise<EnrollmentRecord | undefined> {
    now.chosen = (await slots.settings.read()) ?? DEFAULT_SETTINGS;
    settingsChanged();
    stopManaged = options.managed?.subscribe(settingsChanged);
    return slots.enrollment.read();
  }

  return {
    bridge: {
      invoke: (method, params) => methods[method](params),
      subscribe(listener) {
        core.listeners.add(listener);
        return () => core.listeners.delete(listener);
      },
    },
    async start() {
      let enrolled: EnrollmentRecord | undefined;
      try {
        enrolled = await readState();
      } catch (error) {
        core.dispatch({ type: 'failed', error: toUserError(error), retry: false });
        return;
      }
      const { serverUrl, team } = core.settings();
      if (enrolled) {
        keeper.follow(enrolled);
        core.dispatch({ type: 'started', device: enrolled.device, serverUrl, team });
        return;
      }
      if ((await enrolling.resume()) || enrolling.followPolicy()) return;
      core.dispatch({ type: 'started', device: null, serverUrl, team });
    },
    async askForServer(url) {
      const requested = serverOrigin(url);
      if (core.state().kind === 'enrolled' || core.profile().ServerUrl !== undefined) return;
      const current = currentServer();
      if (requested === current) return;
      now.serverQuestion = { requested, current: current ?? '' };
      core.emit();
    },
    currentServer,
    async close() {
      core.life.abort(new AppError('sign-in-cancelled', 'Muster is closing.'));
      stopManaged?.();
      await Promise.all([enrolling.settled(), keeper.settled()]);
      core.listeners.clear();
    },
  };
}
