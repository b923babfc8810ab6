import type { z } from 'zod';
import type {
  ApiTokenMade,
  ApiTokenPage,
  ApiTokenRequest,
  CandidatePage,
  Conflict,
  ConflictPage,
  DeviceChange,
  DeviceValues,
  InviteMade,
  InvitePage,
  MdmConnectionList,
  MdmSyncReport,
  PersonChanged,
  PersonChange as PersonChangeSchema,
  PersonPage,
  ProvisioningTokenMade,
  ProvisioningTokenPage,
  ProvisioningTokenRequest,
  SettingsAnswer,
  SettingsChange,
} from '../../contract/administration.ts';
import type { CaWebhook, CaWebhookList, CaWebhookRequest } from '../../contract/caWebhooks.ts';
import type { BulkDecisionResult, Decision, DevicePage } from '../../contract/decisions.ts';
import type { Approval, Device, Lifecycle, Source } from '../../contract/device.ts';
import type { Problem } from '../../contract/errors.ts';
import type { AuditPage, AuditQuery, Evidence, EvidenceList, EvidenceVerification } from '../../contract/evidence.ts';
import type { RootTrustChanged, TrustedRoot, TrustedRootList, TrustedRootRequest } from '../../contract/roots.ts';
import type { Session } from '../../contract/settings.ts';
import { shownVersion } from '../../contract/shownVersion.ts';

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

export type DeviceQuery = {
  approval?: Approval;
  lifecycle?: Lifecycle;
  source?: Source;
  owner?: string;
  tag?: string;
  search?: string;
};
export type AuditFilters = Omit<z.infer<typeof AuditQuery>, 'limit' | 'cursor'>;
export type BulkResult = z.infer<typeof BulkDecisionResult>;

const PAGE_SIZE = 50;
/** The most that the server answers at once: for reading a whole list. */
export const FULL_PAGE = 200;

