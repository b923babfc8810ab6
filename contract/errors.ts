import { z } from 'zod';

/**
 * Every error code of Muster's own API, with its HTTP status and the two sentences a person reads: what happened, and what to do next.
 * The same codes cross the bridge to the window. Closed: adding one means adding its test.
 */
export const ERRORS = {
  // requests
  'invalid-request': [400, 'The request is not valid.', 'Correct the fields that are named and send it again.'],
  unauthenticated: [401, 'This needs a sign-in.', 'Sign in, or send a valid token, and try again.'],
  forbidden: [
    403,
    'This is not allowed with your role or token.',
    'Ask an owner of the team for the role or scope that is named.',
  ],
  'not-found': [404, 'There is nothing here.', 'Check the address or the identifier.'],
  'already-exists': [409, 'This exists already.', 'Use the existing record, or choose another name.'],
  'version-mismatch': [
    412,
    'The device changed since it was shown.',
    'Look at the current evidence, then decide again.',
  ],
  'version-required': [
    428,
    'A decision must say which version of the evidence it was made on.',
    'Send If-Match with the ETag of the device.',
  ],
  'too-large': [413, 'The request is too large.', 'Send less at once.'],
  'unsupported-media-type': [
    415,
    'The request has a content type that is not accepted here.',
    'Send application/json.',
  ],
  'rate-limited': [429, 'Too many requests.', 'Wait as long as Retry-After says, then try again.'],
  internal: [
    500,
    'The server could not finish this.',
    'Try again; if it stays, give the administrator the request id.',
  ],
  unavailable: [503, 'The server is not ready for this.', 'Try again in a moment.'],
  // sign-in and grants
  'ceremony-expired': [410, 'This enrolment took too long and has expired.', 'Start the enrolment again.'],
  'sign-in-failed': [
    403,
    'The sign-in was not accepted.',
    'Sign in again, or ask your administrator whether you may enrol devices.',
  ],
  'self-enrolment-off': [
    403,
    'Your team does not let people enrol devices without an invite.',
    'Ask an administrator for an invite.',
  ],
  'invite-refused': [403, 'This invite cannot be used.', 'Ask an administrator for a new invite.'],
  'setup-refused': [
    403,
    'This set-up link cannot be used.',
    'Start the server again: as long as there is no owner, it prints a new one.',
  ],
  'provisioning-token-refused': [
    403,
    'The provisioning token of this machine is not accepted.',
    'Ask IT to push a current one.',
  ],
  'source-not-allowed': [
    403,
    'Your team does not accept devices that come in this way.',
    'Ask an administrator how devices are enrolled.',
  ],
  'device-limit': [
    403,
    'You have as many devices as your team allows for one person.',
    'Ask an administrator to remove one of them.',
  ],
  'grant-expired': [403, 'The permission for this enrolment has expired.', 'Start the enrolment again.'],
  'grant-used': [403, 'The permission for this enrolment was used already.', 'Start the enrolment again.'],
  'grant-other-identifier': [
    403,
    'The permission was given for another device.',
    'Start the enrolment again on this device.',
  ],
  'proof-refused': [
    401,
    'The request was not signed with the key it is bound to.',
    'Start again; check that the clock of this machine is right.',
  ],
  'clock-skew': [
    401,
    'The clock of this machine differs too much from the server.',
    'Set the clock of this machine and try again.',
  ],
  // attestation
  'ek-unknown': [
    403,
    'The inventory does not hold this device.',
    'Enrol with a sign-in, or ask an administrator to import the device.',
  ],
  'ek-certificate-mismatch': [
    422,
    'The certificate does not belong to the key of this security chip.',
    'Report this device to your administrator.',
  ],
  'ek-refused': [
    422,
    'The endorsement key of this device is not acceptable.',
    'Report this device to your administrator.',
  ],
  'ak-refused': [
    422,
    'The attestation key is not one that proves anything.',
    'Reset the local state of Muster and enrol again.',
  ],
  'attestation-malformed': [422, 'The attestation cannot be read.', 'Update Muster on this device and try again.'],
  'attestation-signature': [
    422,
    'The signature of the attestation is wrong.',
    'Enrol again; if it stays, report this device.',
  ],
  'secret-refused': [
    403,
    'The secret does not match an open challenge.',
    'Enrol again; this device may hold keys of another security chip.',
  ],
  'ak-certificate-refused': [
    422,
    'The certificate of the attestation key is not ours, or was changed.',
    'Enrol again.',
  ],
  'challenge-refused': [422, 'The proof answers an old challenge, or none of ours.', 'Enrol again.'],
  'binding-mismatch': [
    422,
    'The proof was made for another server, grant, device or challenge.',
    'Check the address of the server and enrol again.',
  ],
  'device-key-refused': [
    422,
    'The device key was not certified by the attestation key of this device.',
    'Enrol again.',
  ],
  'quote-mismatch': [
    422,
    'The measurements do not match what the security chip signed.',
    'Restart the device and enrol again.',
  ],
  'software-tpm-refused': [
    403,
    'This machine has a software TPM and the policy does not let such machines enrol.',
    'Use a machine with a hardware or firmware TPM.',
  ],
  'apple-attestation-refused': [
    422,
    "Apple's attestation could not be accepted.",
    'See the reason; request a fresh attestation through your MDM.',
  ],
  // the device
  'device-refused': [403, 'An administrator refused this device.', 'Ask the administrator who is named.'],
  'device-quarantined': [403, 'This device is quarantined.', 'Ask an administrator.'],
  'device-deleted': [
    403,
    'This device was removed from the inventory.',
    'Ask an administrator to forget the removal, then enrol again.',
  ],
  'self-approval': [
    403,
    'You asked for this device, and your team lets nobody approve their own.',
    'Ask another administrator to decide.',
  ],
  'device-conflict': [
    409,
    'Another record already claims this device.',
    'An administrator must resolve the conflict; nothing was changed.',
  ],
} as const satisfies Record<string, readonly [number, string, string]>;

export type ErrorCode = keyof typeof ERRORS;
export const ErrorCodes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];
export const ErrorCode = z.enum(ErrorCodes);

/** RFC 9457 problem details, as Muster's own API answers every refusal. `instance` is the request id. */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    advice: z.string(),
    instance: z.string(),
    code: ErrorCode,
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof Problem>;
