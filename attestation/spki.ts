import type { KeyObject } from 'node:crypto';
import { concat, padTo, stripZeros, toHex } from './bytes.ts';
import {
  childrenOf,
  DER,
  type DerMode,
  type DerNode,
  der,
  derOid,
  derSize,
  deviate,
  expectTag,
  putHead,
  readBitString,
  readOid,
  readUnsigned,
  readWholeDer,
} from './der.ts';
import { refuse } from './error.ts';
import { curveSize, type PublicArea } from './publicArea.ts';
import { CURVE } from './tpmConstants.ts';

/** A public key as numbers, big endian: modulus and exponent without leading zeros, coordinates padded to the field. */
export type KeyNumbers =
  | {
      type: 'rsa';
      modulus: Uint8Array;
      exponent: Uint8Array;
      /** What the key's own algorithm identifier restricts it to (RFC 4055 sections 1.2 and 4.1). */
      only?: 'rsa-pss' | 'rsa-oaep';
    }
  | { type: 'ecc'; curve: number; x: Uint8Array; y: Uint8Array | { compressed: Uint8Array } };

const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';
const RSAES_OAEP = '1.2.840.113549.1.1.7';
const RSASSA_PSS = '1.2.840.113549.1.1.10';
const EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const CURVES: Record<string, number> = {
  '1.2.840.10045.3.1.7': CURVE.P256,
  '1.3.132.0.34': CURVE.P384,
  '1.3.132.0.35': CURVE.P521,
};
const RSA_IDENTIFIER = der(DER.SEQUENCE, derOid(RSA_ENCRYPTION), der(DER.NULL));
/** All of an EC key's SubjectPublicKeyInfo that stands before the coordinates, the 04 of an uncompressed point included. */
const EC_HEADS = new Map(
  Object.entries(CURVES).map(([oid, curve]) => {
    const point = new Uint8Array(1 + 2 * curveSize(curve));
    point[0] = 4;
    const identifier = der(DER.SEQUENCE, derOid(EC_PUBLIC_KEY), derOid(oid));
    const whole = der(DER.SEQUENCE, identifier, der(DER.BIT_STRING, new Uint8Array(1), point));
    return [curve, whole.slice(0, whole.length - point.length + 1)];
  }),
);

/**
 * Reads a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7; DER): RSA under rsaEncryption, RSAES-OAEP (old EK certificates) or
 * RSASSA-PSS, EC on P-256, P-384 and P-521 by name. Errors: `certificate-malformed`, `unsupported-algorithm`.
 */
export function parseSpki(spki: Uint8Array, mode: DerMode = { code: 'certificate-malformed' }): KeyNumbers {
  const [identifier, keyBits, ...rest] = childrenOf(
    expectTag(readWholeDer(spki, mode), DER.SEQUENCE, 'The public key', mode),
    mode,
  );
  if (rest.length > 0) refuse(mode.code, 'The public key holds fields that do not belong to it.');
  const [oidNode, parameters, ...more] = childrenOf(
    expectTag(identifier, DER.SEQUENCE, 'The key algorithm', mode),
    mode,
  );
  if (more.length > 0) refuse(mode.code, 'The key algorithm holds fields that do not belong to it.');
  const oid = readOid(oidNode, mode);
  const bits = readBitString(keyBits, 'The public key', mode);
  switch (oid) {
    case RSA_ENCRYPTION:
    case RSAES_OAEP:
    case RSASSA_PSS: {
      const fields = childrenOf(expectTag(readWholeDer(bits, mode), DER.SEQUENCE, 'The RSA key', mode), mode);
      if (fields.length !== 2) refuse(mode.code, 'The RSA key does not hold exactly a modulus and an exponent.');
      const modulus = readUnsigned(fields[0], 'The RSA modulus', mode);
      const exponent = readUnsigned(fields[1], 'The RSA exponent', mode);
      if (modulus.length > 1024 || exponent.length > 8) refuse('unsupported-algorithm', 'The RSA key is too large.');
      if (oid === RSA_ENCRYPTION) {
        checkNull(parameters, mode);
        return { type: 'rsa', modulus, exponent };
      }
      if (oid === RSASSA_PSS && parameters)
        refuse('unsupported-algorithm', 'RSA keys that are fixed to one set of PSS parameters are not supported.');
      return { type: 'rsa', modulus, exponent, only: oid === RSASSA_PSS ? 'rsa-pss' : 'rsa-oaep' };
    }
    case EC_PUBLIC_KEY: {
      if (parameters?.tag !== DER.OID) refuse('unsupported-algorithm', 'EC keys with explicit parameters are refused.');
      const curve = CURVES[readOid(parameters, mode)];
      if (curve === undefined) refuse('unsupported-algorithm', 'The EC key is on a curve that is not supported.');
      return parsePoint(bits, curve, mode);
    }
    default:
      return refuse('unsupported-algorithm', `Public keys of algorithm ${oid} are not supported.`);
  }
}

