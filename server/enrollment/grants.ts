import type { FastifyRequest } from 'fastify';
import { refuse } from '../error.ts';
import { pathOf } from '../http/access.ts';
import type { Context } from '../http/context.ts';
import { verifyDpop } from '../http/dpop.ts';
import { type Actor, audit } from '../store/audit.ts';
import { createGrant, openCeremony } from '../store/ceremonies.ts';
import { openProvisioningToken } from '../store/provisioning.ts';
import type { CeremonyRow, GrantRow, UserRow } from '../store/schema.ts';
import type { Db } from '../store/store.ts';
import { findUser } from '../store/users.ts';

export type Granted = { row: GrantRow; secret: string; ceremony: CeremonyRow; owner: UserRow | null };

/**
 * Turns a sign-in (DPoP-bound access token) or IT's provisioning token into the permission for one enrolment of the announced device,
 * bound to the key of the proof. Asking again replaces a grant that was not used.
 */
export async function grantEnrolment(context: Context, request: FastifyRequest, ceremonyId: string): Promise<Granted> {
  const authorization = request.headers.authorization ?? '';
  const match = /^(DPoP|Bearer) (\S{1,512})$/i.exec(authorization);
  const [scheme, token] = [match?.[1]?.toLowerCase(), match?.[2]];
  if (scheme === undefined || token === undefined) return refuse('unauthenticated', 'This needs a sign-in.');
  const header = request.headers.dpop;
  const thumbprint = await verifyDpop(context.store, {
    proof: typeof header === 'string' ? header : undefined,
    method: request.method,
    url: `${context.origin}${pathOf(request)}`,
    token,
    now: context.now(),
  });
  const ceremony = (await openCeremony(context.store.db, context.now(), ceremonyId)) ?? refuse('ceremony-expired');
  if (ceremony.key_thumbprint !== thumbprint) refuse('proof-refused', 'The enrolment was announced with another key.');
  if (ceremony.state === 'enrolled') refuse('grant-used');
  const granted =
    scheme === 'dpop' ? await bySignIn(context, token, thumbprint, ceremony) : await byToken(context, token, ceremony);
  return context.store.write(async (trx) => {
    const now = context.now();
    const { row, secret } = await createGrant(trx, now, {
      ceremony_id: ceremony.id,
      key_thumbprint: thumbprint,
      permanent_identifier: ceremony.permanent_identifier,
      ...granted.permission,
    });
    await audit(trx, now, {
      actor: { type: 'person', id: granted.owner?.id ?? null, name: granted.by, address: request.ip },
      action: 'grant.made',
      subject: { type: 'identifier', id: ceremony.permanent_identifier },
      after: { ceremony: ceremony.id, source: row.source },
      requestId: request.id,
    });
    return { row, secret, ceremony, owner: granted.owner };
  });
}

/** Who enrols with a grant, as the audit names them: the person, or the provisioning token. */
export async function actorOfGrant(db: Db, grant: GrantRow, address: string): Promise<Actor> {
  const { user_id: id, provisioning_token_id: tokenId } = grant;
  if (id !== null) return { type: 'person', id, name: (await findUser(db, id))?.email ?? null, address };
  const token =
    tokenId === null
      ? undefined
      : await db.selectFrom('provisioning_tokens').select('name').where('id', '=', tokenId).executeTakeFirst();
  return { type: 'person', id: null, name: token ? nameOfToken(token) : null, address };
}

const nameOfToken = ({ name }: { name: string }): string => `provisioning token ${name}`;

type Permission = {
  owner: UserRow | null;
  by: string;
  permission: Pick<GrantRow, 'user_id' | 'invite_id' | 'provisioning_token_id' | 'source'>;
};

async function bySignIn(
  context: Context,
  token: string,
  thumbprint: string,
  ceremony: CeremonyRow,
): Promise<Permission> {
  const accessToken = await context.provider.AccessToken.find(token);
  if (!accessToken || accessToken.isExpired)
    return refuse('unauthenticated', 'The sign-in is not known or has expired.');
  if (accessToken.jkt !== thumbprint) refuse('proof-refused', 'The sign-in is bound to another key.');
  if (ceremony.state !== 'confirmed' || ceremony.oidc_grant_id !== accessToken.grantId) {
    refuse('ceremony-expired', 'The sign-in was made for another enrolment.');
  }
  const owner = await findUser(context.store.db, accessToken.accountId);
  if (owner?.active !== 1 || owner.id !== ceremony.user_id) return refuse('sign-in-failed');
  const permission = {
    user_id: owner.id,
    invite_id: ceremony.invite_id,
    provisioning_token_id: null,
    source: 'End-User',
  } as const;
  return { owner, by: owner.email, permission };
}

async function byToken(context: Context, token: string, ceremony: CeremonyRow): Promise<Permission> {
  const row =
    (await openProvisioningToken(context.store.db, context.now(), token)) ?? refuse('provisioning-token-refused');
  // One that a person refused at the confirm page stays refused.
  if (ceremony.state !== 'announced') refuse('ceremony-expired');
  const listed = row.identifiers === null ? null : (JSON.parse(row.identifiers) as string[]);
  if (listed && !listed.includes(ceremony.permanent_identifier)) {
    refuse('provisioning-token-refused', 'The provisioning token is for other devices than this one.');
  }
  const permission = {
    user_id: null,
    invite_id: null,
    provisioning_token_id: row.id,
    source: 'Smallstep Agent',
  } as const;
  return { owner: null, by: nameOfToken(row), permission };
}
