import type { MachineReport } from '../contract/index.ts';

/** A key that lives in the TPM, as the two blobs that only this TPM can load. Holds no secret. */
export type WrappedKey = { public: Uint8Array; private: Uint8Array };

/** The values that every certify and quote is bound to (DESIGN.md, step 4); the names of the keys are added where they are known. */
export type BindingInput = {
  origin: string;
  challenge: Uint8Array;
  grantThumbprint: string;
  permanentIdentifier: string;
};

export type EndorsementKey = {
  publicKeySpki: Uint8Array;
  permanentIdentifier: string;
  algorithm: string;
  certificate?: Uint8Array;
  certificateMismatch?: string;
};

export type Endorsement = {
  /** Preferred first. Never empty. */
  eks: EndorsementKey[];
  chain: Uint8Array[];
  tpm: { manufacturer: number; vendor: string; firmwareVersion: string };
};

/** The TPM's fixed verbs: what the core asks of it, and what the system service will offer. None signs a bare nonce. */
export interface Attestor {
  readEndorsement(): Promise<Endorsement>;
  createAttestationKey(): Promise<{
    key: WrappedKey;
    public: Uint8Array;
    name: Uint8Array;
    creationData: Uint8Array;
    creationAttestation: Uint8Array;
    creationSignature: Uint8Array;
  }>;
  /** `credential` and `secret` with their size prefixes, as on the wire. */
  activateCredential(
    ak: WrappedKey,
    ekPermanentIdentifier: string,
    credential: Uint8Array,
    secret: Uint8Array,
  ): Promise<Uint8Array>;
  createDeviceKey(): Promise<{ key: WrappedKey; public: Uint8Array; name: Uint8Array; spki: Uint8Array }>;
  certify(
    deviceKey: WrappedKey,
    ak: WrappedKey,
    binding: BindingInput,
  ): Promise<{ attest: Uint8Array; signature: Uint8Array }>;
  quote(
    ak: WrappedKey,
    deviceKey: WrappedKey,
    binding: BindingInput,
    selection: { bank: 'sha256'; pcrs: number[] },
  ): Promise<{
    attest: Uint8Array;
    signature: Uint8Array;
    pcrValues: { index: number; value: Uint8Array }[];
    eventLog?: Uint8Array;
  }>;
  /** ECDSA P-256 over a SHA-256 digest: r||s, 64 bytes. */
  sign(deviceKey: WrappedKey, digest: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A machine without a TPM interface (a Mac): a serial claimed under a key, never more. */
export interface ClaimSigner {
  protection: 'secure-enclave' | 'keychain' | 'file';
  spki(): Promise<Uint8Array>;
  signClaim(binding: BindingInput): Promise<Uint8Array>;
  sign(digest: Uint8Array): Promise<Uint8Array>;
}

export type Hardware = { kind: 'tpm'; open(): Promise<Attestor> } | { kind: 'claim'; signer: ClaimSigner };

export interface HardwareIdentity {
  readMachine(): Promise<MachineReport>;
  /** Throws an error with a LocalErrorCode where the machine has nothing to prove itself with. */
  hardware(): Promise<Hardware>;
  /** This device is enrolled at `origin`: where a service keeps the machine's hardware, no other account may enrol it besides. */
  hold?(origin: string): Promise<void>;
  /** The enrolment on this machine is over. */
  release?(): Promise<void>;
}

/** Opens the person's own browser; resolves when it was asked to, throws `browser-not-opened` when it cannot be. */
export interface SystemBrowser {
  open(url: string): Promise<void>;
}

/** Small named values that survive restarts. `secret` ones are encrypted by the platform where it can. */
export interface StateStore {
  read(name: string): Promise<string | undefined>;
  /** Durable and atomic: the old value or the new one, never half. */
  write(name: string, value: string, options?: { secret?: boolean }): Promise<void>;
  remove(name: string): Promise<void>;
}

export interface Clock {
  now(): Date;
  /** Resolves after `ms`, or early and without error when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  random(): number;
}

export interface Logger {
  info(message: string, fields?: Record<string, string | number | boolean>): void;
  warn(message: string, fields?: Record<string, string | number | boolean>): void;
  error(message: string, fields?: Record<string, string | number | boolean>): void;
}

/** The platform's HTTP client: it knows the system's proxy and certificate authorities. */
export type Fetch = typeof fetch;

export type PlainInit = {
  method: string;
  headers: Record<string, string>;
  body?: string;
  redirect: 'manual';
  cache: 'no-store';
  signal?: AbortSignal;
};

export type PlainBody = AsyncIterable<Uint8Array> & { cancel(): Promise<void> };

/** As much of a Response as the inventory's own requests need. */
export type PlainAnswer = {
  status: number;
  ok: boolean;
  type: string;
  headers: { get(name: string): string | null };
  body: PlainBody | null;
};

/** As much of `fetch` as the inventory's own requests need; `fetch` is one. */
export type PlainRequest = (url: string, init: PlainInit) => Promise<PlainAnswer>;

export interface Ports {
  hardware: HardwareIdentity;
  browser: SystemBrowser;
  store: StateStore;
  clock: Clock;
  log: Logger;
  fetch: Fetch;
  /** For all requests but sign-in's, where the platform has a lighter way than `fetch`. */
  request?: PlainRequest;
}
