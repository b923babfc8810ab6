import { z } from 'zod';
import { Diagnostic, MachineReport, SelfDevice } from '../contract/index.ts';

const base64 = z.base64();
const permanentIdentifier = z.string();

const EndorsementKey = z.strictObject({
  algorithm: z.enum(['RSA-2048', 'RSA-3072', 'RSA-4096', 'ECC-P256', 'ECC-P384', 'ECC-P521']),
  permanentIdentifier,
  preferred: z.boolean(),
  /** SubjectPublicKeyInfo DER. */
  publicKey: base64,
  certificate: base64.nullable(),
  certificateMismatch: z.string().nullable(),
});

const Manufacturer = z.strictObject({ code: z.int(), hex: z.string(), ascii: z.string(), name: z.string() });

/** What each command prints with --json, by the command's words. Fields are added, never changed. */
export const OUTPUTS = {
  'tpm --fingerprint': z.strictObject({ permanentIdentifier }),
  'tpm info': z.strictObject({
    version: z.literal('2.0'),
    address: z.string(),
    manufacturer: Manufacturer,
    vendor: z.string(),
    firmwareVersion: z.string(),
    ownerAuthSet: z.boolean(),
    endorsementAuthSet: z.boolean(),
    lockoutAuthSet: z.boolean(),
    inLockout: z.boolean(),
  }),
  'tpm ek': z.strictObject({
    endorsementKeys: z.array(EndorsementKey.extend({ persistentHandle: z.string().nullable() })),
    chain: z.array(base64),
  }),
  'tpm quote': z.strictObject({
    binding: z.strictObject({
      origin: z.string(),
      challenge: base64,
      grantThumbprint: z.string(),
      permanentIdentifier,
    }),
    attestationKey: z.strictObject({ public: base64, name: base64 }),
    deviceKey: z.strictObject({ public: base64, name: base64 }),
    quote: z.strictObject({ attest: base64, signature: base64 }),
    pcrs: z.array(z.strictObject({ index: z.int(), value: z.hex() })),
    eventLogBytes: z.int(),
  }),
  identity: z.strictObject({
    permanentIdentifier: permanentIdentifier.nullable(),
    tpm: z
      .strictObject({
        manufacturer: Manufacturer,
        vendor: z.string(),
        firmwareVersion: z.string(),
        endorsementKey: EndorsementKey.omit({ preferred: true }),
        chain: z.array(base64),
        /** PCRs that go with the proof, by bank. */
        quoted: z.string(),
      })
      .nullable(),
    /** Why there is no TPM, where there is none. */
    unavailable: z.string().nullable(),
    machine: MachineReport,
  }),
  doctor: z.strictObject({ status: z.enum(['pass', 'warn', 'fail']), checks: z.array(Diagnostic) }),
  status: z.strictObject({
    enrolled: z.boolean(),
    server: z.string().nullable(),
    online: z.boolean(),
    device: SelfDevice.nullable(),
  }),
  enroll: SelfDevice,
  attest: SelfDevice,
  unenroll: z.strictObject({ enrolled: z.literal(false) }),
  error: z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string(), advice: z.string() }) }),
} as const;
