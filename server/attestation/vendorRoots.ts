import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AttestationError,
  acceptVendorCertificate,
  type ManifestEntry,
  splitCertificates,
  vendorRootsManifest,
} from '../../attestation/index.ts';
import { ServerError } from '../error.ts';
import { audit } from '../store/audit.ts';
import type { Store } from '../store/store.ts';
import { storeRoot } from './roots.ts';

export type RootsReport = { added: number; known: number; refused: { from: string; why: string }[] };

const TIMEOUT_MS = 20_000;
const MAX_BYTES = 256 * 1024;

/**
 * Fetches every certificate of the shipped manifest from where its vendor publishes it, and keeps the bytes whose SHA-256 the manifest
 * names: what the network answers is never trusted by itself.
 */
export async function updateVendorRoots(
  store: Store,
  now: number,
  request: typeof fetch = fetch,
): Promise<RootsReport> {
  const report: RootsReport = { added: 0, known: 0, refused: [] };
  const have = await fingerprints(store);
  for (const entry of vendorRootsManifest) {
    if (have.has(entry.sha256)) {
      report.known += 1;
      continue;
    }
    try {
      const response = await request(entry.sourceUrl, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (!response.ok) throw new Error(`the vendor answered ${response.status}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (bytes.length > MAX_BYTES) throw new Error('the answer is too large');
      report.added += await keep(store, now, certificatesIn(bytes), [entry]);
    } catch (error) {
      report.refused.push({ from: entry.sourceUrl, why: error instanceof Error ? error.message : String(error) });
    }
  }
  await note(store, now, report, 'the vendors');
  return report;
}

/** The same from a file or folder of certificates (DER or PEM), for servers without a way out. Error: `configuration` where `path` is none. */
export async function importVendorRoots(store: Store, now: number, path: string): Promise<RootsReport> {
  const report: RootsReport = { added: 0, known: 0, refused: [] };
  const have = await fingerprints(store);
  const files = await certificateFiles(path);
  const wanted = vendorRootsManifest.filter((entry) => !have.has(entry.sha256));
  for (const file of files) {
    try {
      report.added += await keep(store, now, certificatesIn(new Uint8Array(await readFile(file))), wanted);
    } catch (error) {
      report.refused.push({ from: file, why: error instanceof Error ? error.message : String(error) });
    }
  }
  report.known = have.size;
  await note(store, now, report, path);
  return report;
}

async function certificateFiles(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    return (await readdir(path)).filter((name) => /\.(pem|der|crt|cer)$/i.test(name)).map((name) => join(path, name));
  } catch (cause) {
    throw new ServerError('configuration', `${path} cannot be read.`, { cause });
  }
}

async function fingerprints(store: Store): Promise<Set<string>> {
  const rows = await store.db
    .selectFrom('trusted_roots')
    .select('fingerprint')
    .where('source', '=', 'shipped')
    .execute();
  return new Set(rows.map((row) => row.fingerprint));
}

/** PEM text holds any number of certificates; anything else is read as DER, one or several after another. */
function certificatesIn(bytes: Uint8Array): readonly Uint8Array[] {
  const text = Buffer.from(bytes).toString('latin1');
  const blocks = [...text.matchAll(/-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/g)];
  if (blocks.length > 0) return blocks.map((block) => new Uint8Array(Buffer.from(block[1] ?? '', 'base64')));
  return splitCertificates(bytes);
}

async function keep(
  store: Store,
  now: number,
  certificates: readonly Uint8Array[],
  manifest: readonly ManifestEntry[],
): Promise<number> {
  let added = 0;
  for (const der of certificates) {
    try {
      const { entry, root } = acceptVendorCertificate(der, manifest);
      await store.write((trx) =>
        storeRoot(trx, now, {
          certificate: der,
          vendor: root?.vendor ?? entry.vendor,
          role: entry.role,
          ek_class: root?.class ?? null,
          source: 'shipped',
        }),
      );
      added += 1;
    } catch (error) {
      // A bundle may hold more than the manifest names; the rest is not wanted.
      if (!(error instanceof AttestationError) || (certificates.length === 1 && manifest.length === 1)) throw error;
    }
  }
  return added;
}

async function note(store: Store, now: number, report: RootsReport, from: string): Promise<void> {
  if (report.added === 0) return;
  await store.write((trx) =>
    audit(trx, now, {
      actor: { type: 'server', id: null, name: 'muster server' },
      action: 'roots.added',
      subject: { type: 'roots', id: null },
      after: { added: report.added, from },
    }),
  );
}
