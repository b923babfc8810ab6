import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerError } from '../error.ts';
import { newId } from '../store/ids.ts';
import type { ServerKeyRow } from '../store/schema.ts';
import type { Db, Trx } from '../store/store.ts';

/** The key-encryption key: 32 bytes that seal every private key and secret of the server at rest. */
export type KeyEncryptionKey = Uint8Array;

/**
 * From `MUSTER_KEY_ENCRYPTION_KEY` (base64 of 32 bytes) where it is set, else from the file `key-encryption.key` in the store's folder,
 * which is made (readable by its owner only) with a new store; a file that `existing` names is never made. Error: `configuration`.
 */
export async function loadKeyEncryptionKey(
  folder: string,
  environment: NodeJS.ProcessEnv = process.env,
  existing?: string,
): Promise<KeyEncryptionKey> {
  const given = environment.MUSTER_KEY_ENCRYPTION_KEY;
  if (given !== undefined && given !== '') return decodeKey(given, 'MUSTER_KEY_ENCRYPTION_KEY');
  const path = join(folder, existing ?? 'key-encryption.key');
  try {
    return decodeKey(await readFile(path, 'utf8'), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    if (existing !== undefined) {
      throw new ServerError(
        'configuration',
        `${path} is missing: the server's keys cannot be opened without it. Restore it from where it was backed up; nothing was changed.`,
        { cause: error },
      );
    }
  }
  const key = randomBytes(32);
  await writeFile(path, `${key.toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
  await chmod(path, 0o600);
  return key;
}

function decodeKey(text: string, where: string): KeyEncryptionKey {
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== 32) {
    throw new ServerError(
      'configuration',
      `${where} does not hold 32 bytes in base64: the server's keys cannot be opened.`,
    );
  }
  return key;
}

/** AES-256-GCM: `v1.<nonce>.<ciphertext and tag>`, base64url; `context` is authenticated, so that a sealed value fits one place only. */
export function seal(key: KeyEncryptionKey, context: string, plain: Uint8Array): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return `v1.${nonce.toString('base64url')}.${sealed.toString('base64url')}`;
}

/** The inverse of {@link seal}; `configuration` where the key-encryption key is not the one that sealed it. */
export function unseal(key: KeyEncryptionKey, context: string, text: string): Uint8Array {
  const [version, nonce, sealed] = text.split('.');
  try {
    if (version !== 'v1' || !nonce || !sealed) throw new Error('unknown form');
    const bytes = Buffer.from(sealed, 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'))
      .setAAD(Buffer.from(context))
      .setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]);
  } catch (cause) {
    throw new ServerError(
      'configuration',
      'The keys of this store were sealed with another key-encryption key. Give the server the one that belongs to the store.',
      { cause },
    );
  }
}

const contextOf = (row: Pick<ServerKeyRow, 'id' | 'purpose'>) => `server-key:${row.purpose}:${row.id}`;

export type SigningKey = { id: string; privateKey: KeyObject; publicKey: string; certificate: string | null };

type NewKey = { private: Uint8Array; public: string; certificate?: string };

/** The live key of a purpose, made by `create` in a store that has none. */
async function ensure(
  db: Db,
  kek: KeyEncryptionKey,
  purpose: string,
  now: number,
  create: () => NewKey | Promise<NewKey>,
) {
  const find = (from: Db | Trx) =>
    from
      .selectFrom('server_keys')
      .selectAll()
      .where('purpose', '=', purpose)
      .where('retired_at', 'is', null)
      .orderBy('created_at', 'desc')
      .executeTakeFirst();
  const known = await find(db);
  if (known) return { row: known, secret: unseal(kek, contextOf(known), known.sealed) };
  const made = await create();
  const id = newId(now);
  const row: ServerKeyRow = {
    id,
    purpose,
    sealed: seal(kek, contextOf({ id, purpose }), made.private),
    public: made.public,
    certificate: made.certificate ?? null,
    created_at: now,
    retired_at: null,
  };
  await db.insertInto('server_keys').values(row).execute();
  return { row, secret: made.private };
}

