import { type Authority, createAttestationCa, type PreparedRoots, prepareRoots } from '../../attestation/index.ts';
import type { EkClass } from '../../contract/index.ts';
import { findSigningKey, type KeyEncryptionKey, storeSigningKey } from '../keys/keyring.ts';
import type { Store } from '../store/store.ts';

/** An issuing authority below its own root: what is trusted for one class of TPM is never trusted for another. */
export type IssuingAuthority = { issuing: Authority; root: Uint8Array; roots: PreparedRoots };
export type IssuingAuthorities = { trusted: IssuingAuthority; untrusted: IssuingAuthority };

const KINDS = ['trusted', 'untrusted'] as const;

/** The two authorities of this store, made and sealed in a new one. */
export async function loadIssuers(store: Store, kek: KeyEncryptionKey, now: number): Promise<IssuingAuthorities> {
  const [trusted, untrusted] = await Promise.all(KINDS.map((kind) => loadIssuer(store, kek, kind, now)));
  if (!trusted || !untrusted) throw new Error('unreachable: one authority for each kind');
  return { trusted, untrusted };
}

async function loadIssuer(
  store: Store,
  kek: KeyEncryptionKey,
  kind: (typeof KINDS)[number],
  now: number,
): Promise<IssuingAuthority> {
  const purpose = { root: `attestation-${kind}-root`, issuing: `attestation-${kind}-issuing` };
  const [root, issuing] = await Promise.all([
    findSigningKey(store.db, kek, purpose.root),
    findSigningKey(store.db, kek, purpose.issuing),
  ]);
  if (root?.certificate && issuing?.certificate) {
    return prepared(Buffer.from(root.certificate, 'base64'), {
      certificate: Buffer.from(issuing.certificate, 'base64'),
      key: issuing.privateKey,
    });
  }
  const demo = store.stamp === 'demo' ? 'Demo ' : '';
  const name = `Muster ${demo}Attestation${kind === 'trusted' ? '' : ' (unverified TPMs)'}`;
  const made = await createAttestationCa({ name, at: new Date(now) });
  await store.write(async (trx) => {
    await storeSigningKey(trx, kek, purpose.root, now, {
      privateKey: made.root.key,
      certificate: made.root.certificate,
    });
    await storeSigningKey(trx, kek, purpose.issuing, now, {
      privateKey: made.issuing.key,
      certificate: made.issuing.certificate,
    });
  });
  return prepared(made.root.certificate, made.issuing);
}

/** Root and issuing certificate parsed once, for every attestation key certificate that comes back. */
function prepared(root: Uint8Array, issuing: Authority): IssuingAuthority {
  return { root, issuing, roots: prepareRoots([root], [issuing.certificate]) };
}

/** Hardware and firmware come from one authority, every other class from the one that nothing is told to trust. */
export function authorityFor(issuers: IssuingAuthorities, ekClass: EkClass): IssuingAuthority {
  return ekClass === 'hardware' || ekClass === 'firmware' ? issuers.trusted : issuers.untrusted;
}
