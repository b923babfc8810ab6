import type { Role, Scope, TeamSettings } from '../contract/index.ts';
import { addDemoRoot } from './attestation/roots.ts';
import type { Context } from './http/context.ts';
import { type Actor, audit } from './store/audit.ts';
import { hashOf, newId, newSecret } from './store/ids.ts';
import type { UserRow } from './store/schema.ts';
import { loadSettings, saveSettings } from './store/settings.ts';
import type { Store } from './store/store.ts';
import { ensureUserByEmail } from './store/users.ts';

/** Set-up is done by whoever runs the server, on its own machine. */
const OPERATOR: Actor = { type: 'server', id: null, name: 'set-up' };
const DAY_MS = 86_400_000;

/** Gives a person a role by address; they become (issuer, subject) with their first verified sign-in. */
export async function createAdministrator(
  store: Store,
  person: { email: string; displayName?: string; role: Role },
  now: number = Date.now(),
): Promise<UserRow> {
  return store.write(async (trx) => {
    const user = await ensureUserByEmail(trx, now, person);
    const after = { email: person.email, role: person.role };
    await audit(trx, now, { actor: OPERATOR, action: 'person.role', subject: { type: 'person', id: user.id }, after });
    return user;
  });
}

/** A new API token: shown this once, stored as its hash. */
export async function createApiToken(
  store: Store,
  token: { name: string; scopes: readonly Scope[]; days?: number; createdBy?: Actor },
  now: number = Date.now(),
): Promise<{ id: string; secret: string; expiresAt: number }> {
  const secret = newSecret('api');
  const id = newId(now);
  const expiresAt = now + (token.days ?? 90) * DAY_MS;
  const actor = token.createdBy ?? OPERATOR;
  await store.write(async (trx) => {
    await trx
      .insertInto('tokens')
      .values({
        id,
        hash: hashOf(secret),
        name: token.name,
        scopes: JSON.stringify(token.scopes),
        created_by: actor.name ?? '',
        created_by_id: actor.type === 'administrator' ? actor.id : null,
        created_at: now,
        expires_at: expiresAt,
        last_used_at: null,
        revoked_at: null,
      })
      .execute();
    const after = { name: token.name, scopes: token.scopes };
    await audit(trx, now, { actor, action: 'token.made', subject: { type: 'token', id }, after });
  });
  return { id, secret, expiresAt };
}

/** Changes Team Settings; `acceptSoftwareTpm` only in a demo store (no other derives anything from it). */
export async function changeSettings(
  store: Store,
  change: Partial<TeamSettings>,
  now: number = Date.now(),
): Promise<TeamSettings> {
  return store.write(async (trx) => {
    const before = await loadSettings(trx);
    await saveSettings(trx, change, now);
    const names = Object.keys(change) as (keyof TeamSettings)[];
    const of = (settings: TeamSettings) => Object.fromEntries(names.map((name) => [name, settings[name]]));
    const after = await loadSettings(trx);
    const entry = { actor: OPERATOR, action: 'settings.changed', subject: { type: 'settings', id: null } };
    await audit(trx, now, { ...entry, before: of(before), after: of(after) });
    return after;
  });
}

/** A new invite for an address: its secret is shown this once. The link is `<origin>/invite#<secret>`. */
export async function createInvite(
  store: Store,
  invite: { email: string; createdBy?: Actor; days?: number },
  now: number = Date.now(),
): Promise<{ id: string; secret: string; expiresAt: number }> {
  const secret = newSecret('invite');
  const id = newId(now);
  const actor = invite.createdBy ?? OPERATOR;
  return store.write(async (trx) => {
    const days = invite.days ?? (await loadSettings(trx)).inviteDays;
    const expiresAt = now + days * DAY_MS;
    await trx
      .insertInto('invites')
      .values({
        id,
        hash: hashOf(secret),
        email: invite.email,
        email_lower: invite.email.toLowerCase(),
        created_by: actor.name ?? '',
        created_at: now,
        expires_at: expiresAt,
        opened_at: null,
        used_at: null,
        revoked_at: null,
        device_id: null,
      })
      .execute();
    await audit(trx, now, {
      actor,
      action: 'invite.made',
      subject: { type: 'invite', id },
      after: { email: invite.email },
    });
    return { id, secret, expiresAt };
  });
}

/**
 * Trusts the root of the demo's own TPM CA (DER; class `software`) and takes effect at once; `intermediates` only help to build the path, as
 * a software TPM does not carry them. Error: `store-is-production`.
 */
export async function trustDemoRoot(
  server: { store: Store; context: Pick<Context, 'roots'> },
  certificate: Uint8Array,
  vendor = 'swtpm',
  intermediates: readonly Uint8Array[] = [],
): Promise<void> {
  await addDemoRoot(server.store, Date.now(), { certificate, vendor, intermediates });
  server.context.roots.changed();
}