/** RFC 3279 section 2.3.1 wants NULL; some leave it out. */
function checkNull(parameters: DerNode | undefined, mode: DerMode): void {
  if (!parameters) deviate(mode, 'the RSA key algorithm lacks its NULL');
  else if (parameters.tag !== DER.NULL || parameters.end !== parameters.content)
    refuse(mode.code, 'The RSA key algorithm carries parameters that it must not have.');
}

function parsePoint(point: Uint8Array, curve: number, mode: DerMode): KeyNumbers {
  const size = curveSize(curve);
  if (point[0] === 4 && point.length === 1 + 2 * size) {
    return { type: 'ecc', curve, x: point.slice(1, 1 + size), y: point.slice(1 + size) };
  }
  if ((point[0] === 2 || point[0] === 3) && point.length === 1 + size) {
    return { type: 'ecc', curve, x: point.slice(1), y: { compressed: point.slice() } };
  }
  return refuse(mode.code, 'The EC point is malformed.');
}

/** The canonical SubjectPublicKeyInfo DER: rsaEncryption with NULL, or id-ecPublicKey with a named curve and an uncompressed point. */
export function encodeSpki(key: KeyNumbers): Uint8Array {
  if (key.type === 'ecc') {
    const head =
      EC_HEADS.get(key.curve) ?? refuse('unsupported-algorithm', 'The EC key is on a curve that is not supported.');
    return concat(head, key.x, key.y instanceof Uint8Array ? key.y : decompress(key.curve, key.y.compressed));
  }
  // In one piece, since every key passes here: built from its parts it would take four times as long.
  const bits = 1 + rsaKeySize(key);
  const length = RSA_IDENTIFIER.length + derSize(bits);
  const spki = new Uint8Array(derSize(length));
  const at = putHead(spki, 0, DER.SEQUENCE, length);
  spki.set(RSA_IDENTIFIER, at);
  putRsaKey(spki, putHead(spki, at + RSA_IDENTIFIER.length, DER.BIT_STRING, bits) + 1, key);
  return spki;
}

type RsaNumbers = KeyNumbers & { type: 'rsa' };

/** RSAPublicKey (RFC 8017 annex A.1.1). */
export function encodeRsaKey(key: RsaNumbers): Uint8Array {
  const encoded = new Uint8Array(rsaKeySize(key));
  putRsaKey(encoded, 0, key);
  return encoded;
}

/** The contents of an INTEGER: the magnitude, behind a zero where its first bit is set; zero itself is one byte. */
const integerLength = (magnitude: Uint8Array): number => magnitude.length + ((magnitude[0] ?? 0x80) >= 0x80 ? 1 : 0);
const integersLength = ({ modulus, exponent }: RsaNumbers): number =>
  derSize(integerLength(modulus)) + derSize(integerLength(exponent));
const rsaKeySize = (key: RsaNumbers): number => derSize(integersLength(key));

