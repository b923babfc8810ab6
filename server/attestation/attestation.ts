import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import {
  type EkVerdict,
  ekUri,
  issueAkCertificate,
  makeCredential,
  verifyAttestationKey,
  verifyEndorsementKey,
} from '../../attestation/index.ts';
import type { AttestRequest, EkClass } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import type { Context } from '../http/context.ts';
import { insertAkCertificate, openActivation, storeActivation, takeActivation } from '../store/activations.ts';
import { findDeviceByIdentifier } from '../store/devices.ts';
import { hashOf } from '../store/ids.ts';
import type { GrantRow } from '../store/schema.ts';
import { atStage } from './errorCodes.ts';
import { authorityFor } from './issuers.ts';

const AK_CERTIFICATE_MS = 24 * 3_600_000;

/** What is known of an endorsement key: bytes as base64, verdicts in words. */
export type Endorsement = Pick<
  EndorsementFacts,
  'ek' | 'ekCertificates' | 'ekClass' | 'ekCertificate' | 'reasons' | 'anchor' | 'tpm'
>;

/** What `/attest` learned and `/enrollments` keeps as evidence: bytes as base64, verdicts in words. */
export type EndorsementFacts = {
  ek: string;
  ekCertificates: string[];
  ekClass: EkClass;
  ekCertificate: 'verified' | 'unverified' | 'absent';
  reasons: readonly string[];
  anchor: { vendor: string; sha256: string } | null;
  /** SubjectPublicKeyInfo of the attestation key. */
  akSpki: string;
  creation: { public: string; data: string; attest: string; signature: string };
  tpm: { manufacturer?: string; model?: string; version?: string };
  /** What the device says of its TPM: shown, never relied upon. */
  reported: unknown;
};

type Attest = z.infer<typeof AttestRequest>;
const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
const text = (value: Uint8Array): string => Buffer.from(value).toString('base64');

/** `POST /attest`: judges EK and AK, and answers with a credential that only the TPM of both can open. Stores nothing where it refuses. */
export async function attest(
  context: Context,
  body: Attest,
  grant: GrantRow | null,
): Promise<{ credential: string; secret: string }> {
  const now = context.now();
  const ek = bytes(body.ek ?? refuse('invalid-request', 'The request names no endorsement key.'));
  const urn = atStage('endorsement-key', () => ekUri(ek));
  await checkInventory(context, urn, grant);
  const settings = await context.settings();
  const trust = await context.roots.trust();
  const certificates = (body.ekCerts ?? []).map(bytes);
  const verdict = atStage('endorsement-key', () =>
    // The dates of a chip's certificate say when its maker printed it, not when the key wears out.
    verifyEndorsementKey(ek, certificates, {
      roots: trust,
      intermediates: certificates,
      at: new Date(now),
      expiredLeaf: 'accept',
    }),
  );
  if (settings.refusedClasses.includes(verdict.class)) {
    refuse(verdict.class === 'software' ? 'software-tpm-refused' : 'ek-refused');
  }
  const { params } = body;
  const ak = atStage('attestation-key', () =>
    verifyAttestationKey({
      public: bytes(params.public),
      creationData: bytes(params.createData),
      attest: bytes(params.createAttestation),
      signature: bytes(params.createSignature),
    }),
  );
  const secret = randomBytes(32);
  const credential = atStage('endorsement-key', () => makeCredential({ ekPublic: ek, akName: ak.name, secret }));
  const facts: EndorsementFacts = {
    ...factsOf(verdict),
    ek: text(ek),
    ekCertificates: body.ekCerts ?? [],
    akSpki: text(ak.spki),
    creation: {
      public: params.public,
      data: params.createData,
      attest: params.createAttestation,
      signature: params.createSignature,
    },
    reported: body.tpmInfo ?? null,
  };
  await context.store.write((trx) =>
    storeActivation(trx, now, {
      secret_hash: hashOf(secret),
      permanent_identifier: urn,
      ak_name: text(ak.name),
      grant_id: grant?.id ?? null,
      device_id: null,
      facts: JSON.stringify(facts),
    }),
  );
  return { credential: text(credential.credentialBlob), secret: text(credential.encryptedSecret) };
}

export function factsOf(
  verdict: EkVerdict,
): Pick<EndorsementFacts, 'ekClass' | 'ekCertificate' | 'reasons' | 'anchor' | 'tpm'> {
  const { certificate, anchor } = verdict;
  const manufacturer = certificate?.manufacturer;
  return {
    ekClass: verdict.class,
    ekCertificate: certificate === undefined ? 'absent' : anchor ? 'verified' : 'unverified',
    reasons: verdict.reasons,
    anchor: anchor ? { vendor: anchor.vendor, sha256: anchor.sha256 } : null,
    tpm: {
      ...(manufacturer ? { manufacturer: `id:${manufacturer.code}` } : {}),
      ...(certificate?.model ? { model: certificate.model } : {}),
      ...(certificate?.version ? { version: certificate.version } : {}),
    },
  };
}

/**
 * With a grant, the device must be the one it was given for. Without one, only an identifier that the inventory holds and has not
 * refused is served; one answer for all others, so that a stranger learns nothing.
 */
async function checkInventory(context: Context, urn: string, grant: GrantRow | null): Promise<void> {
  const device = await findDeviceByIdentifier(context.store.db, urn);
  if (grant === null) {
    if (!device || device.approval === 'refused' || device.lifecycle !== 'active') refuse('ek-unknown');
    return;
  }
  if (grant.permanent_identifier !== urn) refuse('grant-other-identifier');
  if (device?.approval === 'refused') refuse('device-refused');
  if (device?.lifecycle === 'deleted') refuse('device-deleted');
  if (device?.lifecycle === 'quarantined') refuse('device-quarantined');
}

/** `POST /secret`: the activated secret, spent by its first match, for a certificate of the attestation key. */
export async function activate(
  context: Context,
  secret: Uint8Array,
  grant: GrantRow | null,
): Promise<{ chain: string[] }> {
  const now = context.now();
  const hash = hashOf(secret);
  const open = await openActivation(context.store.db, now, hash);
  if (!open || open.device_id !== null || open.grant_id !== (grant?.id ?? null)) return refuse('secret-refused');
  await checkInventory(context, open.permanent_identifier, grant);
  const facts = JSON.parse(open.facts) as EndorsementFacts;
  const authority = authorityFor(context.issuers, facts.ekClass);
  const certificate = await issueAkCertificate({
    issuer: authority.issuing,
    akPublic: bytes(facts.akSpki),
    permanentIdentifier: open.permanent_identifier,
    tpm: facts.tpm,
    at: new Date(now),
    lifetimeMs: AK_CERTIFICATE_MS,
  });
  const chain = [text(certificate), text(authority.issuing.certificate)];
  await context.store.write(async (trx) => {
    const taken = (await takeActivation(trx, hash)) ?? refuse('secret-refused');
    await insertAkCertificate(trx, {
      certificate_sha256: hashOf(certificate),
      ak_name: taken.ak_name,
      permanent_identifier: taken.permanent_identifier,
      grant_id: taken.grant_id,
      chain: JSON.stringify(chain),
      ek_class: facts.ekClass,
      facts: taken.facts,
      issued_at: now,
      expires_at: now + AK_CERTIFICATE_MS,
    });
  });
  return { chain };
}
