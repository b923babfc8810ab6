import type { ConsoleEvent, Decision } from '../../contract/decisions.ts';
import type { Device } from '../../contract/device.ts';
import type { ErrorCode, Problem } from '../../contract/errors.ts';
import type { Session } from '../../contract/settings.ts';
import { FULL_PAGE } from '../api/client.ts';
import type { Connect, Listener } from '../api/events.ts';
import { matches } from '../useDevices.ts';

const PAGE = 8;

/** The inventory's API in memory, so far as the console uses it: versions, If-Match, keyset pages, events. For the gallery and tests. */
export function createFakeServer(options: { session: Session | null; devices: readonly Device[] }) {
  const devices = new Map(options.devices.map((device) => [device.id, device]));
  const listeners = new Set<Listener>();
  let session = options.session;

  const change = (id: string, fields: Partial<Device>): Device | undefined => {
    const before = devices.get(id);
    if (!before) return undefined;
    const after = { ...before, ...fields, version: before.version + 1 };
    devices.set(id, after);
    emit(after);
    return after;
  };
  const add = (device: Device): void => {
    const rest = [...devices];
    devices.clear();
    for (const [id, one] of [[device.id, device] as const, ...rest]) devices.set(id, one);
    emit(device);
  };
  const emit = (device: Device): void => {
    const event: ConsoleEvent = { type: 'device', device };
    for (const listener of listeners) listener(event);
  };

  const decide = (id: string, version: number, decision: Decision): Device | Problem => {
    const device = devices.get(id);
    if (!device) return problem(404, 'not-found');
    if (device.version !== version) return problem(412, 'version-mismatch');
    const fields: Partial<Device> = {
      approval: decision.decision,
      approvalReason: decision.reason ?? null,
      decidedBy: session?.user.email ?? null,
      decidedAt: new Date().toISOString(),
    };
    return change(id, fields) ?? problem(404, 'not-found');
  };

  const list = (query: URLSearchParams): unknown => {
    const found = [...devices.values()].filter((device) => matches(device, Object.fromEntries(query)));
    // A list is read by small pages, so that nine devices fill more than one; who asks for a full page gets one.
    const size = query.get('limit') === String(FULL_PAGE) ? FULL_PAGE : PAGE;
    const from = Math.max(
      0,
      found.findIndex((device) => device.id === query.get('cursor')),
    );
    return { devices: found.slice(from, from + size), next: found[from + size]?.id ?? null };
  };

  const answer = (method: string, url: URL, headers: Headers, body: unknown): unknown => {
    const [, , , collection, id] = url.pathname.split('/');
    if (collection === 'session') {
      if (method === 'POST') session = null;
      return session ?? problem(401, 'unauthenticated');
    }
    if (!session) return problem(401, 'unauthenticated');
    if (collection === 'audit') return { records: [], next: null };
    if (collection === 'devices' && url.pathname.endsWith('/evidence')) return { evidence: [] };
    if (collection === 'devices' && url.pathname.endsWith('/values')) {
      return { visible: {}, explicit: {}, mdm: [], machine: {} };
    }
    if (collection === 'decisions') {
      const asked = body as { decision: Decision; devices: { id: string; version: number }[] };
      return {
        results: asked.devices.map((item) => {
          const result = decide(item.id, item.version, asked.decision);
          return 'code' in result
            ? { id: item.id, outcome: 'failed', code: result.code, detail: result.title }
            : { id: item.id, outcome: 'done', device: result };
        }),
      };
    }
    if (collection === 'devices' && id && url.pathname.endsWith('/approval')) {
      return decide(id, Number(headers.get('if-match')?.replaceAll('"', '')), body as Decision);
    }
    if (collection === 'devices' && id) return devices.get(id) ?? problem(404, 'not-found');
    if (collection === 'devices') return list(url.searchParams);
    return problem(404, 'not-found');
  };

  const send: typeof fetch = async (input, init) => {
    const url = new URL(String(input), location.href);
    const body: unknown = typeof init?.body === 'string' ? JSON.parse(init.body) : undefined;
    const result = answer(init?.method ?? 'GET', url, new Headers(init?.headers), body);
    const status = isProblem(result) ? result.status : 200;
    return new Response(JSON.stringify(result), { status, headers: { 'content-type': 'application/json' } });
  };

  const connect: Connect = (handlers) => {
    queueMicrotask(() => handlers.onState('live'));
    return {
      listen: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      close: () => listeners.clear(),
    };
  };
  /** Holds events back, as an interrupted stream does, until the returned function is called. */
  const silence = (): (() => void) => {
    const held = [...listeners];
    listeners.clear();
    return () => {
      for (const listener of held) listeners.add(listener);
    };
  };
  return { send, connect, change, add, silence };
}

const isProblem = (value: unknown): value is Problem => typeof value === 'object' && value !== null && 'code' in value;

const TITLES: Partial<Record<ErrorCode, string>> = { 'version-mismatch': 'The device changed since it was shown.' };

const problem = (status: number, code: ErrorCode): Problem => ({
  type: `about:blank#${code}`,
  title: TITLES[code] ?? code,
  status,
  detail: TITLES[code] ?? code,
  advice: 'Look at the current evidence, then decide again.',
  instance: '01J7Z3K8Q9M4T2',
  code,
});