function putRsaKey(target: Uint8Array, from: number, key: RsaNumbers): void {
  let at = putHead(target, from, DER.SEQUENCE, integersLength(key));
  for (const magnitude of [key.modulus, key.exponent]) {
    const length = integerLength(magnitude);
    at = putHead(target, at, DER.INTEGER, length);
    target.set(magnitude, at + length - magnitude.length);
    at += length;
  }
}

const B_AND_P: Record<number, { p: bigint; b: bigint }> = {
  [CURVE.P256]: {
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  [CURVE.P384]: {
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  [CURVE.P521]: {
    p: 2n ** 521n - 1n,
    b: 0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
};

/** All three fields are 3 mod 4, so a square root is a power (SEC 1 section 2.3.4). */
function decompress(curve: number, point: Uint8Array): Uint8Array {
  const field = B_AND_P[curve] ?? refuse('unsupported-algorithm', 'The EC key is on a curve that is not supported.');
  const { p, b } = field;
  const x = toBigInt(point.subarray(1));
  const square = ((((x * x - 3n) * x + b) % p) + p) % p;
  const root = power(square, (p + 1n) / 4n, p);
  if (x >= p || (root * root) % p !== square)
    refuse('certificate-malformed', 'The compressed EC point is not on its curve.');
  const y = (root & 1n) === BigInt((point[0] ?? 0) & 1) ? root : p - root;
  return fromBigInt(y, curveSize(curve));
}

/** Whether the coordinates satisfy the curve's equation within its field (SEC 1 section 3.2.2.1; the cofactor is 1). */
export function isOnCurve(key: KeyNumbers & { type: 'ecc' }): boolean {
  if (!(key.y instanceof Uint8Array)) return isOnCurve({ ...key, y: decompress(key.curve, key.y.compressed) });
  const { p, b } =
    B_AND_P[key.curve] ?? refuse('unsupported-algorithm', 'The EC key is on a curve that is not supported.');
  const [x, y] = [toBigInt(key.x), toBigInt(key.y)];
  return x < p && y < p && (y * y - ((x * x - 3n) * x + b)) % p === 0n;
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** A big-endian number. */
export const toBigInt = (bytes: Uint8Array): bigint => (bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`));

/** A number as `size` big-endian bytes. */
export function fromBigInt(value: bigint, size: number): Uint8Array {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex'));
}

/** The numbers of a TPM public area; coordinates are padded and exponent 0 becomes 65537. Errors: `weak-key` when sizes do not fit. */
export function keyNumbersOf(area: PublicArea): KeyNumbers {
  if (area.type === 'ecc') {
    const size = curveSize(area.curve);
    const x = padTo(area.x, size, 'weak-key', 'The X coordinate');
    return { type: 'ecc', curve: area.curve, x, y: padTo(area.y, size, 'weak-key', 'The Y coordinate') };
  }
  const exponent = new Uint8Array(4);
  new DataView(exponent.buffer).setUint32(0, area.exponent === 0 ? 65537 : area.exponent);
  return { type: 'rsa', modulus: stripZeros(area.modulus).slice(), exponent: stripZeros(exponent) };
}

/** The SubjectPublicKeyInfo DER of a node:crypto public key. Error: `bad-argument` for a private or secret one. */
export function exportSpki(key: KeyObject): Uint8Array {
  if (key.type !== 'public') refuse('bad-argument', `A public key is needed here, this is a ${key.type} one.`);
  return key.export({ type: 'spki', format: 'der' });
}

/** The canonical SubjectPublicKeyInfo DER of a TPM public area. */
export function spkiOf(area: PublicArea): Uint8Array {
  return encodeSpki(keyNumbersOf(area));
}

/** Any accepted SubjectPublicKeyInfo in canonical form, so that equal keys have equal bytes. */
export function canonicalSpki(spki: Uint8Array): Uint8Array {
  return encodeSpki(parseSpki(spki));
}
