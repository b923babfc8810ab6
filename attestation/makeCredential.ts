import { constants, createCipheriv, createECDH, createHmac, KeyObject, publicEncrypt, randomBytes } from 'node:crypto';
import { concat, createWriter, padTo, utf8 } from './bytes.ts';
import { refuse } from './error.ts';
import { digest, type HashName, strongHashOf } from './hashes.ts';
import { bitLength, checkKeyStrength, keyObjectOf } from './keys.ts';
import { curveSize, hasAttributes, type PublicArea, parsePublic } from './publicArea.ts';
import { encodeSpki, exportSpki, type KeyNumbers, keyNumbersOf, parseSpki } from './spki.ts';
import { ALG, ATTRIBUTE, CURVE } from './tpmConstants.ts';

/** What the random bytes become: the protection seed, the OAEP seed (RSA), the private scalar of the ephemeral key (ECC). */
export type RandomPurpose = 'seed' | 'oaep' | 'ephemeral';
/** Gives random bytes: exactly `size` of them, except a seed, which may have from 16 to `size` bytes. */
export type RandomSource = (purpose: RandomPurpose, size: number) => Uint8Array;

/** Both structures that TPM2_ActivateCredential takes (part 3 section 12.5). */
export type Credential = {
  /** TPM2B_ID_OBJECT with its size: what TPM2_ActivateCredential takes as credentialBlob. */
  credentialBlob: Uint8Array;
  /** TPM2B_ENCRYPTED_SECRET with its size: what it takes as secret. */
  encryptedSecret: Uint8Array;
};

type Protection = { hash: HashName; size: number; keyBits: 128 | 256 };
type EndorsementKey = { numbers: KeyNumbers; protection: Protection };

const SHA256_AES128: Protection = { hash: 'sha256', size: 32, keyBits: 128 };
const SHA384_AES256: Protection = { hash: 'sha384', size: 48, keyBits: 256 };
const SHA512_AES256: Protection = { hash: 'sha512', size: 64, keyBits: 256 };
const CURVE_NAMES: Record<number, string> = {
  [CURVE.P256]: 'prime256v1',
  [CURVE.P384]: 'secp384r1',
  [CURVE.P521]: 'secp521r1',
};
const IN_ITS_TPM = ATTRIBUTE.FIXED_TPM | ATTRIBUTE.FIXED_PARENT | ATTRIBUTE.RESTRICTED | ATTRIBUTE.DECRYPT;
const IDENTITY = utf8('IDENTITY\0');

/**
 * TPM2_MakeCredential in software (TPM 2.0 Library part 1 section 24 and annexes B.10 and C.6): encrypts `secret` so that only the TPM
 * that holds both the endorsement key and an object of the given Name can read it.
 * @param parameters.ekPublic the endorsement key: a node:crypto public key, SubjectPublicKeyInfo DER, TPMT_PUBLIC bytes or a parsed
 * public area. From a bare key the name algorithm and cipher follow the EK Credential Profile (SHA-256 and AES-128 for RSA-2048 and
 * P-256; SHA-384 and AES-256 for RSA-3072, RSA-4096 and P-384; SHA-512 and AES-256 for P-521); a public area says them itself.
 * @param parameters.akName the attestation key's Name (nameAlg ‖ digest), recomputed by the caller's side.
 * @param parameters.secret at most as long as a digest of the EK's name algorithm; use 32 random bytes.
 * @param parameters.random every random byte that is used comes from it; node:crypto's generator when absent.
 * @throws AttestationError `unsupported-algorithm`, `weak-key`, `roca-weak-key`, `bad-argument`, `wrong-attributes` for a public area that is no
 * endorsement key's; parse errors of the key.
 */
