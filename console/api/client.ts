import type { z } from 'zod';
import type { BulkDecisionResult, Decision, DevicePage } from '../../contract/decisions.ts';
import type { Approval, Device, Lifecycle } from '../../contract/device.ts';
import type { Problem } from '../../contract/errors.ts';
import type { Session } from '../../contract/settings.ts';

/** Why a call gave nothing: the server's own problem document, or no usable answer at all. */
export type ConsoleProblem = { kind: 'refused'; problem: Problem } | { kind: 'unreachable' };

export class ApiError extends Error {
  readonly reason: ConsoleProblem;
  constructor(reason: ConsoleProblem) {
    super(reason.kind === 'refused' ? reason.problem.title : 'The server does not answer.');
    this.name = 'ApiError';
    this.reason = reason;
  }
  get status(): number {
    return this.reason.kind === 'refused' ? this.reason.problem.status : 0;
  }
}

export const problemOf = (thrown: unknown): ConsoleProblem => {
  if (thrown instanceof ApiError) return thrown.reason;
  throw thrown;
};

export type DeviceQuery = { approval?: Approval; lifecycle?: Lifecycle; search?: string };
export type BulkResult = z.infer<typeof BulkDecisionResult>;

const PAGE_SIZE = 50;

/** The inventory's API as the console uses it: same origin, session cookie, JSON (contract/decisions.ts). */
export type Api = ReturnType<typeof createApi>;
export function createApi(send: typeof fetch = (...request) => fetch(...request)) {
  async function call<T>(path: string, init?: RequestInit): Promise<T> {
    const response = await send(path, { credentials: 'same-origin', ...init }).catch(() => {
      throw new ApiError({ kind: 'unreachable' });
    });
    const body: unknown = response.status === 204 ? null : await response.json().catch(() => undefined);
    if (response.ok && body !== undefined) return body as T;
    throw new ApiError(isProblem(body) ? { kind: 'refused', problem: body } : { kind: 'unreachable' });
  }

  const write = (
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    body: unknown,
    headers?: Record<string, string>,
  ): RequestInit => ({
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

  return {
    /** Null where nobody is signed in. */
    session: (): Promise<Session | null> =>
      call<Session>('/api/v1/session').catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      }),
    signOut: () => call<unknown>('/api/v1/session/sign-out', write('POST', {})),
    devices: (query: DeviceQuery, cursor: string | null): Promise<DevicePage> => {
      const parameters = new URLSearchParams({ limit: String(PAGE_SIZE) });
      for (const [name, value] of Object.entries({ ...query, cursor })) if (value) parameters.set(name, value);
      return call<DevicePage>(`/api/v1/devices?${parameters}`);
    },
    device: (id: string): Promise<Device> => call<Device>(`/api/v1/devices/${encodeURIComponent(id)}`),
    /** `version` is that of the evidence on the screen: another one at the server is a 412. */
    decide: (id: string, version: number, decision: Decision): Promise<Device> =>
      call<Device>(
        `/api/v1/devices/${encodeURIComponent(id)}/approval`,
        write('PUT', decision, { 'if-match': `"${version}"` }),
      ),
    decideMany: (decision: Decision, devices: readonly { id: string; version: number }[]): Promise<BulkResult> =>
      call<BulkResult>('/api/v1/decisions', write('POST', { decision, devices })),
  };
}

const isProblem = (body: unknown): body is Problem =>
  typeof body === 'object' && body !== null && 'code' in body && 'status' in body && 'advice' in body;
