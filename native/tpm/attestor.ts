import { encodePcrSelections } from '../../attestation/attest.ts';
import { type Binding, bindingDigest } from '../../attestation/binding.ts';
import { createReader, sameBytes } from '../../attestation/bytes.ts';
import { digest } from '../../attestation/hashes.ts';
import { spkiOf } from '../../attestation/spki.ts';
import { ALG } from '../../attestation/tpmConstants.ts';
import { NativeError } from '../errors.ts';
import { activate } from './activation.ts';
import { type Attested, certify, type PcrValue, quote, readPcrs, signEcdsa } from './commands.ts';
import { certificateSpki } from './ekCertificate.ts';
import { type EkAlgorithm, type Endorsement, type FoundEk, findEk, findEndorsement } from './endorsement.ts';
import { readEventLog } from './eventLog.ts';
import { type AkAlgorithm, loadKeys, makeAttestationKey, makeDeviceKey, nameOfKey, type WrappedKey } from './keys.ts';
import type { Scope, Tpm } from './tpm.ts';

export type EndorsementKey = {
  /** Canonical SubjectPublicKeyInfo DER. */
  publicKeySpki: Uint8Array;
  permanentIdentifier: string;
  algorithm: EkAlgorithm;
  /** DER, exactly as the TPM holds it. */
  certificate?: Uint8Array;
  certificateMismatch?: string;
};

/** What a TPM says about itself. `eks` has the preferred one first; `chain` holds intermediates from NV (DER). */
export type TpmEndorsement = {
  eks: EndorsementKey[];
  chain: Uint8Array[];
  tpm: { manufacturer: number; vendor: string; firmwareVersion: string };
};

/** The binding's input without the two names: they are taken from the keys that sign and are signed. */
export type BindingInput = Omit<Binding, 'akName' | 'deviceKeyName'>;

export type AttestationKey = {
  key: WrappedKey;
  /** TPMT_PUBLIC. */
  public: Uint8Array;
  /** nameAlg ‖ digest. */
  name: Uint8Array;
  /** TPMS_CREATION_DATA. */
  creationData: Uint8Array;
  /** TPMS_ATTEST of type creation, made by the key about itself. */
  creationAttestation: Uint8Array;
  /** TPMT_SIGNATURE over it. */
  creationSignature: Uint8Array;
};

export type DeviceKey = { key: WrappedKey; public: Uint8Array; name: Uint8Array; spki: Uint8Array };

export type Quote = Attested & { pcrValues: PcrValue[]; eventLog?: Uint8Array };

