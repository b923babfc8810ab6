import { fromHex } from './bytes.ts';
import { curveSize, type EccPublic, type RsaPublic, type Symmetric } from './publicArea.ts';
import { ALG, CURVE } from './tpmConstants.ts';

/** PolicyA: PolicySecret(TPM_RH_ENDORSEMENT). TCG EK Credential Profile, section B.3 and B.6. */
export const POLICY_A = {
  sha256: fromHex('837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa'),
  sha384: fromHex('8bbf2266537c171cb56e403c4dc1d4b64f432611dc386e6f532050c3278c930e143e8bb1133824ccb431053871c6db53'),
  sha512: fromHex(
    '1e3b76502c8a1425aa0b7b3fc646a1b0fae063b03b5368f9c4cddecaff0891dd682bac1a85d4d832b781ea451915de5fc5bf0dc4a1917cd42fa041e3f998e0ee',
  ),
} as const;

/** PolicyC: PolicyAuthorizeNV on the profile's policy index. */
export const POLICY_C = {
  sha256: fromHex('3767e2edd43ff45a3a7e1eaefcef78643dca964632e7aad82c673a30d8633fde'),
  sha384: fromHex('d6032ce61f2fb3c240eb3cf6a33237ef2b6a16f4293c22b455e261cffd217ad5b4947c2d73e63005eed2dc2b3593d165'),
  sha512: fromHex(
    '589ee1e146544716e8deafe6db247b01b81e9f9c7dd16b814aa159138749105fba5388dd1dea702f35240c184933121e2c61b8f50d3ef91393a49a38c3f73fc8',
  ),
} as const;

/** PolicyB: PolicyOR(PolicyA, PolicyC), for the high range of EKs. */
export const POLICY_B = {
  sha256: fromHex('ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0'),
  sha384: fromHex('b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12'),
  sha512: fromHex(
    'b8221ca69e8550a4914de3faa6a18c072cc01208073a928d5d66d59ef79e49a429c41a6b269571d57edb25fbdb1838425608b413cd616a5f6db5b6071af99bea',
  ),
} as const;

const LOW = 0x000300b2;
const HIGH = 0x000300f2;
const AES_128: Symmetric = { alg: ALG.AES, keyBits: 128, mode: ALG.CFB };
const AES_256: Symmetric = { alg: ALG.AES, keyBits: 256, mode: ALG.CFB };
const NONE = new Uint8Array(0);
const NO_SYMMETRIC: Symmetric = { alg: ALG.NULL };

function rsaEk(
  attributes: number,
  nameAlg: number,
  authPolicy: Uint8Array,
  keyBits: number,
  unique: number,
): RsaPublic {
  const symmetric = keyBits === 2048 ? AES_128 : AES_256;
  const modulus = new Uint8Array(unique);
  return {
    type: 'rsa',
    nameAlg,
    attributes,
    authPolicy,
    symmetric,
    scheme: { alg: ALG.NULL },
    keyBits,
    exponent: 0,
    modulus,
  };
}

function eccEk(attributes: number, nameAlg: number, authPolicy: Uint8Array, curve: number, unique: number): EccPublic {
  const symmetric = curve === CURVE.P256 ? AES_128 : AES_256;
  const none = { alg: ALG.NULL };
  const [x, y] = [new Uint8Array(unique), new Uint8Array(unique)];
  return { type: 'ecc', nameAlg, attributes, authPolicy, symmetric, scheme: none, curve, kdf: none, x, y };
}

/**
 * EK templates of the TCG EK Credential Profile (annex B). The high-range ones carry an empty `unique`;
 * some tools zero-fill it: derive with both (see {@link zeroFilledUnique}) and keep the key that the certificate names.
 */
export const EK_TEMPLATES = {
  'L-1': rsaEk(LOW, ALG.SHA256, POLICY_A.sha256, 2048, 256),
  'L-2': eccEk(LOW, ALG.SHA256, POLICY_A.sha256, CURVE.P256, 32),
  'H-1': rsaEk(HIGH, ALG.SHA256, POLICY_B.sha256, 2048, 0),
  'H-2': eccEk(HIGH, ALG.SHA256, POLICY_B.sha256, CURVE.P256, 0),
  'H-3': eccEk(HIGH, ALG.SHA384, POLICY_B.sha384, CURVE.P384, 0),
  'H-4': eccEk(HIGH, ALG.SHA512, POLICY_B.sha512, CURVE.P521, 0),
  'H-6': rsaEk(HIGH, ALG.SHA384, POLICY_B.sha384, 3072, 0),
  'H-7': rsaEk(HIGH, ALG.SHA384, POLICY_B.sha384, 4096, 0),
} as const satisfies Record<string, RsaPublic | EccPublic>;

/** The profile's names of its templates. */
export type EkTemplateId = keyof typeof EK_TEMPLATES;

/** The same template with `unique` filled with zeros of the key's size, as tpm2-tools and FAPI do in the high range. */
export function zeroFilledUnique<T extends RsaPublic | EccPublic>(template: T): T {
  if (template.type === 'rsa') return { ...template, modulus: new Uint8Array(template.keyBits / 8) };
  const size = curveSize(template.curve);
  return { ...template, x: new Uint8Array(size), y: new Uint8Array(size) };
}

/** The storage root key where 0x81000001 is absent: ECC P-256 (TCG Provisioning Guidance, SRK template). */
export const SRK_TEMPLATE: EccPublic = {
  ...eccEk(0x00030472, ALG.SHA256, NONE, CURVE.P256, 32),
};

/** Attestation key: restricted signing key, ECDSA P-256 with SHA-256. */
export const AK_ECC_TEMPLATE: EccPublic = {
  ...eccEk(0x00050472, ALG.SHA256, NONE, CURVE.P256, 0),
  symmetric: NO_SYMMETRIC,
  scheme: { alg: ALG.ECDSA, hash: ALG.SHA256 },
};

/** Attestation key: restricted signing key, RSA-2048 RSASSA with SHA-256. */
export const AK_RSA_TEMPLATE: RsaPublic = {
  ...rsaEk(0x00050472, ALG.SHA256, NONE, 2048, 0),
  symmetric: NO_SYMMETRIC,
  scheme: { alg: ALG.RSASSA, hash: ALG.SHA256 },
};

/** Device key: unrestricted signing key, ECDSA P-256 with SHA-256. */
export const DEVICE_KEY_TEMPLATE: EccPublic = { ...AK_ECC_TEMPLATE, attributes: 0x00040472 };