export function makeCredential(parameters: {
  ekPublic: KeyObject | Uint8Array | PublicArea;
  akName: Uint8Array;
  secret: Uint8Array;
  random?: RandomSource;
}): Credential {
  const { akName, secret } = parameters;
  const random = sized(parameters.random ?? ((_, size) => new Uint8Array(randomBytes(size))));
  const { numbers, protection } = endorsementKey(parameters.ekPublic);
  const { hash, size, keyBits } = protection;
  if (secret.length === 0 || secret.length > size) {
    refuse(
      'bad-argument',
      `The secret is ${secret.length} bytes long; a TPM takes 1 to ${size} with this endorsement key.`,
    );
  }
  const nameHash = akName.length > 2 ? new DataView(akName.buffer, akName.byteOffset).getUint16(0) : ALG.NULL;
  if (akName.length !== 2 + strongHashOf(nameHash).size)
    refuse('bad-argument', 'The Name of the attestation key is malformed.');
  const { seed, encrypted } =
    numbers.type === 'rsa' ? protectRsa(numbers, protection, random) : protectEcc(numbers, protection, random);

  const symmetricKey = kdfa(hash, seed, 'STORAGE', akName, keyBits);
  const cipher = createCipheriv(`aes-${keyBits}-cfb`, symmetricKey, new Uint8Array(16));
  const identity = concat(cipher.update(createWriter().tpm2b(secret).finish()), cipher.final());
  const macKey = kdfa(hash, seed, 'INTEGRITY', new Uint8Array(0), size * 8);
  const mac = new Uint8Array(createHmac(hash, macKey).update(identity).update(akName).digest());
  return {
    credentialBlob: createWriter().tpm2b(createWriter().tpm2b(mac).bytes(identity).finish()).finish(),
    encryptedSecret: createWriter().tpm2b(encrypted).finish(),
  };
}

function sized(random: RandomSource): RandomSource {
  return (purpose, size) => {
    const bytes = random(purpose, size);
    if (bytes.length > size || bytes.length < (purpose === 'seed' ? 16 : size)) {
      refuse(
        'bad-argument',
        `The random source gave ${bytes.length} bytes for the ${purpose} where ${size} were asked for.`,
      );
    }
    return bytes;
  };
}

function endorsementKey(ek: KeyObject | Uint8Array | PublicArea): EndorsementKey {
  const key = readKey(ek);
  checkKeyStrength(key.numbers, 'The endorsement key');
  return key;
}

function readKey(ek: KeyObject | Uint8Array | PublicArea): EndorsementKey {
  if (ek instanceof KeyObject) return profiled(parseSpki(exportSpki(ek)));
  // A SubjectPublicKeyInfo begins with SEQUENCE (30), a TPMT_PUBLIC with the high byte of its type (00).
  if (ek instanceof Uint8Array) return ek[0] === 0x30 ? profiled(parseSpki(ek)) : readKey(parsePublic(ek));
  const { name: hash, size } = strongHashOf(ek.nameAlg);
  const { alg, keyBits, mode } = ek.symmetric;
  if (alg !== ALG.AES || mode !== ALG.CFB || (keyBits !== 128 && keyBits !== 256)) {
    return refuse('unsupported-algorithm', 'The endorsement key does not protect with AES-128 or AES-256 in CFB mode.');
  }
  if (!hasAttributes(ek, IN_ITS_TPM) || hasAttributes(ek, ATTRIBUTE.SIGN))
    refuse('wrong-attributes', 'This is no endorsement key: those are restricted decryption keys fixed to their TPM.');
  return { numbers: keyNumbersOf(ek), protection: { hash, size, keyBits } };
}

function profiled(numbers: KeyNumbers): EndorsementKey {
  if (numbers.type === 'ecc' && numbers.curve === CURVE.P521) return { numbers, protection: SHA512_AES256 };
  const small = numbers.type === 'rsa' ? bitLength(numbers.modulus) <= 2048 : numbers.curve === CURVE.P256;
  return { numbers, protection: small ? SHA256_AES128 : SHA384_AES256 };
}

type Rsa = KeyNumbers & { type: 'rsa' };
type Ecc = KeyNumbers & { type: 'ecc' };
type Protected = { seed: Uint8Array; encrypted: Uint8Array };

