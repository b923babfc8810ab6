import { parseCreationData } from '../../attestation/attest.ts';
import { createWriter, equalBytes } from '../../attestation/bytes.ts';
import { hasAttributes, nameOfBytes, objectName, type PublicArea, parsePublic } from '../../attestation/publicArea.ts';
import {
  AK_ECC_TEMPLATE,
  AK_RSA_TEMPLATE,
  DEVICE_KEY_TEMPLATE,
  POLICY_A,
  POLICY_B,
  POLICY_C,
  SRK_TEMPLATE,
} from '../../attestation/templates.ts';
import { ALG, HANDLE, TPM_CC } from '../../attestation/tpmConstants.ts';
import { isNativeError, NativeError } from '../errors.ts';
import { guarded } from './codec.ts';
import { type CreatedKey, certifyCreation, create, createPrimary, load, type ReadKey, readPublic } from './commands.ts';
import { type FoundEk, loadEk } from './endorsement.ts';
import { baseCode, RC } from './responseCodes.ts';
import type { Kept, Scope } from './tpm.ts';

/**
 * A key that only the TPM it was made in can load: the contents of TPM2B_PUBLIC and TPM2B_PRIVATE without their sizes.
 * Plain data; the private part is encrypted by the TPM.
 */
export type WrappedKey = { public: Uint8Array; private: Uint8Array };

export type AkAlgorithm = 'ECC-P256' | 'RSA-2048';

const AK_TEMPLATES: Record<AkAlgorithm, PublicArea> = { 'ECC-P256': AK_ECC_TEMPLATE, 'RSA-2048': AK_RSA_TEMPLATE };

/** The RSA storage root key that firmware and Windows make; a parent that may have been persistent once. */
const SRK_RSA_TEMPLATE: PublicArea = {
  ...AK_RSA_TEMPLATE,
  attributes: SRK_TEMPLATE.attributes,
  symmetric: SRK_TEMPLATE.symmetric,
  scheme: { alg: ALG.NULL },
  modulus: new Uint8Array(256),
};

/** A storage key and its name. `earlier`: other work of this burst opened it, and it may be gone since. */
type Parent = Kept & { transient: boolean; earlier: boolean };

const DOING_SRK = 'making the storage key';

/**
 * The storage root key: 0x81000001 where it is a storage key that needs no authorization we lack, else made anew. A burst
 * opens it once: a discrete TPM takes a good part of a second to make it.
 */
async function openParent(scope: Scope): Promise<Parent> {
  const kept = scope.kept();
  if (kept) return { ...kept, transient: kept.handle !== HANDLE.SRK, earlier: true };
  const held = await readPublic(scope, HANDLE.SRK);
  const parent =
    held && hasAttributes(held.area, SRK_TEMPLATE.attributes & STORAGE)
      ? { handle: HANDLE.SRK, name: nameOf(held), transient: false, earlier: false }
      : await makeParent(scope, SRK_TEMPLATE);
  scope.keep({ handle: parent.handle, name: parent.name });
  return parent;
}

async function makeParent(scope: Scope, template: PublicArea): Promise<Parent> {
  const { handle, name } = await createPrimary(scope, HANDLE.OWNER, template, DOING_SRK);
  return { handle, name, transient: true, earlier: false };
}

const nameOf = ({ area, public: bytes }: ReadKey): Uint8Array => nameOfBytes(area.nameAlg, bytes);

/** restricted | decrypt | fixedTPM | fixedParent. */
const STORAGE = 0x00030012;

/** Flushes a storage key that nothing keeps. */
async function closeParent(scope: Scope, parent: Parent): Promise<void> {
  if (parent.transient && scope.kept()?.handle !== parent.handle) await scope.flush(parent.handle);
}

/** Flushes a storage key that is of no use, and keeps it no longer; an object of others at its handle is left alone. */
async function dropParent(scope: Scope, parent: Parent): Promise<void> {
  if (parent.transient && (!parent.earlier || (await isThere(scope, parent)))) await scope.flush(parent.handle);
  scope.forget(parent.handle);
}

async function isThere(scope: Scope, { handle, name }: Kept): Promise<boolean> {
  const found = await readPublic(scope, handle);
  return found !== undefined && equalBytes(nameOf(found), name);
}

/**
 * Does a task that needs the storage root key; once more where it fails and the key that was kept is not in the TPM any
 * more: the TPM was reset, or the persistent key was taken away. Another object may have its handle by now.
 */
