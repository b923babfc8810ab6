import { equalBytes } from '../../attestation/bytes.ts';
import { hasAttributes, nameOfBytes, type PublicArea } from '../../attestation/publicArea.ts';
import { AK_RSA_TEMPLATE, SRK_TEMPLATE } from '../../attestation/templates.ts';
import { ALG, HANDLE } from '../../attestation/tpmConstants.ts';
import { isNativeError } from '../errors.ts';
import { createPrimary, type ReadKey, readPublic } from './commands.ts';
import type { Kept, Scope } from './tpm.ts';

/** The RSA storage root key that firmware and Windows make; a parent that may have been persistent once. */
export const SRK_RSA_TEMPLATE: PublicArea = {
  ...AK_RSA_TEMPLATE,
  attributes: SRK_TEMPLATE.attributes,
  symmetric: SRK_TEMPLATE.symmetric,
  scheme: { alg: ALG.NULL },
  modulus: new Uint8Array(256),
};

/** A storage key and its name. `earlier`: other work of this burst opened it, and it may be gone since. */
export type Parent = Kept & { transient: boolean; earlier: boolean };

const DOING_SRK = 'making the storage key';

/**
 * The storage root key: 0x81000001 where it is a storage key that needs no authorization we lack, else made anew. A burst
 * opens it once: a discrete TPM takes a good part of a second to make it.
 */
export async function openParent(scope: Scope): Promise<Parent> {
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

export async function makeParent(scope: Scope, template: PublicArea): Promise<Parent> {
  const { handle, name } = await createPrimary(scope, HANDLE.OWNER, template, DOING_SRK);
  return { handle, name, transient: true, earlier: false };
}

const nameOf = ({ area, public: bytes }: ReadKey): Uint8Array => nameOfBytes(area.nameAlg, bytes);

/** restricted | decrypt | fixedTPM | fixedParent. */
const STORAGE = 0x00030012;

/** Flushes a storage key that nothing keeps. */
export async function closeParent(scope: Scope, parent: Parent): Promise<void> {
  if (parent.transient && scope.kept()?.handle !== parent.handle) await scope.flush(parent.handle);
}

/** Flushes a storage key that is of no use, and keeps it no longer; an object of others at its handle is left alone. */
export async function dropParent(scope: Scope, parent: Parent): Promise<void> {
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
export async function withParent<T>(scope: Scope, task: () => Promise<T>): Promise<T> {
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
