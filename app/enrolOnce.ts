import type { AppSnapshot, SelfDevice } from '../contract/index.ts';
import { createApp } from './app.ts';
import { AppError } from './errors.ts';
import type { AppOptions } from './options.ts';
import type { Ports } from './ports.ts';
import { browserSignIn, deviceCodeSignIn, type InviteSource, provisioningSignIn, type SignIn } from './signIn.ts';

export type EnrolOnceOptions = {
  serverUrl: string;
  version: string;
  platform: AppOptions['platform'];
  /** What the organization set, without a provisioning token: that comes in `signIn`. */
  managed?: AppOptions['managed'];
  signIn: 'browser' | 'device-code' | { provisioningToken: string };
  /** With `device-code`: the invite that goes with it. */
  invite?: InviteSource;
  /** `enrolled`: return as soon as the server holds the device. `decided`: wait on the event stream until it is no longer pending. */
  until: 'enrolled' | 'decided';
  /** Each step when it is over: its name and how long it took. The last one is `approval` where that is waited for. */
  onStep?: (name: string, ms: number) => void;
  /** Where a person has to sign in, and with which code; not called where the browser is this machine's own. */
  onSignIn?: (where: { url: string; userCode: string | null; code: string }) => void;
  /** The server holds the device; it may still be pending. */
  onEnrolled?: (device: SelfDevice) => void | Promise<void>;
  signal?: AbortSignal;
};

/**
 * The whole ceremony without a window, for the command line: resumes or starts over what the store holds; a device that is enrolled already
 * is only followed. Errors: AppError with the code and advice that a window would show; the signal's reason when aborted.
 */
export async function enrolOnce(ports: Ports, options: EnrolOnceOptions): Promise<SelfDevice> {
  const app = createApp(ports, {
    version: options.version,
    platform: options.platform,
    host: 'browser',
    serverUrl: options.serverUrl,
    managed: options.managed,
    help: { help: options.serverUrl, privacy: options.serverUrl },
    signIn: announced(signInOf(ports, options), options),
  });
  const { promise, resolve, reject } = Promise.withResolvers<SelfDevice>();
  const abort = () => reject(options.signal?.reason);
  options.signal?.addEventListener('abort', abort, { once: true });
  if (options.signal?.aborted) abort();
  const clock = stopwatch(ports, options.onStep);
  let greeted = false;
  /** False while an enrolled device is only remembered from the store. */
  let fresh = true;

  const look = ({ state }: AppSnapshot) => {
    switch (state.kind) {
      case 'starting':
        return;
      case 'signed-out':
        void app.bridge.invoke('prepare', { serverUrl: options.serverUrl }).catch(reject);
        return;
      case 'review':
        void app.bridge.invoke('enroll', {}).catch(reject);
        return;
      case 'signing-in':
        return clock.at('sign-in');
      case 'enrolling':
        return clock.at(state.step);
      case 'failed': {
        const { code, detail, advice, correlationId } = state.error;
        return reject(new AppError(code, detail, { advice, correlationId: correlationId ?? undefined }));
      }
      case 'enrolled': {
        if (!greeted) {
          greeted = true;
          clock.at(options.until === 'decided' ? 'approval' : undefined);
          Promise.resolve(options.onEnrolled?.(state.device)).catch(reject);
        }
        if (options.until === 'decided' && state.device.approval === 'pending') return;
        if (!fresh) return;
        clock.at(undefined);
        return resolve(state.device);
      }
      default:
        throw state satisfies never;
    }
  };
  // Each state once: a snapshot also comes for changes of connection and settings.
  let last: unknown;
  const again = async () => look(await app.bridge.invoke('snapshot', {}));
  const stop = app.bridge.subscribe((snapshot) => {
    if (snapshot.state === last) return;
    last = snapshot.state;
    look(snapshot);
  });
  try {
    fresh = false;
    await app.start();
    fresh = true;
    if (greeted) await app.bridge.invoke('refresh', {}).then(again);
    return await promise;
  } finally {
    stop();
    options.signal?.removeEventListener('abort', abort);
    await app.close();
  }
}

function signInOf(ports: Ports, { signIn: kind, invite }: EnrolOnceOptions): SignIn {
  if (kind === 'browser') return browserSignIn(ports.browser, 'stop');
  if (kind === 'device-code') return deviceCodeSignIn(invite);
  return provisioningSignIn(kind.provisioningToken);
}

function announced(signIn: SignIn, { onSignIn }: EnrolOnceOptions): SignIn {
  return (request) =>
    signIn({
      ...request,
      waiting(where) {
        onSignIn?.({ ...where, code: request.ceremony.code });
        request.waiting(where);
      },
    });
}

function stopwatch(ports: Ports, onStep: EnrolOnceOptions['onStep']) {
  let current: { name: string; since: number } | undefined;
  return {
    at(name: string | undefined) {
      if (current?.name === name) return;
      const now = performance.now();
      if (current) onStep?.(current.name, now - current.since);
      current = name === undefined ? undefined : { name, since: now };
      ports.log.info('step', { name: name ?? 'done' });
    },
  };
}
