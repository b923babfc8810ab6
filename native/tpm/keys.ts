import { parseCreationData } from '../../attestation/attest.ts';
import { equalBytes } from '../../attestation/bytes.ts';
import { objectName, type PublicArea, parsePublic } from '../../attestation/publicArea.ts';
import { AK_ECC_TEMPLATE, AK_RSA_TEMPLATE, DEVICE_KEY_TEMPLATE, SRK_TEMPLATE } from '../../attestation/templates.ts';
import { isNativeError, NativeError } from '../errors.ts';
import { guarded } from './codec.ts';
import { type CreatedKey, certifyCreation, create, load } from './commands.ts';
import { baseCode, RC } from './responseCodes.ts';
import {
  closeParent,
  dropParent,
  makeParent,
  openParent,
  type Parent,
  SRK_RSA_TEMPLATE,
  withParent,
} from './storageKey.ts';
import type { Scope } from './tpm.ts';

/**
 * A key that only the TPM it was made in can load: the contents of TPM2B_PUBLIC and TPM2B_PRIVATE without their sizes.
 * Plain data; the private part is encrypted by the TPM.
 */
export type WrappedKey = { public: Uint8Array; private: Uint8Array };

export type AkAlgorithm = 'ECC-P256' | 'RSA-2048';

const AK_TEMPLATES: Record<AkAlgorithm, PublicArea> = { 'ECC-P256': AK_ECC_TEMPLATE, 'RSA-2048': AK_RSA_TEMPLATE };

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