async function withParent<T>(scope: Scope, task: () => Promise<T>): Promise<T> {
  const earlier = scope.kept();
  try {
    return await task();
  } catch (error) {
    const mayBeGone = earlier !== undefined && isNativeError(error, 'tpm-error', 'tpm-response-malformed');
    if (!mayBeGone || (await isThere(scope, earlier))) throw error;
    scope.forget(earlier.handle);
    return task();
  }
}

/** Makes a key under `parent` and nowhere else: what the TPM says about its creation names the parent. */
async function createUnder(scope: Scope, parent: Parent, template: PublicArea, doing: string): Promise<CreatedKey> {
  const made = await create(scope, parent.handle, template, doing);
  guarded('Create', () => {
    if (!equalBytes(parseCreationData(made.creationData).parentName, parent.name)) throw new Error('another parent');
  });
  return made;
}

export type MadeAk = {
  key: WrappedKey;
  name: Uint8Array;
  creationData: Uint8Array;
  creationAttestation: Uint8Array;
  creationSignature: Uint8Array;
};

/** Makes an attestation key and has it attest its own creation; the ticket binds the two, so both happen here. */
export async function makeAttestationKey(scope: Scope, algorithm: AkAlgorithm): Promise<MadeAk> {
  const { made, handle } = await withParent(scope, async () => {
    const parent = await openParent(scope);
    const created = await createUnder(scope, parent, AK_TEMPLATES[algorithm], 'making the attestation key');
    const loaded = await load(scope, parent.handle, created);
    await closeParent(scope, parent);
    return { made: created, handle: loaded };
  });
  const { attest, signature } = await certifyCreation(scope, handle, handle, made);
  return {
    key: { public: made.public, private: made.private },
    name: nameOfKey(made),
    creationData: made.creationData,
    creationAttestation: attest,
    creationSignature: signature,
  };
}

export async function makeDeviceKey(scope: Scope): Promise<{ key: WrappedKey; area: PublicArea; name: Uint8Array }> {
  const made = await withParent(scope, async () => {
    const parent = await openParent(scope);
    return createUnder(scope, parent, DEVICE_KEY_TEMPLATE, 'making the device key');
  });
  const area = guarded('Create', () => parsePublic(made.public));
  return { key: { public: made.public, private: made.private }, area, name: nameOfKey(made) };
}

/**
 * Loads wrapped keys, their parent flushed again. Throws `key-of-another-tpm` where this TPM did not wrap them (another
 * chip, or one that was cleared): tried under every storage key that may have been the parent.
 */
export async function loadKeys<const K extends readonly WrappedKey[]>(
  scope: Scope,
  keys: K,
): Promise<{ [I in keyof K]: number }> {
  for (const key of keys) checkWrapped(key);
  const loaded = await withParent(scope, () => loadUnderAny(scope, keys));
  return loaded as { [I in keyof K]: number };
}

async function loadUnderAny(scope: Scope, keys: readonly WrappedKey[]): Promise<number[]> {
  const parents: (() => Promise<Parent>)[] = [
    () => openParent(scope),
    // The storage key may have been made persistent, or taken away, since these keys were made.
    () => makeParent(scope, SRK_TEMPLATE),
    () => makeParent(scope, SRK_RSA_TEMPLATE),
  ];
  for (const open of parents) {
    const parent = await openIfPossible(open);
    if (!parent) continue;
    const loaded: number[] = [];
    try {
      for (const key of keys) loaded.push(await load(scope, parent.handle, key));
      await closeParent(scope, parent);
      return loaded;
    } catch (error) {
      if (!isForeignKey(error)) throw error;
      for (const handle of loaded) await scope.flush(handle);
      await dropParent(scope, parent);
    }
  }
  throw new NativeError('key-of-another-tpm', 'This key belongs to another TPM, or to this one before it was cleared.');
}

async function openIfPossible(open: () => Promise<Parent>): Promise<Parent | undefined> {
  try {
    return await open();
  } catch (error) {
    // A storage key of that kind cannot be made here, so it was not the parent.
    if (
      isNativeError(error, 'tpm-auth-required', 'tpm-error', 'tpm-command-blocked') &&
      error.responseCode !== undefined
    )
      return undefined;
    throw error;
  }
}

