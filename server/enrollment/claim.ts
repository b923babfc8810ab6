import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import { bindingDigest } from '../../attestation/index.ts';
import { base64Bytes, type EnrollmentRequest } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import type { Context } from '../http/context.ts';
import { normalizeSerial } from '../inventory/serials.ts';
import type { GrantRow } from '../store/schema.ts';
import { type ProvenKey, thumbprintOf } from './tpmProof.ts';

export type ClaimRequest = Extract<EnrollmentRequest, { kind: 'claim' }>;

/** The parts of a claim that its signature is about, as they are stored too. */
export const ClaimReceived = z.object({
  challenge: base64Bytes(32),
  deviceKey: z.object({ spki: base64Bytes(512) }),
  signature: base64Bytes(64),
});

/** A machine without a TPM claims a serial number under its key. Errors beside those of {@link checkClaim}: `grant-other-identifier`. */
export function verifyClaim(context: Context, request: ClaimRequest, grant: GrantRow): ProvenKey {
  const { serial } = request.machine;
  const claimed = 'value' in serial ? normalizeSerial(serial.value) : null;
  if (grant.permanent_identifier.startsWith('urn:ek:')) {
    refuse('attestation-malformed', 'A TPM identifier is proven by its TPM, never claimed.');
  }
  const canonical = normalizeSerial(grant.permanent_identifier);
  if (canonical === null) {
    refuse('attestation-malformed', 'This serial number is a placeholder that many machines share.');
  }
  // One spelling for one device: another one would be a way around a refusal of it.
  if (canonical !== grant.permanent_identifier) {
    refuse('attestation-malformed', `A serial number is claimed in capital letters: ${canonical}.`);
  }
  if (claimed !== canonical) refuse('grant-other-identifier');
  const binding = {
    origin: context.origin,
    boundTo: grant.key_thumbprint,
    permanentIdentifier: grant.permanent_identifier,
  };
  return checkClaim(request, binding);
}

/**
 * ECDSA with SHA-256 whose message is the binding's digest of kind `claim`, both names empty. Shows that the key answers, never that the
 * serial is true. Errors: `device-key-refused`, `binding-mismatch`.
 */
export function checkClaim(
  claim: z.infer<typeof ClaimReceived>,
  { origin, boundTo, permanentIdentifier }: { origin: string; boundTo: string; permanentIdentifier: string },
): ProvenKey {
  const spki = new Uint8Array(Buffer.from(claim.deviceKey.spki, 'base64'));
  const key = readKey(spki);
  const none = new Uint8Array(0);
  const digest = bindingDigest('claim', {
    origin,
    challenge: new Uint8Array(Buffer.from(claim.challenge, 'base64')),
    grantThumbprint: boundTo,
    permanentIdentifier,
    akName: none,
    deviceKeyName: none,
  });
  const thumbprint = thumbprintOf(spki);
  const signature = Buffer.from(claim.signature, 'base64');
  if (signature.length !== 64 || !verify('sha256', digest, { key, dsaEncoding: 'ieee-p1363' }, signature)) {
    refuse('binding-mismatch', 'The claim was not signed with its key over this enrolment.');
  }
  return { thumbprint, spki: key.export({ type: 'spki', format: 'der' }).toString('base64'), name: '' };
}

function readKey(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), type: 'spki', format: 'der' });
  } catch {
    return refuse('device-key-refused', 'The device key cannot be read.');
  }
}
