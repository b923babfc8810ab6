import { z } from 'zod';
import { MachineReport, SelfDevice } from './device.ts';
import {
  base64Bytes,
  CeremonyCode,
  Email,
  Id,
  PermanentIdentifier,
  ShortText,
  Thumbprint,
  Timestamp,
} from './primitives.ts';

/** `GET /api/v1/server`: what a client may know before it signs in. */
export const ServerInfo = z
  .object({
    team: z.object({ slug: z.string(), name: z.string() }),
    issuer: z.url(),
    clientIds: z.object({ desktop: z.string(), agent: z.string() }),
    signIn: z.object({ identityProvider: z.boolean(), selfEnrolment: z.boolean(), invites: z.boolean() }),
    demo: z.boolean(),
    version: z.string(),
    time: Timestamp,
  })
  .meta({ id: 'ServerInfo' });
export type ServerInfo = z.infer<typeof ServerInfo>;

/**
 * `POST /api/v1/ceremonies`: announces one enrolment before the sign-in, so that the confirm page can name device and code.
 * Permits nothing. `keyThumbprint` is the key that the grant will be bound to.
 */
export const CeremonyRequest = z.strictObject({
  permanentIdentifier: PermanentIdentifier,
  deviceName: ShortText.min(1),
  os: z.enum(['Linux', 'Windows', 'macOS']),
  keyThumbprint: Thumbprint,
});
export const Ceremony = z.object({ id: Id, code: CeremonyCode, expiresAt: Timestamp }).meta({ id: 'Ceremony' });
export type Ceremony = z.infer<typeof Ceremony>;

/**
 * `POST /api/v1/grants`. Authorized by the DPoP-bound access token of the sign-in (`Authorization: DPoP …`), or by a provisioning
 * token (`Authorization: Bearer muster_provision_…`) with a DPoP proof beside it. The grant is single-use and bound to the proof's key.
 */
export const GrantRequest = z.strictObject({ ceremonyId: Id });
export const Grant = z
  .object({
    grant: z.string(),
    expiresAt: Timestamp,
    ceremony: Ceremony,
    owner: z.object({ email: Email, displayName: z.string().nullable() }).nullable(),
  })
  .meta({ id: 'Grant' });
export type Grant = z.infer<typeof Grant>;

/** `POST /attest`, wire format of Smallstep's open-source clients. Unknown members are ignored: deployed clients send some. */
export const AttestRequest = z
  .object({
    tpmInfo: z
      .object({
        version: z.number().optional(),
        interface: z.number().optional(),
        manufacturer: z.string().max(64).optional(),
        vendorInfo: z.string().max(256).optional(),
        model: z.string().max(256).optional(),
        firmwareVersion: z.string().max(64).optional(),
      })
      .optional(),
    ek: base64Bytes(4096).optional(),
    ekCerts: z.array(base64Bytes(16_384)).max(16).optional(),
    akCert: base64Bytes(16_384).optional(),
    params: z.object({
      public: base64Bytes(4096),
      useTCSDActivationFormat: z.boolean().optional(),
      createData: base64Bytes(4096),
      createAttestation: base64Bytes(4096),
      createSignature: base64Bytes(4096),
    }),
  })
  .meta({ id: 'AttestRequest' });
/** TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, each with its size prefix. */
export const AttestResponse = z.object({ credential: z.string(), secret: z.string() }).meta({ id: 'AttestResponse' });
export const SecretRequest = z.object({ secret: base64Bytes(64) }).meta({ id: 'SecretRequest' });
/** AK certificate first, then intermediates (DER). */
export const SecretResponse = z.object({ chain: z.array(z.string()) }).meta({ id: 'SecretResponse' });

/** `POST /api/v1/challenges`: 32 random bytes, single use, for the certify and quote of an enrolment or a re-attestation. */
export const Challenge = z
  .object({
    challenge: base64Bytes(32),
    pcrs: z.object({ bank: z.literal('sha256'), indices: z.array(z.int().min(0).max(23)) }),
    expiresAt: Timestamp,
  })
  .meta({ id: 'Challenge' });
export type Challenge = z.infer<typeof Challenge>;

/** A TPMS_ATTEST with the TPMT_SIGNATURE over it. */
const Signed = z.strictObject({ attest: base64Bytes(4096), signature: base64Bytes(4096) });

/** Proofs made in the TPM; certify and quote each sign the binding digest, never a bare nonce. */
export const TpmProof = z.strictObject({
  challenge: base64Bytes(32),
  akChain: z.array(base64Bytes(16_384)).min(1).max(6),
  akPublic: base64Bytes(4096),
  deviceKey: z.strictObject({ public: base64Bytes(4096) }),
  certify: Signed,
  quote: Signed.extend({
    pcrs: z.array(z.strictObject({ index: z.int().min(0).max(23), value: base64Bytes(64) })).max(24),
    eventLog: base64Bytes(512 * 1024).optional(),
  }),
});
export type TpmProof = z.infer<typeof TpmProof>;

/** `POST /api/v1/enrollments` with `Authorization: DPoP <grant>`. */
export const EnrollmentRequest = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('tpm'), machine: MachineReport, proof: TpmProof }),
  z.strictObject({
    kind: z.literal('claim'),
    machine: MachineReport,
    challenge: base64Bytes(32),
    deviceKey: z.strictObject({ spki: base64Bytes(512), protection: z.enum(['secure-enclave', 'keychain', 'file']) }),
    /** ECDSA P-256 r||s over the binding digest of kind `claim`. */
    signature: base64Bytes(64),
  }),
]);
export type EnrollmentRequest = z.infer<typeof EnrollmentRequest>;
export const EnrollmentResponse = SelfDevice;

/** `POST /api/v1/self/attestations`, signed by the device key. */
export const ReattestationRequest = z.strictObject({ proof: TpmProof });

/** `POST /api/v1/self/aliases`, signed by the device key: another endorsement key of its TPM, to be activated with the enrolled attestation key. */
export const AliasRequest = z.strictObject({
  ek: base64Bytes(4096),
  ekCerts: z.array(base64Bytes(16_384)).max(16).default([]),
});
/** `POST /api/v1/self/aliases/secret`: the activated secret. */
export const AliasSecret = z.strictObject({ secret: base64Bytes(64) });

/** `POST /api/v1/self/check-in`, signed by the device key: what the machine says of itself now, where it changed. */
export const CheckInRequest = z.strictObject({ machine: MachineReport.optional() });
export const CheckInResponse = z
  .object({ device: SelfDevice, reattest: z.boolean(), nextCheckInSeconds: z.int() })
  .meta({ id: 'CheckIn' });

/** Events of `GET /api/v1/self/events`. `data` is the device as it is now: a lost event costs nothing. */
export const SelfEvent = z.object({ type: z.enum(['device', 'deleted']), device: SelfDevice });
export type SelfEvent = z.infer<typeof SelfEvent>;
