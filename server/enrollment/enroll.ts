import type { z } from 'zod';
import type { EnrollmentRequest } from '../../contract/index.ts';
import type { EndorsementFacts } from '../attestation/attestation.ts';
import { isErrorCode, refuse, ServerError } from '../error.ts';
import type { Context } from '../http/context.ts';
import { type Actor, audit } from '../store/audit.ts';
import { consumeGrant } from '../store/ceremonies.ts';
import { spendChallenge } from '../store/challenges.ts';
import { consumeInvite } from '../store/invites.ts';
import { consumeProvisioningToken } from '../store/provisioning.ts';
import type { DeviceRow, GrantRow } from '../store/schema.ts';
import { loadSettings } from '../store/settings.ts';
import type { Trx } from '../store/store.ts';
import { verifyClaim } from './claim.ts';
import { decideEnrolment } from './decide.ts';
import type { Proven } from './enrolment.ts';
import { verifyTpmProof } from './tpmProof.ts';

type Body = z.infer<typeof EnrollmentRequest>;
type Caller = { actor: Actor; requestId: string };

/**
 * One enrolment: spends the challenge, verifies the proofs, then decides and stores in one transaction that also spends grant and
 * invite. A refusal leaves an audit record and nothing else; grant and invite stay good for another try.
 */
export async function enroll(context: Context, grant: GrantRow, body: Body, caller: Caller): Promise<DeviceRow> {
  try {
    const challenge = body.kind === 'tpm' ? body.proof.challenge : body.challenge;
    await spend(context, challenge, { purpose: 'enrol', grantId: grant.id });
    const proven = await prove(context, grant, body);
    const ceremony = await context.store.db
      .selectFrom('ceremonies')
      .select('code')
      .where('id', '=', grant.ceremony_id)
      .executeTakeFirst();
    const now = context.now();
    const decided = await context.store.write(async (trx) => {
      const result = await decideEnrolment(trx, {
        now,
        grant,
        ceremonyCode: ceremony?.code ?? null,
        machine: body.machine,
        proven,
        received: body.kind === 'tpm' ? body.proof : { ...body, machine: undefined },
        settings: await loadSettings(trx),
        origin: context.origin,
        ...caller,
      });
      if (result.kind === 'enrolled') await spendPermission(trx, now, grant, result.device.id);
      return result;
    });
    context.hub.wake();
    return decided.kind === 'enrolled' ? decided.device : refuse('device-conflict');
  } catch (error) {
    await auditRefusal(context, grant, caller, error);
    throw error;
  }
}

export async function spend(
  context: Context,
  challenge: string,
  target: Parameters<typeof spendChallenge>[3],
): Promise<void> {
  const bytes = Buffer.from(challenge, 'base64');
  const spent = await context.store.write((trx) => spendChallenge(trx, context.now(), bytes, target));
  if (!spent) refuse('challenge-refused');
}

async function prove(context: Context, grant: GrantRow, body: Body): Promise<Proven> {
  if (body.kind === 'claim') {
    return { kind: 'claim', key: verifyClaim(context, body, grant), protection: body.deviceKey.protection };
  }
  const tpm = await verifyTpmProof(context, {
    proof: body.proof,
    permanentIdentifier: grant.permanent_identifier,
    boundTo: grant.key_thumbprint,
  });
  return { kind: 'tpm', tpm, facts: JSON.parse(tpm.akCertificate.facts) as EndorsementFacts };
}

/** Compare-and-set on everything that permitted this enrolment; the loser of a race takes back what it did. */
async function spendPermission(trx: Trx, now: number, grant: GrantRow, deviceId: string): Promise<void> {
  if (!(await consumeGrant(trx, now, grant.id))) {
    const row = await trx.selectFrom('grants').select('used_at').where('id', '=', grant.id).executeTakeFirst();
    refuse(row?.used_at ? 'grant-used' : 'grant-expired');
  }
  if (grant.invite_id !== null && !(await consumeInvite(trx, now, grant.invite_id, deviceId))) refuse('invite-refused');
  if (
    grant.provisioning_token_id !== null &&
    !(await consumeProvisioningToken(trx, now, grant.provisioning_token_id))
  ) {
    refuse('provisioning-token-refused');
  }
  await trx.updateTable('ceremonies').set({ state: 'enrolled' }).where('id', '=', grant.ceremony_id).execute();
}

async function auditRefusal(context: Context, grant: GrantRow, caller: Caller, error: unknown): Promise<void> {
  const code = error instanceof ServerError && isErrorCode(error.code) ? error.code : 'internal';
  // A conflict was audited with what was stored.
  if (code === 'device-conflict') return;
  await context.store.write((trx) =>
    audit(trx, context.now(), {
      actor: caller.actor,
      action: 'device.enrolled',
      subject: { type: 'identifier', id: grant.permanent_identifier },
      outcome: 'refused',
      code,
      requestId: caller.requestId,
    }),
  );
}