export type PersonChange = z.infer<typeof PersonChangeSchema>;
type Candidate = z.infer<typeof CandidatePage>['candidates'][number];
export type Resolution = Conflict['resolutions'][number];
type Page<P extends z.ZodType> = Promise<z.infer<P>>;

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

  const pathOf = (...parts: readonly string[]): string => `/api/v1/${parts.map(encodeURIComponent).join('/')}`;
  const match = (version: number | string): Record<string, string> => ({ 'if-match': `"${version}"` });
  const list = <T>(name: string, cursor: string | null, more: Record<string, string | undefined> = {}): Promise<T> => {
    const parameters = new URLSearchParams({ limit: String(PAGE_SIZE) });
    for (const [key, value] of Object.entries({ ...more, cursor })) if (value) parameters.set(key, value);
    return call<T>(`${pathOf(name)}?${parameters}`);
  };

  return {
    /** Null where nobody is signed in. */
    session: (): Promise<Session | null> =>
      call<Session>('/api/v1/session').catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      }),
    signOut: () => call<unknown>('/api/v1/session/sign-out', write('POST', {})),
    devices: (query: DeviceQuery, cursor: string | null, limit = PAGE_SIZE): Promise<DevicePage> =>
      list('devices', cursor, { ...query, limit: String(limit) }),
    device: (id: string): Promise<Device> => call<Device>(pathOf('devices', id)),
    /** `version` is that of the evidence on the screen: another one at the server is a 412. */
    decide: (id: string, version: number, decision: Decision): Promise<Device> =>
      call<Device>(pathOf('devices', id, 'approval'), write('PUT', decision, match(version))),
    changeDevice: (id: string, version: number, change: DeviceChange): Promise<Device> =>
      call<Device>(pathOf('devices', id), write('PATCH', change, match(version))),
    setLifecycle: (id: string, version: number, lifecycle: Lifecycle): Promise<Device> =>
      call<Device>(pathOf('devices', id, 'lifecycle'), write('PUT', { lifecycle }, match(version))),
    /** What was done, newest first; refusals included. */
    audit: (filters: AuditFilters, cursor: string | null): Page<typeof AuditPage> => list('audit', cursor, filters),
    values: (id: string): Promise<DeviceValues> => call<DeviceValues>(pathOf('devices', id, 'values')),
    evidenceOf: (id: string): Page<typeof EvidenceList> => call(pathOf('devices', id, 'evidence')),
    evidence: (id: string): Promise<Evidence> => call<Evidence>(pathOf('evidence', id)),
    /** Today's rules over stored evidence; changes nothing. */
    judgeAgain: (id: string): Promise<EvidenceVerification> =>
      call<EvidenceVerification>(pathOf('evidence', id, 'verification'), { method: 'POST' }),
    forget: (id: string, version: number): Promise<unknown> =>
      call<unknown>(pathOf('devices', id), { method: 'DELETE', headers: match(version) }),
    decideMany: (decision: Decision, devices: readonly { id: string; version: number }[]): Promise<BulkResult> =>
      call<BulkResult>('/api/v1/decisions', write('POST', { decision, devices })),

    conflicts: (state: Conflict['state'], cursor: string | null): Page<typeof ConflictPage> =>
      list('conflicts', cursor, { state }),
    resolve: (conflict: Conflict, resolution: Resolution, reason: string): Promise<Conflict> =>
      call<Conflict>(
        pathOf('conflicts', conflict.id, 'resolution'),
        write(
          'POST',
          { resolution, ...(reason ? { reason } : {}) },
          match(shownVersion(conflict.device, conflict.candidate)),
        ),
      ),
    candidates: (cursor: string | null): Page<typeof CandidatePage> => list('candidates', cursor),
    resolveCandidate: (
      { candidate, device }: Candidate,
      resolution: 'merge' | 'reject',
      reason: string,
    ): Promise<Device> =>
      call<Device>(
        pathOf('candidates', candidate.id, 'resolution'),
        write(
          'POST',
          { resolution, ...(reason ? { reason } : {}) },
          match(device ? shownVersion(device, candidate) : candidate.version),
        ),
      ),

    invites: (cursor: string | null): Page<typeof InvitePage> => list('invites', cursor),
    invite: (email: string): Page<typeof InviteMade> => call(pathOf('invites'), write('POST', { email })),
    resendInvite: (id: string): Page<typeof InviteMade> => call(pathOf('invites', id, 'resend'), write('POST', {})),
    revokeInvite: (id: string): Promise<unknown> => call(pathOf('invites', id), { method: 'DELETE' }),

    people: (search: string | undefined, cursor: string | null): Page<typeof PersonPage> =>
      list('people', cursor, { search }),
    changePerson: (id: string, change: PersonChange): Page<typeof PersonChanged> =>
      call(pathOf('people', id), write('PATCH', change)),

    provisioningTokens: (cursor: string | null): Page<typeof ProvisioningTokenPage> =>
      list('provisioning-tokens', cursor),
    makeProvisioningToken: (request: z.input<typeof ProvisioningTokenRequest>): Page<typeof ProvisioningTokenMade> =>
      call(pathOf('provisioning-tokens'), write('POST', request)),
    revokeProvisioningToken: (id: string): Promise<unknown> =>
      call(pathOf('provisioning-tokens', id), { method: 'DELETE' }),

    tokens: (cursor: string | null): Page<typeof ApiTokenPage> => list('tokens', cursor),
    makeToken: (request: z.input<typeof ApiTokenRequest>): Page<typeof ApiTokenMade> =>
      call(pathOf('tokens'), write('POST', request)),
    revokeToken: (id: string): Promise<unknown> => call(pathOf('tokens', id), { method: 'DELETE' }),

    mdmConnections: (): Page<typeof MdmConnectionList> => call(pathOf('mdm-connections')),
    syncMdm: (id: string): Promise<MdmSyncReport> =>
      call<MdmSyncReport>(pathOf('mdm-connections', id, 'sync'), { method: 'POST' }),

    makers: (): Page<typeof TrustedRootList> => call(pathOf('roots')),
    addMaker: (request: z.input<typeof TrustedRootRequest>): Promise<TrustedRoot> =>
      call<TrustedRoot>(pathOf('roots'), write('POST', request)),
    trustMaker: (fingerprint: string, trusted: boolean): Page<typeof RootTrustChanged> =>
      call(pathOf('roots', fingerprint, 'trust'), write('PUT', { trusted })),

    caWebhooks: (): Page<typeof CaWebhookList> => call(pathOf('ca-webhooks')),
    /** Enters a webhook, or changes a known one. */
    putCaWebhook: (id: string, request: z.input<typeof CaWebhookRequest>): Promise<CaWebhook> =>
      call<CaWebhook>(pathOf('ca-webhooks', id), write('PUT', request)),
    removeCaWebhook: (id: string): Promise<unknown> => call(pathOf('ca-webhooks', id), { method: 'DELETE' }),

    settings: (): Page<typeof SettingsAnswer> => call(pathOf('settings')),
    changeSettings: (change: SettingsChange): Page<typeof SettingsAnswer> =>
      call(pathOf('settings'), write('PATCH', change)),
  };
}

const isProblem = (body: unknown): body is Problem =>
  typeof body === 'object' && body !== null && 'code' in body && 'status' in body && 'advice' in body;
