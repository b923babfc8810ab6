import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  ALG,
  type Attest,
  CURVE,
  concat,
  createWriter,
  digest,
  type EccPublic,
  encodeAttest,
  encodeCreationData,
  encodePublic,
  encodeSignature,
  type HashName,
  hashOf,
  objectName,
  type PublicArea,
  type RsaPublic,
  type TpmSignature,
} from '../index.ts';

/** A forger's TPM: structures as a TPM makes them, signed by keys in this process, with anything in them that a test wants. */
export type SoftKey = { area: PublicArea; bytes: Uint8Array; name: Uint8Array; privateKey: KeyObject };

const NONE = new Uint8Array(0);
const BASE = { nameAlg: ALG.SHA256, authPolicy: NONE, symmetric: { alg: ALG.NULL } } as const;
export const AK_ATTRIBUTES = 0x00050472;
export const DEVICE_ATTRIBUTES = 0x00040472;

const ecKeys = { 'P-256': pair('P-256'), 'P-384': pair('P-384'), 'P-521': pair('P-521') };
const rsaKeys = new Map<number, { publicKey: KeyObject; privateKey: KeyObject }>();

function pair(namedCurve: string) {
  return generateKeyPairSync('ec', { namedCurve });
}

const bytesOf = (text: string | undefined): Uint8Array => new Uint8Array(Buffer.from(text ?? '', 'base64url'));
const CURVES = { 'P-256': CURVE.P256, 'P-384': CURVE.P384, 'P-521': CURVE.P521 } as const;

export function eccKey(
  overrides: Partial<EccPublic> = {},
  curve: keyof typeof CURVES = 'P-256',
  fresh = false,
): SoftKey {
  const { publicKey, privateKey } = fresh ? pair(curve) : ecKeys[curve];
  const { x, y } = publicKey.export({ format: 'jwk' });
  const hash = { 'P-256': ALG.SHA256, 'P-384': ALG.SHA384, 'P-521': ALG.SHA512 }[curve];
  const own = { type: 'ecc', ...BASE, attributes: AK_ATTRIBUTES, scheme: { alg: ALG.ECDSA, hash } } as const;
  return softKey(
    { ...own, curve: CURVES[curve], kdf: { alg: ALG.NULL }, x: bytesOf(x), y: bytesOf(y), ...overrides },
    privateKey,
  );
}

export function rsaKey(overrides: Partial<RsaPublic> = {}, bits = 2048): SoftKey {
  let keys = rsaKeys.get(bits);
  if (!keys) {
    keys = generateKeyPairSync('rsa', { modulusLength: bits });
    rsaKeys.set(bits, keys);
  }
  const modulus = bytesOf(keys.publicKey.export({ format: 'jwk' }).n);
  const scheme = { alg: ALG.RSASSA, hash: ALG.SHA256 };
  return softKey(
    { type: 'rsa', ...BASE, attributes: AK_ATTRIBUTES, scheme, keyBits: bits, exponent: 0, modulus, ...overrides },
    keys.privateKey,
  );
}

export function softKey(area: PublicArea, privateKey: KeyObject): SoftKey {
  const bytes = encodePublic(area);
  return { area, bytes, name: objectName(bytes), privateKey };
}

/** Signs with the key's declared scheme, or with another one that a forger names. */
export function softSign(
  key: SoftKey,
  data: Uint8Array,
  scheme: { alg: number; hash?: number } = key.area.scheme,
): Uint8Array {
  return encodeSignature(rawSign(key, data, scheme));
}

export function rawSign(
  key: SoftKey,
  data: Uint8Array,
  scheme: { alg: number; hash?: number } = key.area.scheme,
): TpmSignature {
  const hash = scheme.hash ?? ALG.SHA256;
  const name: HashName = hashOf(hash).name;
  if (scheme.alg === ALG.ECDSA) {
    const raw = new Uint8Array(sign(name, data, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }));
    return { alg: 'ecdsa', hash, r: raw.slice(0, raw.length / 2), s: raw.slice(raw.length / 2) };
  }
  const pss = scheme.alg === ALG.RSAPSS;
  const padding = pss ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  const signature = new Uint8Array(sign(name, data, { key: key.privateKey, padding }));
  return { alg: pss ? 'rsapss' : 'rsassa', hash, signature };
}

const COMMON = {
  qualifiedSigner: NONE,
  extraData: NONE,
  clock: { clock: 1_000n, resetCount: 1, restartCount: 0, safe: true },
  firmwareVersion: 1n,
};

export function attestBytes(attest: Partial<Attest> & { type: Attest['type'] }): Uint8Array {
  const empty = {
    name: NONE,
    qualifiedName: NONE,
    objectName: NONE,
    creationHash: NONE,
    selections: [],
    pcrDigest: NONE,
  };
  return encodeAttest({ ...COMMON, ...empty, ...attest } as Attest);
}

export const CREATION_DATA = encodeCreationData({
  selections: [],
  pcrDigest: NONE,
  locality: 1,
  parentNameAlg: ALG.SHA256,
  parentName: concat(createWriter().u16(ALG.SHA256).finish(), new Uint8Array(32).fill(1)),
  parentQualifiedName: concat(createWriter().u16(ALG.SHA256).finish(), new Uint8Array(32).fill(2)),
  outsideInfo: NONE,
});

/** What a client posts about an attestation key, all consistent. */
export function akParameters(key: SoftKey, changes: Partial<Attest> = {}) {
  const creationHash = digest(hashOf(key.area.nameAlg).name, CREATION_DATA);
  const attest = attestBytes({ type: 'creation', objectName: key.name, creationHash, ...changes } as Partial<Attest> & {
    type: 'creation';
  });
  return { public: key.bytes, creationData: CREATION_DATA, attest, signature: softSign(key, attest) };
}
