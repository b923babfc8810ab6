import { createHash } from 'node:crypto';
import { createTrustStore, type TrustStore, type VendorRoot } from '../../attestation/index.ts';
import { ServerError } from '../error.ts';
import type { TrustedRootRow } from '../store/schema.ts';
import type { Db, Store, Trx } from '../store/store.ts';

/** The vendor roots and intermediates of this store, parsed once and again after a change. */
export type Roots = { trust(): Promise<TrustStore>; changed(): void };

export function createRoots(db: Db): Roots {
  let cached: Promise<TrustStore> | undefined;
  const load = async (): Promise<TrustStore> => {
    const all = await db.selectFrom('trusted_roots').selectAll().execute();
    const rows = all.filter((row) => row.distrusted_at === null);
    const der = (row: TrustedRootRow) => new Uint8Array(Buffer.from(row.certificate, 'base64'));
    const roots = rows
      .filter((row) => row.role === 'root')
      .map((row): VendorRoot => {
        const root = { certificate: der(row), vendor: row.vendor, source: row.source };
        return row.ek_class === null ? root : { ...root, class: row.ek_class };
      });
    return createTrustStore({
      roots,
      intermediates: rows.filter((row) => row.role === 'intermediate').map(der),
      // Devices bring the certificates between theirs and the root: without this, theirs would stand in for one that is not trusted.
      distrusted: all.filter((row) => row.distrusted_at !== null).map(der),
    });
  };
  return {
    trust: () => {
      cached ??= load();
      return cached;
    },
    changed: () => {
      cached = undefined;
    },
  };
}

type NewRoot = Pick<TrustedRootRow, 'vendor' | 'role' | 'ek_class' | 'source'> & { certificate: Uint8Array };

export function fingerprintOf(certificate: Uint8Array): string {
  return createHash('sha256').update(certificate).digest('hex');
}

/** Stores a certificate by its SHA-256; the same bytes again change nothing, the trust in them neither. */
export async function storeRoot(trx: Trx, now: number, root: NewRoot): Promise<void> {
  await trx
    .insertInto('trusted_roots')
    .values({
      fingerprint: fingerprintOf(root.certificate),
      certificate: Buffer.from(root.certificate).toString('base64'),
      vendor: root.vendor,
      role: root.role,
      ek_class: root.ek_class,
      source: root.source,
      created_at: now,
      distrusted_at: null,
      judge_after: null,
    })
    .onConflict((c) => c.column('fingerprint').doNothing())
    .execute();
}

/**
 * Trusts the CA of the demo's software TPM, as class `software`, in a demo store. Errors: `store-is-production` anywhere
 * else; those of a certificate that cannot be read.
 */
export async function addDemoRoot(
  store: Store,
  now: number,
  {
    certificate,
    vendor,
    intermediates,
  }: { certificate: Uint8Array; vendor: string; intermediates: readonly Uint8Array[] },
): Promise<void> {
  if (store.stamp !== 'demo') {
    throw new ServerError('store-is-production', 'Only a demo store trusts the CA of a software TPM.');
  }
  createTrustStore({ roots: [{ certificate, vendor, class: 'software', source: 'demo' }], intermediates });
  const common = { vendor, ek_class: 'software', source: 'demo' } as const;
  await store.write(async (trx) => {
    await storeRoot(trx, now, { ...common, certificate, role: 'root' });
    for (const issuer of intermediates)
      await storeRoot(trx, now, { ...common, certificate: issuer, role: 'intermediate' });
  });
}
