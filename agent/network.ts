import { toAppError } from '../app/errors.ts';
import type { ManagedSettings } from '../app/managedSettings.ts';
import type { Fetch, Logger, PlainRequest } from '../app/ports.ts';
import { openManaged } from './managed.ts';
import { plainRequest } from './plainRequest.ts';

/**
 * The network of a command: prepared by its first https request. The system's authorities are read only for a server that
 * Node's own and those of `ExtraCaFile` do not vouch for: reading them takes a while, and memory that a watch would keep.
 */
export function networkOf(log: Logger): { fetch: Fetch; request: PlainRequest } {
  let prepared: Promise<void> | undefined;
  let widened = false;
  const sending = async <T>(url: string, send: () => Promise<T>): Promise<T> => {
    if (!url.startsWith('https:')) return send();
    prepared ??= prepareFor(log);
    await prepared;
    const before = widened;
    try {
      return await send();
    } catch (error) {
      // The connection ended in its handshake: nothing of the request was sent.
      if (before || toAppError(error).code !== 'server-untrusted') throw error;
      if (!widened) trustSystem();
      widened = true;
      return send();
    }
  };
  return {
    fetch: (input, init) =>
      sending(typeof input === 'string' || input instanceof URL ? String(input) : input.url, () =>
        fetch(input instanceof Request ? input.clone() : input, init),
      ),
    request: (url, init) => sending(url, () => plainRequest(url, init)),
  };
}

function trustSystem(): void {
  const { getCACertificates, setDefaultCACertificates } = process.getBuiltinModule('node:tls');
  setDefaultCACertificates([...new Set([...getCACertificates('default'), ...getCACertificates('system')])]);
}

async function prepareFor(log: Logger): Promise<void> {
  const managed = await openManaged(log);
  try {
    await prepareNetwork(managed, log);
  } finally {
    managed.close();
  }
}

/**
 * Lets this process's requests trust the authorities that IT names besides Node's own, and go through the proxy of the
 * settings or of the environment. Never throws: a file that cannot be used is logged, and doctor tells it.
 */
export async function prepareNetwork(
  managed: ManagedSettings,
  log: Logger,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const file = managed.effective('ExtraCaFile');
  if (file !== undefined) {
    const { trustFurther } = await import('../app/node/trust.ts');
    await trustFurther(file, { system: false }).catch((error: unknown) => {
      log.error('the further certificate authorities cannot be used', { what: toAppError(error).message });
    });
  }
  const proxy = proxyOf(managed.effective('Proxy'), env);
  if (proxy) process.getBuiltinModule('node:http').setGlobalProxyFromEnv(proxy);
}

export type ProxyEnvironment = {
  https_proxy?: string | undefined;
  http_proxy?: string | undefined;
  no_proxy?: string | undefined;
};

/** What `Proxy` of the settings means here: the environment's proxy, none, or the one that is named. */
export function proxyOf(setting: string | undefined, env: NodeJS.ProcessEnv): ProxyEnvironment | undefined {
  if (setting === 'direct') return undefined;
  const excepted = env.no_proxy ?? env.NO_PROXY;
  if (setting !== undefined && setting !== 'system') {
    return { https_proxy: setting, http_proxy: setting, no_proxy: excepted ?? 'localhost,127.0.0.1,::1' };
  }
  const [https, http] = [env.https_proxy ?? env.HTTPS_PROXY, env.http_proxy ?? env.HTTP_PROXY];
  if (!https && !http) return undefined;
  return { https_proxy: https, http_proxy: http, no_proxy: excepted };
}
