import { createPublicKey, verify } from 'node:crypto';
import type { z } from 'zod';
import { bindingDigest } from '../../attestation/index.ts';
import type { EnrollmentRequest } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import type { Context } from '../http/context.ts';
import { normalizeSerial } from '../inventory/serials.ts';
import type { GrantRow } from '../store/schema.ts';
import { type ProvenKey, thumbprintOf } from './tpmProof.ts';

export type ClaimRequest = Extract<z.infer<typeof EnrollmentRequest>, { kind: 'claim' }>;

/**
 * A machine without a TPM claims a serial number under its key: ECDSA with SHA-256 whose message is the binding's digest of kind `claim`,
 * both names empty. Shows that the key answers, never that the serial is true.
 */
export function verifyClaim(context: Context, request: ClaimRequest, grant: GrantRow): ProvenKey {
  const serial = request.machine.serial;
  if (!('value' in serial) || serial.value !== grant.permanent_identifier) refuse('grant-other-identifier');
  if (grant.permanent_identifier.startsWith('urn:ek:')) {
    refuse('attestation-malformed', 'A TPM identifier is proven by its TPM, never claimed.');
  }
  if (normalizeSerial(grant.permanent_identifier) === null) {
    refuse('attestation-malformed', 'This serial number is a placeholder that many machines share.');
  }
  const spki = new Uint8Array(Buffer.from(request.deviceKey.spki, 'base64'));
  const key = readKey(spki);
  const none = new Uint8Array(0);
  const digest = bindingDigest('claim', {
    origin: context.origin,
    challenge: new Uint8Array(Buffer.from(request.challenge, 'base64')),
    grantThumbprint: grant.key_thumbprint,
    permanentIdentifier: grant.permanent_identifier,
    akName: none,
    deviceKeyName: none,
  });
  const signature = Buffer.from(request.signature, 'base64');
  if (signature.length !== 64 || !verify('sha256', digest, { key, dsaEncoding: 'ieee-p1363' }, signature)) {
    refuse('binding-mismatch', 'The claim was not signed with its key over this enrolment.');
  }
  return {
    thumbprint: thumbprintOf(spki),
    spki: key.export({ type: 'spki', format: 'der' }).toString('base64'),
    name: '',
  };
}

function readKey(spki: Uint8Array) {
  try {
    return createPublicKey({ key: Buffer.from(spki), type: 'spki', format: 'der' });
  } catch {
    return refuse('device-key-refused', 'The device key cannot be read.');
  }
}
