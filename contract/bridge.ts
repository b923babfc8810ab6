import { z } from 'zod';
import { MachineReport, SelfDevice } from './device.ts';
import { ErrorCode } from './errors.ts';
import { FindingCode, FindingValues } from './findings.ts';
import { CeremonyCode, Timestamp } from './primitives.ts';

/** Errors that arise on this machine, before or without the server; the window shows them like the server's. */
export const LocalErrorCode = z.enum([
  'server-unreachable',
  'server-untrusted',
  'server-not-muster',
  'server-insecure',
  'captive-portal',
  'browser-not-opened',
  'sign-in-cancelled',
  'sign-in-timeout',
  'tpm-missing',
  'tpm-permission',
  'tpm-busy',
  'tpm-locked-out',
  'tpm-timeout',
  'tpm-unsupported',
  'key-of-another-tpm',
  'machine-enrolled',
  'elevation-refused',
  'state-unreadable',
  'secret-store-unsafe',
  'policy-unreadable',
  'unexpected',
]);
export type LocalErrorCode = z.infer<typeof LocalErrorCode>;

/** What went wrong, what it means, what to do next. Holds no secret: `copy details` shows exactly this. */
export const UserError = z.object({
  code: z.union([ErrorCode, LocalErrorCode]),
  title: z.string(),
  detail: z.string(),
  advice: z.string(),
  correlationId: z.string().nullable(),
});
export type UserError = z.infer<typeof UserError>;

/** The steps of a ceremony, in order, as the window names them. */
export const CeremonyStep = z.enum([
  'identity',
  'announce',
  'sign-in',
  'grant',
  'attestation-key',
  'activation',
  'device-key',
  'enrollment',
]);
export type CeremonyStep = z.infer<typeof CeremonyStep>;

/** What will be sent, shown before anything is. */
export const WhatWillBeSent = z.object({
  permanentIdentifier: z.string(),
  tpm: z
    .object({ manufacturer: z.string(), firmwareVersion: z.string(), ekCertificates: z.int(), algorithm: z.string() })
    .nullable(),
  machine: MachineReport,
});
export type WhatWillBeSent = z.infer<typeof WhatWillBeSent>;

/** The one state that the window shows: the ceremony's state machine as plain data. */
export const AppState = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('starting') }),
  z.object({ kind: z.literal('signed-out'), serverUrl: z.string().nullable(), team: z.string().nullable() }),
  z.object({ kind: z.literal('review'), serverUrl: z.string(), team: z.string(), send: WhatWillBeSent }),
  z.object({
    kind: z.literal('signing-in'),
    code: CeremonyCode,
    browserUrl: z.string(),
    expiresAt: Timestamp,
    /** To type on the page at `browserUrl`, in a browser anywhere (device flow); absent where this machine's browser signs in. */
    userCode: z.string().max(32).optional(),
  }),
  z.object({
    kind: z.literal('enrolling'),
    code: CeremonyCode.nullable(),
    step: CeremonyStep,
    done: z.array(CeremonyStep),
  }),
  z.object({ kind: z.literal('enrolled'), device: SelfDevice }),
  z.object({ kind: z.literal('failed'), error: UserError, retry: z.boolean() }),
]);
export type AppState = z.infer<typeof AppState>;

export { type EnrolledScreen, enrolledScreen } from './enrolledScreen.ts';

export const Connection = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('online') }),
  z.object({ kind: z.literal('offline'), since: Timestamp, lastKnownAt: Timestamp.nullable(), reason: UserError }),
]);

export type Connection = z.infer<typeof Connection>;

export const AppSnapshot = z.object({
  state: AppState,
  connection: Connection,
  demo: z.boolean(),
  version: z.string(),
  platform: z.enum(['macos', 'windows', 'linux']),
  host: z.enum(['electron', 'browser']),
  managed: z.record(z.string(), z.enum(['enforced', 'default'])),
  settings: z.object({
    serverUrl: z.string().nullable(),
    startAtLogin: z.boolean(),
    language: z.enum(['system', 'en', 'de']),
  }),
  /** A server that a link asks to use instead of the configured one: nothing happens until the person answers. */
  serverQuestion: z.object({ requested: z.string(), current: z.string() }).nullable(),
});
export type AppSnapshot = z.infer<typeof AppSnapshot>;

export const Diagnostic = z.object({
  id: z.string(),
  title: z.string(),
  status: z.enum(['pass', 'warn', 'fail']),
  detail: z.string(),
  remedy: z.string().nullable(),
  /** What was seen, or the error that the check ended with: from it the window says it in its own language. */
  finding: z.object({ code: z.union([FindingCode, ErrorCode, LocalErrorCode]), values: FindingValues }).optional(),
});
export type Diagnostic = z.infer<typeof Diagnostic>;

/** One map: method to its parameter and result schema. The dispatcher in main/ validates both ways. */
export const BRIDGE = {
  snapshot: { params: z.strictObject({}), result: AppSnapshot },
  /** Reads identity and shows what will be sent; sends nothing of this device. */
  prepare: { params: z.strictObject({ serverUrl: z.string().max(2048).nullable() }), result: z.null() },
  /** The person agreed: announce, sign in, enrol. */
  enroll: { params: z.strictObject({}), result: z.null() },
  cancel: { params: z.strictObject({}), result: z.null() },
  reopenBrowser: { params: z.strictObject({}), result: z.null() },
  retry: { params: z.strictObject({}), result: z.null() },
  refresh: { params: z.strictObject({}), result: z.null() },
  /** `otherKeys` also proves the TPM's other endorsement keys, so that they name the same device. */
  reattest: { params: z.strictObject({ otherKeys: z.boolean().optional() }), result: z.null() },
  signOut: { params: z.strictObject({}), result: z.null() },
  unenroll: { params: z.strictObject({}), result: z.null() },
  diagnostics: { params: z.strictObject({}), result: z.array(Diagnostic) },
  answerServerQuestion: { params: z.strictObject({ accept: z.boolean() }), result: z.null() },
  changeSettings: {
    params: z.strictObject({
      startAtLogin: z.boolean().optional(),
      language: z.enum(['system', 'en', 'de']).optional(),
    }),
    result: z.null(),
  },
  openHelp: { params: z.strictObject({ topic: z.enum(['help', 'privacy']) }), result: z.null() },
} as const;
export type BridgeMethod = keyof typeof BRIDGE;
export type BridgeParams<M extends BridgeMethod> = z.infer<(typeof BRIDGE)[M]['params']>;
export type BridgeResult<M extends BridgeMethod> = z.infer<(typeof BRIDGE)[M]['result']>;

/** What the renderer sees, whatever carries it: Electron's IPC or the browser host's socket. */
export interface Bridge {
  invoke<M extends BridgeMethod>(method: M, params: BridgeParams<M>): Promise<BridgeResult<M>>;
  /** Calls back with every new snapshot; returns the way to stop. */
  subscribe(listener: (snapshot: AppSnapshot) => void): () => void;
}

/** How a failed call crosses the bridge: never a stack. */
export type BridgeFailure = { error: UserError };