/** An ECDSA P-256 signing key; `certify` may add a certificate (DER, base64) over the new key. */
export async function signingKey(
  db: Db,
  kek: KeyEncryptionKey,
  purpose: string,
  now: number,
  certify?: (privateKey: KeyObject) => Promise<Uint8Array>,
): Promise<SigningKey> {
  const { row, secret } = await ensure(db, kek, purpose, now, async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const certificate = await certify?.(pair.privateKey);
    return {
      private: pair.privateKey.export({ type: 'pkcs8', format: 'der' }),
      public: pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      ...(certificate ? { certificate: Buffer.from(certificate).toString('base64') } : {}),
    };
  });
  const privateKey = createPrivateKey({ key: Buffer.from(secret), type: 'pkcs8', format: 'der' });
  return { id: row.id, privateKey, publicKey: row.public, certificate: row.certificate };
}

/** 32 random bytes for HMAC (cursors, cookies). */
export async function secretKey(db: Db, kek: KeyEncryptionKey, purpose: string, now: number): Promise<Uint8Array> {
  const { secret } = await ensure(db, kek, purpose, now, () => {
    const key = randomBytes(32);
    return { private: key, public: createHash('sha256').update(key).digest('base64url') };
  });
  return secret;
}

/** Whether this key-encryption key is the one of the store; a store without keys takes any. */
export async function opensStore(db: Db, kek: KeyEncryptionKey): Promise<boolean> {
  const row = await db.selectFrom('server_keys').selectAll().orderBy('created_at', 'desc').executeTakeFirst();
  if (!row) return true;
  try {
    unseal(kek, contextOf(row), row.sealed);
    return true;
  } catch (error) {
    if (error instanceof ServerError) return false;
    throw error;
  }
}

/** Seals every key anew under `next`, in one transaction; returns how many. The old key opens nothing afterwards. */
export async function rewrap(trx: Trx, current: KeyEncryptionKey, next: KeyEncryptionKey): Promise<number> {
  const rows = await trx.selectFrom('server_keys').selectAll().execute();
  for (const row of rows) {
    const sealed = seal(next, contextOf(row), unseal(current, contextOf(row), row.sealed));
    await trx.updateTable('server_keys').set({ sealed }).where('id', '=', row.id).execute();
  }
  return rows.length;
}

/** A key made elsewhere (a certificate authority's) under the purpose that names it, or the one that is there already. */
export async function findSigningKey(db: Db, kek: KeyEncryptionKey, purpose: string): Promise<SigningKey | undefined> {
  const row = await db
    .selectFrom('server_keys')
    .selectAll()
    .where('purpose', '=', purpose)
    .where('retired_at', 'is', null)
    .orderBy('created_at', 'desc')
    .executeTakeFirst();
  if (!row) return undefined;
  const secret = unseal(kek, contextOf(row), row.sealed);
  const privateKey = createPrivateKey({ key: Buffer.from(secret), type: 'pkcs8', format: 'der' });
  return { id: row.id, privateKey, publicKey: row.public, certificate: row.certificate };
}

/** Seals and stores a key that was made elsewhere, with its certificate (DER). */
export async function storeSigningKey(
  trx: Trx,
  kek: KeyEncryptionKey,
  purpose: string,
  now: number,
  key: { privateKey: KeyObject; certificate: Uint8Array },
): Promise<void> {
  const id = newId(now);
  const row: ServerKeyRow = {
    id,
    purpose,
    sealed: seal(kek, contextOf({ id, purpose }), key.privateKey.export({ type: 'pkcs8', format: 'der' })),
    public: createPublicKey(key.privateKey).export({ type: 'spki', format: 'der' }).toString('base64'),
    certificate: Buffer.from(key.certificate).toString('base64'),
    created_at: now,
    retired_at: null,
  };
  await trx.insertInto('server_keys').values(row).execute();
}
