import { createPrivateKey } from 'node:crypto';
import type { StateStore } from '../app/index.ts';
import { type ClaimKey, createSoftwareClaimKey } from '../native/index.ts';

export type ClaimKeyStore = StateStore;

const NAME = 'claim-key';

/** The last resort of a Mac without an enclave or keychain key: a P-256 key as a secret of the state store, labelled `file`. */
export async function fileClaimKey(store: ClaimKeyStore): Promise<ClaimKey> {
  const pem = await store.read(NAME);
  if (pem !== undefined) return createSoftwareClaimKey('file', createPrivateKey(pem));
  const made = createSoftwareClaimKey('file');
  await store.write(NAME, String(made.privateKey.export({ type: 'pkcs8', format: 'pem' })), { secret: true });
  return made;
}
