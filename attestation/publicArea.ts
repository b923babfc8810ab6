import { concat, createReader, createWriter, type Reader, type Writer } from './bytes.ts';
import { refuse } from './error.ts';
import { digest, hashOf } from './hashes.ts';
import { ALG, CURVE } from './tpmConstants.ts';

/** TPMT_SYM_DEF_OBJECT: `alg` NULL has neither bits nor mode. */
export type Symmetric = { alg: number; keyBits?: number; mode?: number };
/** TPMT_RSA_SCHEME, TPMT_ECC_SCHEME or TPMT_KDF_SCHEME: `hash` where the scheme has one, `count` for ECDAA. */
export type Scheme = { alg: number; hash?: number; count?: number };

type Common = {
  nameAlg: number;
  /** TPMA_OBJECT, 32 bits. */
  attributes: number;
  authPolicy: Uint8Array;
  symmetric: Symmetric;
  scheme: Scheme;
};
/** `exponent` 0 stands for 65537; `modulus` big endian, empty or zeros in a template. */
export type RsaPublic = Common & { type: 'rsa'; keyBits: number; exponent: number; modulus: Uint8Array };
/** `x` and `y` big endian as the TPM gave them: it may strip leading zeros. */
export type EccPublic = Common & { type: 'ecc'; curve: number; kdf: Scheme; x: Uint8Array; y: Uint8Array };
/** TPMT_PUBLIC of a key pair. */
export type PublicArea = RsaPublic | EccPublic;

const CURVE_SIZES: Record<number, number> = { [CURVE.P256]: 32, [CURVE.P384]: 48, [CURVE.P521]: 66 };

/** Bytes of one coordinate of a TPM curve; refuses curves other than P-256, P-384 and P-521. */
export function curveSize(curve: number): number {
  return CURVE_SIZES[curve] ?? refuse('unsupported-algorithm', `Curve 0x${curve.toString(16)} is not supported.`);
}

/**
 * Parses a TPMT_PUBLIC (TPM 2.0 Library part 2 section 12.2.4) without the TPM2B size in front of it.
 * RSA and ECC objects only. Errors: `truncated`, `trailing-bytes`, `too-large`, `unsupported-algorithm`.
 */
export function parsePublic(bytes: Uint8Array): PublicArea {
  const reader = createReader(bytes, 'TPMT_PUBLIC');
  const area = readPublic(reader);
  reader.end();
  return area;
}

/** Reads a TPMT_PUBLIC from a longer structure. */
export function readPublic(reader: Reader): PublicArea {
  const type = reader.u16();
  if (type !== ALG.RSA && type !== ALG.ECC) {
    refuse('unsupported-algorithm', `TPMT_PUBLIC of type 0x${type.toString(16)}: only RSA and ECC keys are supported.`);
  }
  const nameAlg = reader.u16();
  const attributes = reader.u32();
  const authPolicy = reader.tpm2b(64);
  const symmetric = readSymmetric(reader);
  const scheme = readScheme(reader);
  const common = { nameAlg, attributes, authPolicy, symmetric, scheme };
  if (type === ALG.RSA) {
    const keyBits = reader.u16();
    if (keyBits > 4096) refuse('too-large', `An RSA key of ${keyBits} bits is larger than the 4096 supported.`);
    const exponent = reader.u32();
    return { type: 'rsa', ...common, keyBits, exponent, modulus: reader.tpm2b(Math.ceil(keyBits / 8)) };
  }
  const curve = reader.u16();
  const size = curveSize(curve);
  const kdf = readScheme(reader);
  const x = reader.tpm2b(size);
  return { type: 'ecc', ...common, curve, kdf, x, y: reader.tpm2b(size) };
}

/** The TPMT_PUBLIC bytes of a public area, without TPM2B size: the inverse of {@link parsePublic}. */
export function encodePublic(area: PublicArea): Uint8Array {
  const writer = createWriter()
    .u16(area.type === 'rsa' ? ALG.RSA : ALG.ECC)
    .u16(area.nameAlg)
    .u32(area.attributes)
    .tpm2b(area.authPolicy);
  writeSymmetric(writer, area.symmetric);
  writeScheme(writer, area.scheme);
  switch (area.type) {
    case 'rsa':
      return writer.u16(area.keyBits).u32(area.exponent).tpm2b(area.modulus).finish();
    case 'ecc':
      writeScheme(writer.u16(area.curve), area.kdf);
      return writer.tpm2b(area.x).tpm2b(area.y).finish();
    default:
      return area satisfies never;
  }
}

/**
 * The Name of an object (part 1 section 16): nameAlg as u16, then nameAlg's hash of the TPMT_PUBLIC bytes.
 * Give the *received* bytes where they exist; a parsed area is encoded first.
 */
export function objectName(area: PublicArea | Uint8Array): Uint8Array {
  const bytes = area instanceof Uint8Array ? area : encodePublic(area);
  const nameAlg = area instanceof Uint8Array ? parsePublic(area).nameAlg : area.nameAlg;
  return nameOfBytes(nameAlg, bytes);
}

/** The Name of TPMT_PUBLIC bytes whose nameAlg is known. Error: `unsupported-algorithm`. */
export function nameOfBytes(nameAlg: number, publicBytes: Uint8Array): Uint8Array {
  return concat(createWriter().u16(nameAlg).finish(), digest(hashOf(nameAlg).name, publicBytes));
}

/** Whether all the given TPMA_OBJECT bits (`ATTRIBUTE`) are set. */
export function hasAttributes(area: PublicArea, bits: number): boolean {
  return (area.attributes & bits) >>> 0 === bits >>> 0;
}

function readSymmetric(reader: Reader): Symmetric {
  const alg = reader.u16();
  if (alg === ALG.NULL) return { alg };
  if (alg !== ALG.AES && alg !== ALG.SM4) {
    refuse('unsupported-algorithm', `Symmetric algorithm 0x${alg.toString(16)} is not supported in a public area.`);
  }
  return { alg, keyBits: reader.u16(), mode: reader.u16() };
}

function readScheme(reader: Reader): Scheme {
  const alg = reader.u16();
  switch (alg) {
    case ALG.NULL:
    case ALG.RSAES:
      return { alg };
    case ALG.ECDAA:
      return { alg, hash: reader.u16(), count: reader.u16() };
    // RSASSA, RSAPSS, OAEP, ECDSA, ECDH, SM2, ECSCHNORR, ECMQV, MGF1 and the KDFs all carry one hash.
    case ALG.RSASSA:
    case ALG.RSAPSS:
    case ALG.OAEP:
    case ALG.ECDSA:
    case 0x0007:
    case 0x0019:
    case ALG.SM2:
    case 0x001c:
    case 0x001d:
    case 0x0020:
    case 0x0021:
    case 0x0022:
      return { alg, hash: reader.u16() };
    default:
      return refuse('unsupported-algorithm', `Scheme 0x${alg.toString(16)} is not supported in a public area.`);
  }
}

function writeSymmetric(writer: Writer, symmetric: Symmetric): void {
  writer.u16(symmetric.alg);
  if (symmetric.alg !== ALG.NULL) writer.u16(symmetric.keyBits ?? 0).u16(symmetric.mode ?? 0);
}

function writeScheme(writer: Writer, scheme: Scheme): void {
  writer.u16(scheme.alg);
  if (scheme.hash !== undefined) writer.u16(scheme.hash);
  if (scheme.count !== undefined) writer.u16(scheme.count);
}