/** The verbs of an enrolment. They never sign a bare nonce: only a device key signs a digest that its caller made. */
export type TpmAttestor = {
  readonly kind: 'tpm';
  readEndorsement(): Promise<TpmEndorsement>;
  createAttestationKey(): Promise<AttestationKey>;
  /** `credential` is a TPM2B_ID_OBJECT, `secret` a TPM2B_ENCRYPTED_SECRET, both with their sizes; answers the secret in clear. */
  activateCredential(
    ak: WrappedKey,
    ekPermanentIdentifier: string,
    credential: Uint8Array,
    secret: Uint8Array,
  ): Promise<Uint8Array>;
  createDeviceKey(): Promise<DeviceKey>;
  certify(deviceKey: WrappedKey, ak: WrappedKey, binding: BindingInput): Promise<Attested>;
  quote(
    ak: WrappedKey,
    deviceKey: WrappedKey,
    binding: BindingInput,
    selection: { bank: 'sha256'; pcrs: number[] },
  ): Promise<Quote>;
  /** ECDSA over a SHA-256 digest; answers r ‖ s, 64 bytes. */
  sign(deviceKey: WrappedKey, digest: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
};

export type TpmAttestorOptions = {
  akAlgorithm?: AkAlgorithm;
  /** Where the firmware's event log is read; false leaves it out, as is done for an emulator, which measured no start. */
  eventLog?: string | false;
  /** Certificates that the platform keeps for this TPM beside its NV; Windows' own are the default there. */
  platformCertificates?: () => Promise<Uint8Array[]>;
};

const QUOTE_TRIES = 5;

/** The verbs that need the storage key follow each other in an enrolment, and share it. */
const BURST = { burst: true };

export function createTpmAttestor(tpm: Tpm, options: TpmAttestorOptions = {}): TpmAttestor {
  /** EKs by URN: how the TPM holds one does not change while it is open. */
  const known = new Map<string, FoundEk>();
  const remember = (eks: FoundEk[]) => {
    for (const ek of eks) known.set(ek.permanentIdentifier, ek);
  };

  return {
    kind: 'tpm',

    async readEndorsement() {
      const found = await tpm.work((scope) => findEndorsement(scope, 'present'));
      const { properties } = found;
      const { eks, chain } = await addPlatformCertificates(found, tpm, options);
      remember(eks);
      const { manufacturer, vendor, firmwareVersion } = properties;
      return { eks: eks.map(endorsementKey), chain, tpm: { manufacturer, vendor, firmwareVersion } };
    },

    async createAttestationKey() {
      const made = await tpm.work((scope) => makeAttestationKey(scope, options.akAlgorithm ?? 'ECC-P256'), BURST);
      return { ...made, public: made.key.public };
    },

    activateCredential(ak, ekPermanentIdentifier, credential, secret) {
      return tpm.work(async (scope) => {
        const ek = known.get(ekPermanentIdentifier) ?? (await findEk(scope, ekPermanentIdentifier));
        remember([ek]);
        return activate(scope, ak, ek, unwrap(credential, 'credential'), unwrap(secret, 'secret'));
      }, BURST);
    },

    async createDeviceKey() {
      const { key, area, name } = await tpm.work(makeDeviceKey, BURST);
      return { key, public: key.public, name, spki: spkiOf(area) };
    },

    certify(deviceKey, ak, binding) {
      const data = bound('certify', binding, ak, deviceKey);
      return tpm.work(async (scope) => {
        const [akHandle, deviceHandle] = await loadKeys(scope, [ak, deviceKey]);
        return certify(scope, deviceHandle, akHandle, data);
      }, BURST);
    },

    async quote(ak, deviceKey, binding, { pcrs }) {
      const data = bound('quote', binding, ak, deviceKey);
      const quoted = await tpm.work(async (scope) => {
        const [akHandle] = await loadKeys(scope, [ak]);
        return quoteWithValues(scope, akHandle, data, pcrs);
      }, BURST);
      const measured = options.eventLog ?? !/^(swtpm|mssim):/.test(tpm.address);
      const eventLog = measured === false ? undefined : await readEventLog(measured === true ? undefined : measured);
      return eventLog ? { ...quoted, eventLog } : quoted;
    },

    sign(deviceKey, hash) {
      return tpm.work(async (scope) => {
        const [handle] = await loadKeys(scope, [deviceKey]);
        const { r, s } = await signEcdsa(scope, handle, hash);
        const signature = new Uint8Array(64);
        signature.set(r, 32 - r.length);
        signature.set(s, 64 - s.length);
        return signature;
      });
    },

    close: () => tpm.close(),
  };
}

/** Gives EKs that have no certificate in NV the platform's, by key; the others that it holds are issuers. */
async function addPlatformCertificates(
  found: Endorsement,
  tpm: Tpm,
  options: TpmAttestorOptions,
): Promise<Pick<Endorsement, 'eks' | 'chain'>> {
  if (found.eks.every(({ certificate }) => certificate)) return found;
  const held = await (options.platformCertificates ?? defaultCertificates(tpm))();
  const keys = held.map((certificate) => ({ certificate, spki: certificateSpki(certificate) }));
  const mine = (ek: FoundEk) => keys.find(({ spki }) => spki && sameBytes(spki, ek.spki))?.certificate;
  const eks = found.eks.map((ek) => {
    const certificate = ek.certificate ?? mine(ek);
    return certificate ? { ...ek, certificate, certificateMismatch: undefined } : ek;
  });
  const used = new Set(eks.map(({ certificate }) => certificate));
  return { eks, chain: [...found.chain, ...held.filter((certificate) => !used.has(certificate))] };
}

function defaultCertificates(tpm: Tpm): () => Promise<Uint8Array[]> {
  if (tpm.address !== 'tbs:' || process.platform !== 'win32') return async () => [];
  return async () => (await import('../windows/platformCertificates.ts')).readPlatformCertificates();
}

function endorsementKey({
  spki,
  permanentIdentifier,
  algorithm,
  certificate,
  certificateMismatch,
}: FoundEk): EndorsementKey {
  return {
    publicKeySpki: spki,
    permanentIdentifier,
    algorithm,
    ...(certificate ? { certificate } : {}),
    ...(certificateMismatch ? { certificateMismatch } : {}),
  };
}

function bound(kind: 'certify' | 'quote', binding: BindingInput, ak: WrappedKey, deviceKey: WrappedKey): Uint8Array {
  return bindingDigest(kind, { ...binding, akName: nameOfKey(ak), deviceKeyName: nameOfKey(deviceKey) });
}

/** The content of a TPM2B with its size prefix, as the attestation CA sends it. */
function unwrap(bytes: Uint8Array, what: string): Uint8Array {
  try {
    const reader = createReader(bytes, what);
    const content = reader.tpm2b();
    reader.end();
    return content;
  } catch (cause) {
    throw new NativeError('credential-of-another-key', `The server's ${what} is not well formed.`, { cause });
  }
}

/** Quotes, reads the same PCRs, and does both again where a PCR was extended in between. */
async function quoteWithValues(
  scope: Scope,
  ak: number,
  data: Uint8Array,
  pcrs: number[],
): Promise<Omit<Quote, 'eventLog'>> {
  const wanted = [...new Set(pcrs)].sort((a, b) => a - b);
  const selection = encodePcrSelections([{ hash: ALG.SHA256, pcrs: wanted }]);
  for (let tries = 0; tries < QUOTE_TRIES; tries += 1) {
    const attested = await quote(scope, ak, data, selection);
    const pcrValues: PcrValue[] = [];
    while (pcrValues.length < wanted.length) {
      const missing = wanted.filter((index) => !pcrValues.some((value) => value.index === index));
      const values = await readPcrs(scope, ALG.SHA256, missing);
      const useful = values.filter(({ index }) => missing.includes(index));
      if (useful.length === 0)
        throw new NativeError('tpm-error', 'This TPM does not keep its PCRs in the SHA-256 bank.', { advice: NO_BANK });
      pcrValues.push(...useful);
    }
    pcrValues.sort((a, b) => a.index - b.index);
    if (endsWith(attested.attest, digest('sha256', ...pcrValues.map(({ value }) => value))))
      return { ...attested, pcrValues };
  }
  throw new NativeError('pcrs-changing', 'The PCRs of this TPM keep changing while they are being read.');
}

const NO_BANK = 'Turn on the SHA-256 PCR bank in the firmware settings and start again.';

/** A quote's TPMS_ATTEST ends in TPM2B(pcrDigest); the AK's scheme is SHA-256 in every template of ours. */
function endsWith(attest: Uint8Array, pcrDigest: Uint8Array): boolean {
  return sameBytes(attest.subarray(attest.length - pcrDigest.length), pcrDigest);
}
