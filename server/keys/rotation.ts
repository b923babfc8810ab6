import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createIssuingAuthority } from '../../attestation/index.ts';
import { ServerError } from '../error.ts';
import { resealConnections } from '../mdm/connections.ts';
import { type Actor, audit } from '../store/audit.ts';
import { resealCaWebhooks } from '../store/caWebhooks.ts';
import type { Store } from '../store/store.ts';
import {
  findSigningKey,
  type KeyEncryptionKey,
  loadKeyEncryptionKey,
  opensStore,
  rewrap,
  storeSigningKey,
} from './keyring.ts';

const ISSUING_YEARS = 10;
const FILE = 'key-encryption.key';
const OPERATOR: Actor = { type: 'server', id: null, name: 'muster server' };

/**
 * The key-encryption key of a store. Where a rotation was cut short after the store had taken the new key, the new file takes its place now.
 * Error: `configuration` where neither opens the store.
 */
export async function openKeyEncryptionKey(
  store: Store,
  folder: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<KeyEncryptionKey> {
  // Only a store that holds nothing sealed yet gets a new key.
  const sealed = await store.db.selectFrom('server_keys').select('id').limit(1).executeTakeFirst();
  const current = await loadKeyEncryptionKey(folder, environment, sealed ? FILE : undefined);
  if (await opensStore(store.db, current)) return current;
  if (!environment.MUSTER_KEY_ENCRYPTION_KEY) {
    const next = await loadKeyEncryptionKey(folder, {}, `${FILE}.next`).catch(() => undefined);
    if (next && (await opensStore(store.db, next))) {
      await rename(join(folder, `${FILE}.next`), join(folder, FILE));
      return next;
    }
  }
  throw new ServerError(
    'configuration',
    'The keys of this store were sealed with another key-encryption key. Give the server the one that belongs to the store.',
  );
}

/**
 * Seals all keys under a new key-encryption key: the one in `MUSTER_KEY_ENCRYPTION_KEY_NEXT` where the current one comes from the
 * environment, else a new file. At every moment the store opens with the old file or with the new one.
 */
export async function rotateKeyEncryptionKey(
  store: Store,
  folder: string,
  now: number,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const current = await openKeyEncryptionKey(store, folder, environment);
  const inFile = !environment.MUSTER_KEY_ENCRYPTION_KEY;
  if (!inFile && !environment.MUSTER_KEY_ENCRYPTION_KEY_NEXT) {
    throw new ServerError(
      'configuration',
      'The key-encryption key comes from the environment: give the new one in MUSTER_KEY_ENCRYPTION_KEY_NEXT, then start the server with it.',
    );
  }
  const next = inFile
    ? await writeNext(folder)
    : await loadKeyEncryptionKey(folder, { MUSTER_KEY_ENCRYPTION_KEY: environment.MUSTER_KEY_ENCRYPTION_KEY_NEXT });
  const count = await store.write(async (trx) => {
    const sealed =
      (await rewrap(trx, current, next)) +
      (await resealConnections(trx, current, next)) +
      (await resealCaWebhooks(trx, current, next));
    const subject = { type: 'server', id: null };
    await audit(trx, now, { actor: OPERATOR, action: 'keys.sealed-anew', subject, after: { keys: sealed } });
    return sealed;
  });
  if (inFile) await rename(join(folder, `${FILE}.next`), join(folder, FILE));
  return count;
}

async function writeNext(folder: string): Promise<KeyEncryptionKey> {
  const path = join(folder, `${FILE}.next`);
  const key = randomBytes(32);
  await rm(path, { force: true });
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(`${key.toString('base64')}\n`);
    // The store must not be sealed under a key that a power cut could lose.
    await file.sync();
  } finally {
    await file.close();
  }
  return key;
}

/**
 * New issuing authorities below the roots, which stay: certificates that were issued before stay good until they expire. The roots are what
 * others trust; a new root is a new inventory to them.
 */
export async function rotateIssuers(store: Store, kek: KeyEncryptionKey, now: number): Promise<void> {
  for (const kind of ['trusted', 'untrusted'] as const) {
    const root = await findSigningKey(store.db, kek, `attestation-${kind}-root`);
    if (!root?.certificate) continue;
    const demo = store.stamp === 'demo' ? 'Demo ' : '';
    const issuing = createIssuingAuthority({
      name: `Muster ${demo}Attestation${kind === 'trusted' ? '' : ' (unverified TPMs)'} Issuing`,
      at: new Date(now),
      years: ISSUING_YEARS,
      root: { certificate: Buffer.from(root.certificate, 'base64'), key: root.privateKey },
    });
    const purpose = `attestation-${kind}-issuing`;
    await store.write(async (trx) => {
      await trx
        .updateTable('server_keys')
        .set({ retired_at: now })
        .where('purpose', '=', purpose)
        .where('retired_at', 'is', null)
        .execute();
      await storeSigningKey(trx, kek, purpose, now, { privateKey: issuing.key, certificate: issuing.certificate });
      await audit(trx, now, { actor: OPERATOR, action: 'keys.rotated', subject: { type: 'server-key', id: purpose } });
    });
  }
}

/** A new key for the server's own ID tokens, and new cookie keys: sign-ins that are under way start over. */
export async function rotateSignInKeys(store: Store, now: number): Promise<void> {
  await store.write(async (trx) => {
    for (const purpose of ['oidc-signing', 'cookies', 'dpop-nonces']) {
      await trx
        .updateTable('server_keys')
        .set({ retired_at: now })
        .where('purpose', '=', purpose)
        .where('retired_at', 'is', null)
        .execute();
      await audit(trx, now, { actor: OPERATOR, action: 'keys.rotated', subject: { type: 'server-key', id: purpose } });
    }
  });
}