/** Part 1 annex B.4: RSAES-OAEP with the EK's name algorithm for label and mask, label IDENTITY with its NUL. */
function protectRsa(key: Rsa, { hash, size }: Protection, random: RandomSource): Protected {
  const seed = random('seed', size);
  const length = key.modulus.length;
  const block = new Uint8Array(length - size - 1);
  block.set(digest(hash, IDENTITY));
  block[block.length - seed.length - 1] = 1;
  block.set(seed, block.length - seed.length);
  const oaepSeed = random('oaep', size);
  const maskedBlock = xor(block, mgf1(hash, oaepSeed, block.length));
  const maskedSeed = xor(oaepSeed, mgf1(hash, maskedBlock, size));
  const encoded = concat(new Uint8Array(1), maskedSeed, maskedBlock);
  const encrypted = publicEncrypt({ key: keyObjectOf(key), padding: constants.RSA_NO_PADDING }, encoded);
  return { seed, encrypted: new Uint8Array(encrypted) };
}

/** Part 1 annex C.6.1: one-pass ECDH with an ephemeral key on the EK's curve, then KDFe. */
function protectEcc(key: Ecc, { hash, size }: Protection, random: RandomSource): Protected {
  const width = curveSize(key.curve);
  const ecdh = createECDH(CURVE_NAMES[key.curve] ?? 'secp384r1');
  const point = encodeSpki(key).subarray(-1 - 2 * width);
  drawScalar(ecdh, () => {
    const scalar = random('ephemeral', width).slice();
    // The order of P-521 has one bit in its first byte: the other seven would make almost every scalar too large.
    if (key.curve === CURVE.P521) scalar[0] = (scalar[0] ?? 0) & 1;
    return scalar;
  });
  const ephemeral = new Uint8Array(ecdh.getPublicKey());
  const x = ephemeral.subarray(1, 1 + width);
  const z = padTo(new Uint8Array(ecdh.computeSecret(point)), width, 'weak-key', 'The shared secret');
  const seed = kdfe(hash, z, x, point.subarray(1, 1 + width), size);
  return {
    seed,
    encrypted: createWriter()
      .tpm2b(x)
      .tpm2b(ephemeral.subarray(1 + width))
      .finish(),
  };
}

/** Few scalars (one in 2^32 on P-256) are zero or above the order of the group: then it is drawn again (FIPS 186-5 appendix A.2.2). */
function drawScalar(ecdh: ReturnType<typeof createECDH>, draw: () => Uint8Array): void {
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const scalar = draw();
    try {
      ecdh.setPrivateKey(scalar);
      return;
    } catch {
      // Out of range: nothing else makes it fail.
    }
  }
  refuse('bad-argument', 'The random source gave no scalar below the order of the curve in four draws.');
}

function mgf1(hash: HashName, seed: Uint8Array, length: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let have = 0, i = 0; have < length; i += 1) {
    const block = digest(hash, seed, createWriter().u32(i).finish());
    blocks.push(block);
    have += block.length;
  }
  return concat(...blocks).subarray(0, length);
}

/** Part 1 section 11.4.10.2 (SP 800-108 in counter mode). `bits` is a multiple of 8 everywhere here. */
function kdfa(hash: HashName, key: Uint8Array, label: string, context: Uint8Array, bits: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let have = 0, i = 1; have < bits / 8; i += 1) {
    const input = createWriter().u32(i).bytes(utf8(label)).u8(0).bytes(context).u32(bits).finish();
    const block = new Uint8Array(createHmac(hash, key).update(input).digest());
    blocks.push(block);
    have += block.length;
  }
  return concat(...blocks).subarray(0, bits / 8);
}

/** Part 1 section 11.4.10.3 (SP 800-56A); one block suffices, since as many bits are asked for as the hash gives. */
function kdfe(hash: HashName, z: Uint8Array, partyU: Uint8Array, partyV: Uint8Array, size: number): Uint8Array {
  const counter = createWriter().u32(1).finish();
  return digest(hash, counter, z, IDENTITY, partyU, partyV).subarray(0, size);
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] ?? 0));
}
