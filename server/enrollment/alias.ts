import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import { ekUri, issueAkCertificate, makeCredential, verifyEndorsementKey } from '../../attestation/index.ts';
import type { AliasRequest, EkClass } from '../../contract/index.ts';
import { type Endorsement, factsOf } from '../attestation/attestation.ts';
import { atStage } from '../attestation/errorCodes.ts';
import { authorityFor } from '../attestation/issuers.ts';
import { isErrorCode, refuse, ServerError } from '../error.ts';
import type { Context } from '../http/context.ts';
import { openActivation, storeActivation, takeActivation } from '../store/activations.ts';
import { type Actor, audit } from '../store/audit.ts';
import { openConflict } from '../store/conflicts.ts';
import { changeDevice, findDeviceByIdentifier } from '../store/devices.ts';
import { insertEvidence } from '../store/evidence.ts';
import { hashOf } from '../store/ids.ts';
import type { ActivationRow, DeviceKeyRow, DeviceRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';
import { checkTombstone } from './enrolment.ts';
import { checkRate, currentOf } from './reattest.ts';
import type { AliasBytes, EvidenceBytes } from './verifyEvidence.ts';

type Self = { device: DeviceRow; key: DeviceKeyRow };
type Caller = { actor: Actor; requestId: string };

/** The certificate of an alias is evidence that its activation happened here; nobody is given it. */
const CERTIFICATE_MS = 3_600_000;
/** More than any TPM has: a TPM without a maker's word could otherwise bring keys without end. */
const MOST_ALIASES = 16;
const SAME_TPM = 'It activated with the attestation key that the device enrolled with.';
const PROVEN: readonly EkClass[] = ['hardware', 'firmware'];

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
const text = (value: Uint8Array): string => Buffer.from(value).toString('base64');

/**
 * Begins the activation of another endorsement key with the attestation key that the device enrolled with: only a TPM that holds both can
 * open the answer. Says nothing about who else has the key, since nothing is proven yet. Errors: the tombstones, `ak-refused`,
 * `ek-refused`, `ek-certificate-mismatch`, `software-tpm-refused`, `attestation-malformed`, `rate-limited`.
 */
export async function beginAlias(
  context: Context,
  { device }: Self,
  body: z.infer<typeof AliasRequest>,
): Promise<{ credential: string; secret: string }> {
  checkTombstone(device);
  const akName = attestationKeyOf(device);
  await checkRate(context, device);
  const now = context.now();
  const ek = bytes(body.ek);
  const alias = atStage('endorsement-key', () => ekUri(ek));
  if (alias === device.permanent_identifier) refuse('ek-refused', 'This endorsement key names the device already.');
  const certificates = body.ekCerts.map(bytes);
  const roots = await context.roots.trust();
  const verdict = atStage('endorsement-key', () =>
    verifyEndorsementKey(ek, certificates, {
      roots,
      intermediates: certificates,
      at: new Date(now),
      expiredLeaf: 'accept',
    }),
  );
  const settings = await context.settings();
  if (settings.refusedClasses.includes(verdict.class)) {
    refuse(verdict.class === 'software' ? 'software-tpm-refused' : 'ek-refused');
  }
  // Whoever runs the machine can make a key outside the TPM and open its credential: without a maker's word it may not stand beside one that has it.
  if (!PROVEN.includes(verdict.class) && verdict.class !== device.ek_class) {
    refuse('ek-refused', 'This endorsement key has no certificate as good as that of the key the device is named by.');
  }
  const secret = randomBytes(32);
  const credential = atStage('endorsement-key', () => makeCredential({ ekPublic: ek, akName: bytes(akName), secret }));
  const endorsement: Endorsement = { ...factsOf(verdict), ek: text(ek), ekCertificates: body.ekCerts };
  await context.store.write((trx) =>
    storeActivation(trx, now, {
      secret_hash: hashOf(secret),
      permanent_identifier: alias,
      ak_name: akName,
      grant_id: null,
      device_id: device.id,
      facts: JSON.stringify(endorsement),
    }),
  );
  return { credential: text(credential.credentialBlob), secret: text(credential.encryptedSecret) };
}

/**
 * Finishes it: the activated secret, spent by its first match, makes the key an alias of the device. A key that another record holds
 * opens a conflict between the two, because they are now known to be one TPM. Errors: `secret-refused`, `device-conflict`, `ak-refused`,
 * `ek-refused` beyond {@link MOST_ALIASES}, `device-key-refused`, `rate-limited`, the tombstones.
 */
export async function finishAlias(context: Context, self: Self, secret: string, caller: Caller): Promise<DeviceRow> {
  const { device } = self;
  const hash = hashOf(bytes(secret));
  try {
    const now = context.now();
    const open = await openActivation(context.store.db, now, hash);
    if (!open || open.device_id !== device.id) return refuse('secret-refused');
    // Many can be begun before the first of them is finished.
    await checkRate(context, device);
    const chain = await certify(context, open, device, now);
    const outcome = await context.store.write((trx) => storeAlias(trx, now, { self, hash, chain, caller }));
    context.hub.wake();
    return outcome ?? refuse('device-conflict', 'This endorsement key names another record of the inventory.');
  } catch (error) {
    await auditRefusal(context, device, caller, error);
    throw error;
  }
}

function attestationKeyOf(device: DeviceRow): string {
  return device.ak_name ?? refuse('ak-refused', 'This device is not enrolled with a TPM.');
}

/** Names alias and attestation key in the words of this server's own authority, so that the evidence can be judged again. */
async function certify(context: Context, open: ActivationRow, device: DeviceRow, now: number): Promise<string[]> {
  const { ekClass, tpm } = JSON.parse(open.facts) as Endorsement;
  const authority = authorityFor(context.issuers, ekClass);
  const enrolled = await context.store.db
    .selectFrom('evidence')
    .select('bytes')
    .where('id', '=', device.evidence_id ?? '')
    .executeTakeFirst();
  const { endorsement } = JSON.parse(enrolled?.bytes ?? '{}') as Partial<EvidenceBytes>;
  if (!endorsement || open.ak_name !== device.ak_name) return refuse('ak-refused', 'The device has other keys since.');
  const certificate = await issueAkCertificate({
    issuer: authority.issuing,
    akPublic: bytes(endorsement.akSpki),
    permanentIdentifier: open.permanent_identifier,
    tpm,
    at: new Date(now),
    lifetimeMs: CERTIFICATE_MS,
  });
  return [text(certificate), text(authority.issuing.certificate)];
}

type Finished = { self: Self; hash: string; chain: string[]; caller: Caller };

/** The device with its alias, or undefined where a conflict was opened instead: it is committed, and then answered as a refusal. */
async function storeAlias(trx: Trx, now: number, finished: Finished): Promise<DeviceRow | undefined> {
  const { self, hash, chain, caller } = finished;
  const device = await currentOf(trx, self.device, self.key);
  const taken = (await takeActivation(trx, hash)) ?? refuse('secret-refused');
  if (taken.ak_name !== device.ak_name) refuse('ak-refused', 'The device has other keys since.');
  const alias = taken.permanent_identifier;
  const holder = await findDeviceByIdentifier(trx, alias);
  if (holder?.id === device.id && (await isProven(trx, alias))) return device;
  if (holder && holder.id !== device.id) {
    const { isNew } = await openConflict(trx, now, {
      device_id: holder.id,
      kind: 'other-record',
      claimant_user_id: device.owner_id,
      candidate_id: device.id,
      claimant: { identifier: alias, provenBy: device.permanent_identifier },
    });
    // Who tries again adds an audit record, and no more evidence.
    const kept = isNew ? await insertEvidence(trx, now, evidenceOf(device, taken, chain)) : null;
    if (isNew) for (const row of [holder, device]) await changeDevice(trx, now, row.id, {});
    await audit(trx, now, {
      ...caller,
      action: 'device.alias',
      subject: { type: 'device', id: device.id },
      outcome: 'refused',
      code: 'device-conflict',
      after: { alias, holder: holder.id, evidence: kept },
    });
    return undefined;
  }
  if (!holder) await checkAliases(trx, device);
  const evidence = await insertEvidence(trx, now, evidenceOf(device, taken, chain));
  await trx
    .insertInto('identifiers')
    .values({ identifier: alias, device_id: device.id, kind: 'alias', created_at: now, evidence_id: evidence })
    .onConflict((c) => c.column('identifier').doUpdateSet({ evidence_id: evidence }))
    .execute();
  await audit(trx, now, {
    ...caller,
    action: 'device.alias',
    subject: { type: 'device', id: device.id },
    after: { alias, evidence },
  });
  return changeDevice(trx, now, device.id, {});
}

async function checkAliases(trx: Trx, device: DeviceRow): Promise<void> {
  const { count } = await trx
    .selectFrom('identifiers')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('device_id', '=', device.id)
    .where('kind', '=', 'alias')
    .executeTakeFirstOrThrow();
  if (Number(count) >= MOST_ALIASES) refuse('ek-refused', `A device has at most ${MOST_ALIASES} other names.`);
}

async function isProven(trx: Trx, alias: string): Promise<boolean> {
  const row = await trx
    .selectFrom('identifiers')
    .select('evidence_id')
    .where('identifier', '=', alias)
    .executeTakeFirst();
  return row !== undefined && row.evidence_id !== null;
}

function evidenceOf(device: DeviceRow, taken: ActivationRow, chain: string[]) {
  const endorsement = JSON.parse(taken.facts) as Endorsement;
  const { ekClass, reasons } = endorsement;
  const { permanent_identifier: permanentIdentifier, ak_name: akName } = taken;
  const bytes: AliasBytes = { version: 1, permanentIdentifier, akName, chain, endorsement };
  return {
    device_id: device.id,
    kind: 'tpm',
    purpose: 'alias',
    outcome: 'valid',
    bytes: JSON.stringify(bytes),
    verdict: JSON.stringify({ ekClass, reasons: [...reasons, SAME_TPM] }),
  } as const;
}

async function auditRefusal(context: Context, device: DeviceRow, caller: Caller, error: unknown): Promise<void> {
  if (!(error instanceof ServerError) || !isErrorCode(error.code)) return;
  const { code } = error;
  // A conflict was audited with what was stored.
  if (code === 'device-conflict') return;
  await context.store.write((trx) =>
    audit(trx, context.now(), {
      ...caller,
      action: 'device.alias',
      subject: { type: 'device', id: device.id },
      outcome: 'refused',
      code,
    }),
  );
}