/** INTEGRITY: wrapped by another seed. HASH, SIZE, VALUE and the like: blob and public part do not fit together. */
function isForeignKey(error: unknown): boolean {
  return (
    isNativeError(error, 'tpm-error') &&
    error.responseCode !== undefined &&
    FOREIGN.includes(baseCode(error.responseCode))
  );
}

const FOREIGN: readonly number[] = [RC.INTEGRITY, RC.HASH, RC.SIZE, RC.VALUE, RC.TYPE, RC.BINDING, RC.KEY];

/** Names of keys that were read once: every verb of an enrolment asks for the same two. */
const names = new WeakMap<Uint8Array, Uint8Array>();

/** The name of a stored key. Throws `key-file-damaged` where its public part is none. */
export function nameOfKey(key: WrappedKey): Uint8Array {
  const known = names.get(key.public);
  if (known) return known;
  try {
    const name = objectName(key.public);
    names.set(key.public, name);
    return name;
  } catch (cause) {
    throw new NativeError('key-file-damaged', 'The stored key cannot be read.', { cause });
  }
}

function checkWrapped(key: WrappedKey): void {
  nameOfKey(key);
  if (key.private.length < 16 || key.private.length > 1024) {
    throw new NativeError('key-file-damaged', 'The stored key is incomplete.');
  }
}

/** Answers the attestation CA's challenge: proves that this AK and this EK are in one TPM. Blobs without size prefixes. */
export async function activate(
  scope: Scope,
  ak: WrappedKey,
  ek: FoundEk,
  credential: Uint8Array,
  secret: Uint8Array,
): Promise<Uint8Array> {
  const [akHandle] = await loadKeys(scope, [ak]);
  const ekHandle = await loadEk(scope, ek);
  const none = new Uint8Array(0);
  const { handle: session } = await scope.make({
    code: TPM_CC.START_AUTH_SESSION,
    handles: [HANDLE.NULL, HANDLE.NULL],
    // POLICY (1), no symmetric algorithm, hash = the EK's nameAlg (part 3, 11.1).
    parameters: createWriter()
      .tpm2b(crypto.getRandomValues(new Uint8Array(16)))
      .tpm2b(none)
      .u8(1)
      .u16(ALG.NULL)
      .u16(ek.area.nameAlg)
      .finish(),
    doing: 'opening a session',
  });
  await scope.run({
    code: TPM_CC.POLICY_SECRET,
    handles: [HANDLE.ENDORSEMENT, session],
    auths: ['empty-password'],
    hierarchy: HANDLE.ENDORSEMENT,
    parameters: createWriter().tpm2b(none).tpm2b(none).tpm2b(none).u32(0).finish(),
    doing: 'asking to use the endorsement key',
  });
  const policy = policyOr(ek.area);
  if (policy) {
    await scope.run({
      code: TPM_CC.POLICY_OR,
      handles: [session],
      parameters: policy,
      doing: 'asking to use the endorsement key',
    });
  }
  try {
    const { parameters } = await scope.run({
      code: TPM_CC.ACTIVATE_CREDENTIAL,
      handles: [akHandle, ekHandle],
      auths: ['empty-password', { session }],
      parameters: createWriter().tpm2b(credential).tpm2b(secret).finish(),
      duration: 'medium',
      doing: 'activating the credential',
    });
    scope.forget(session);
    return guarded('ActivateCredential', () => parameters.tpm2b());
  } catch (error) {
    if (
      isNativeError(error, 'tpm-error') &&
      error.responseCode !== undefined &&
      WRONG_CREDENTIAL.includes(baseCode(error.responseCode))
    ) {
      throw new NativeError(
        'credential-of-another-key',
        'The server made its challenge for another TPM or another attestation key.',
        {
          responseCode: error.responseCode,
          cause: error,
        },
      );
    }
    throw error;
  }
}

/** PolicyOR's digests for an EK of the high range, whose policy is PolicyB; undefined for the low range. */
function policyOr(area: PublicArea): Uint8Array | undefined {
  const names = ['sha256', 'sha384', 'sha512'] as const;
  const hash = names.find((name) => equalBytes(area.authPolicy, POLICY_B[name]));
  return hash && createWriter().u32(2).tpm2b(POLICY_A[hash]).tpm2b(POLICY_C[hash]).finish();
}

const WRONG_CREDENTIAL: readonly number[] = [RC.INTEGRITY, RC.VALUE, RC.SIZE, RC.INSUFFICIENT, RC.ECC_POINT];
