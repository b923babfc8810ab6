import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AK_ECC_TEMPLATE,
  AK_RSA_TEMPLATE,
  ALG,
  AttestationError,
  bindingDigest,
  CURVE,
  concat,
  createReader,
  createWriter,
  DEVICE_KEY_TEMPLATE,
  digest,
  EK_TEMPLATES,
  encodeAttest,
  encodeCreationData,
  encodePcrSelections,
  encodePublic,
  encodeSignature,
  fromHex,
  hashOf,
  objectName,
  type PublicArea,
  parseAttest,
  parseCreationData,
  parsePublic,
  parseSignature,
  SRK_TEMPLATE,
  sameBytes,
  toHex,
  zeroFilledUnique,
} from './index.ts';
import { bitLength } from './keys.ts';
import { keyNumbersOf } from './spki.ts';
import { POLICY_A, POLICY_B, POLICY_C } from './templates.ts';
import { refusal } from './testing/refusal.ts';
import { attestBytes, eccKey, rsaKey } from './testing/softTpm.ts';
import { hex, vectors } from './testing/vectors.ts';

const bytes = (max: number) => fc.uint8Array({ maxLength: max });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const hash = fc.constantFrom(ALG.SHA1, ALG.SHA256, ALG.SHA384, ALG.SHA512);
const selection = fc.record({
  hash,
  pcrs: fc.uniqueArray(fc.integer({ min: 0, max: 31 }), { maxLength: 24 }).map((pcrs) => pcrs.sort((a, b) => a - b)),
});
const selections = fc.array(selection, { maxLength: 16 });
const attestCommon = {
  qualifiedSigner: bytes(66),
  extraData: bytes(66),
  clock: fc.record({ clock: u64, resetCount: u32, restartCount: u32, safe: fc.boolean() }),
  firmwareVersion: u64,
};
const attest = fc.oneof(
  fc.record({ type: fc.constant('certify' as const), ...attestCommon, name: bytes(66), qualifiedName: bytes(66) }),
  fc.record({ type: fc.constant('quote' as const), ...attestCommon, selections, pcrDigest: bytes(64) }),
  fc.record({
    type: fc.constant('creation' as const),
    ...attestCommon,
    objectName: bytes(66),
    creationHash: bytes(64),
  }),
);
const signature = fc.oneof(
  fc.record({ alg: fc.constantFrom('rsassa' as const, 'rsapss' as const), hash: u16, signature: bytes(512) }),
  fc.record({ alg: fc.constant('ecdsa' as const), hash: u16, r: bytes(66), s: bytes(66) }),
);
const symmetric = fc.oneof(
  fc.constant({ alg: ALG.NULL }),
  fc.record({ alg: fc.constantFrom(ALG.AES, ALG.SM4), keyBits: u16, mode: u16 }),
);
const scheme = fc.oneof(
  fc.record({ alg: fc.constantFrom(ALG.NULL, ALG.RSAES) }),
  fc.record({ alg: fc.constantFrom(ALG.RSASSA, ALG.RSAPSS, ALG.OAEP, ALG.ECDSA, ALG.SM2), hash: u16 }),
  fc.record({ alg: fc.constant(ALG.ECDAA), hash: u16, count: u16 }),
);
const common = { nameAlg: u16, attributes: u32, authPolicy: bytes(64), symmetric, scheme };
const publicArea: fc.Arbitrary<PublicArea> = fc.oneof(
  fc.record({
    type: fc.constant('rsa' as const),
    ...common,
    keyBits: fc.constantFrom(2048, 3072, 4096),
    exponent: u32,
    modulus: bytes(256),
  }),
  fc.record({
    type: fc.constant('ecc' as const),
    ...common,
    curve: fc.constantFrom(CURVE.P256, CURVE.P384, CURVE.P521),
    kdf: scheme,
    x: bytes(32),
    y: bytes(32),
  }),
);

describe('TPM structures', () => {
  it('round-trip: public areas', () => {
    fc.assert(
      fc.property(publicArea, (area) => {
        expect(parsePublic(encodePublic(area))).toEqual(area);
      }),
    );
  });
  it('round-trip: attests', () => {
    fc.assert(
      fc.property(attest, (value) => {
        expect(parseAttest(encodeAttest(value))).toEqual(value);
      }),
    );
  });
  it('round-trip: signatures', () => {
    fc.assert(
      fc.property(signature, (value) => {
        expect(parseSignature(encodeSignature(value))).toEqual(value);
      }),
    );
  });
  it('round-trip: creation data', () => {
    const data = fc.record({
      selections,
      pcrDigest: bytes(64),
      locality: fc.integer({ min: 0, max: 255 }),
      parentNameAlg: u16,
      parentName: bytes(66),
      parentQualifiedName: bytes(66),
      outsideInfo: bytes(66),
    });
    fc.assert(
      fc.property(data, (value) => {
        expect(parseCreationData(encodeCreationData(value))).toEqual(value);
      }),
    );
  });
  it('re-encodes what a TPM made to the same bytes', () => {
    for (const ak of vectors.aks) {
      expect(toHex(encodePublic(parsePublic(hex(ak.public))))).toBe(ak.public);
      expect(toHex(encodeAttest(parseAttest(hex(ak.attest))))).toBe(ak.attest);
      expect(toHex(encodeSignature(parseSignature(hex(ak.signature))))).toBe(ak.signature);
      expect(toHex(encodeCreationData(parseCreationData(hex(ak.creationData))))).toBe(ak.creationData);
    }
  });
  it('reads the endorsement keys of a TPM as the templates say', () => {
    const [rsa, ecc] = vectors.eks.map((ek) => parsePublic(hex(ek.public)));
    if (rsa?.type !== 'rsa' || ecc?.type !== 'ecc') throw new Error('unexpected vectors');
    expect({ ...rsa, modulus: EK_TEMPLATES['L-1'].modulus }).toEqual(EK_TEMPLATES['L-1']);
    expect({ ...ecc, x: new Uint8Array(0), y: new Uint8Array(0) }).toEqual(EK_TEMPLATES['H-3']);
  });

  it('refuses truncated structures at every length', () => {
    const ak = vectors.aks[0];
    if (!ak) throw new Error('no vector');
    const parsers = [
      [parsePublic, ak.public],
      [parseAttest, ak.attest],
      [parseAttest, ak.quotes[0]?.attest ?? ''],
      [parseSignature, ak.signature],
      [parseCreationData, ak.creationData],
    ] as const;
    for (const [parse, text] of parsers) {
      const whole = hex(text);
      for (let size = 0; size < whole.length; size += 1)
        expect(refusal(() => parse(whole.slice(0, size)))).toBe('truncated');
    }
  });
  it('refuses padded structures', () => {
    const ak = vectors.aks[0];
    if (!ak) throw new Error('no vector');
    expect(refusal(() => parseAttest(concat(hex(ak.attest), new Uint8Array(2))))).toBe('trailing-bytes');
    expect(refusal(() => parsePublic(concat(hex(ak.public), new Uint8Array([0]))))).toBe('trailing-bytes');
  });
  it('refuses fields larger than any TPM makes', () => {
    expect(refusal(() => parseSignature(createWriter().u16(ALG.RSASSA).u16(ALG.SHA256).u16(513).finish()))).toBe(
      'too-large',
    );
    const rsa = rsaKey().area;
    if (rsa.type !== 'rsa') throw new Error('not RSA');
    expect(refusal(() => parsePublic(encodePublic({ ...rsa, keyBits: 16_384, modulus: new Uint8Array(2048) })))).toBe(
      'too-large',
    );
    expect(refusal(() => parsePublic(encodePublic({ ...rsa, modulus: new Uint8Array(257) })))).toBe('too-large');
    expect(refusal(() => parseCreationData(createWriter().u32(17).finish()))).toBe('too-large');
    expect(refusal(() => parseCreationData(createWriter().u32(1).u16(11).u8(5).finish()))).toBe('too-large');
  });
  it('refuses a clock that is neither safe nor unsafe', () => {
    const bad = attestBytes({ type: 'quote' });
    bad[4 + 2 + 2 + 2 + 16] = 2;
    expect(refusal(() => parseAttest(bad))).toBe('malformed');
  });
  it('refuses ciphers, schemes and curves that it does not know', () => {
    const { area } = eccKey();
    expect(refusal(() => parsePublic(encodePublic({ ...area, symmetric: { alg: 0x0099, keyBits: 1, mode: 1 } })))).toBe(
      'unsupported-algorithm',
    );
    expect(refusal(() => parsePublic(encodePublic({ ...area, scheme: { alg: 0x0099 } })))).toBe(
      'unsupported-algorithm',
    );
    expect(refusal(() => parsePublic(encodePublic({ ...area, curve: CURVE.SM2_P256 } as PublicArea)))).toBe(
      'unsupported-algorithm',
    );
    expect(refusal(() => objectName(encodePublic({ ...area, nameAlg: ALG.SM3_256 })))).toBe('unsupported-algorithm');
  });
  it('refuses PCRs that no TPM has', () => {
    expect(refusal(() => encodePcrSelections([{ hash: ALG.SHA256, pcrs: [32] }]))).toBe('bad-argument');
  });
  it('names an object by the hash of its public area', () => {
    const { area, bytes: raw } = eccKey();
    expect(toHex(objectName(raw))).toBe(`000b${toHex(digest('sha256', raw))}`);
    expect(objectName(area)).toEqual(objectName(raw));
  });
});

describe('templates', () => {
  it('reach PolicyB from PolicyA and PolicyC', () => {
    for (const name of ['sha256', 'sha384', 'sha512'] as const) {
      const zero = new Uint8Array(POLICY_A[name].length);
      const a = digest(name, digest(name, zero, fromHex('000001514000000b')));
      expect(toHex(a)).toBe(toHex(POLICY_A[name]));
      expect(toHex(digest(name, zero, fromHex('00000171'), POLICY_A[name], POLICY_C[name]))).toBe(
        toHex(POLICY_B[name]),
      );
    }
  });
  it('fill unique with zeros of the key size', () => {
    const rsa = zeroFilledUnique(EK_TEMPLATES['H-1']);
    const [p256, p384] = [zeroFilledUnique(EK_TEMPLATES['H-2']), zeroFilledUnique(EK_TEMPLATES['H-3'])];
    expect([rsa.modulus.length, p256.x.length, p384.y.length]).toEqual([256, 32, 48]);
  });
  it('hold what the attributes of each key must be', () => {
    expect(
      [SRK_TEMPLATE, AK_ECC_TEMPLATE, AK_RSA_TEMPLATE, DEVICE_KEY_TEMPLATE].map(({ attributes }) =>
        attributes.toString(16),
      ),
    ).toEqual(['30472', '50472', '50472', '40472']);
    for (const template of [SRK_TEMPLATE, AK_ECC_TEMPLATE, AK_RSA_TEMPLATE, DEVICE_KEY_TEMPLATE])
      expect(parsePublic(encodePublic(template))).toEqual(template);
  });
});

describe('bytes', () => {
  it('are read and written in big endian', () => {
    const written = createWriter()
      .u8(1)
      .u16(2)
      .u32(3)
      .u64(4n)
      .tpm2b(new Uint8Array([5]))
      .finish();
    const reader = createReader(written, 'Test');
    expect([reader.u8(), reader.u16(), reader.u32(), reader.u64(), ...reader.tpm2b()]).toEqual([1, 2, 3, 4n, 5]);
    expect(reader.offset()).toBe(written.length);
    reader.end();
  });
  it('refuse numbers that do not fit and text that is not hexadecimal', () => {
    for (const attempt of [
      () => createWriter().u8(256),
      () => createWriter().u16(-1),
      () => createWriter().u32(1.5),
      () => fromHex('0'),
      () => fromHex('zz'),
    ]) {
      expect(refusal(attempt)).toBe('bad-argument');
    }
  });
  it('compare and measure', () => {
    expect(sameBytes(new Uint8Array(1), new Uint8Array(2))).toBe(false);
    expect([
      bitLength(new Uint8Array(4)),
      bitLength(new Uint8Array([0, 1, 0])),
      bitLength(new Uint8Array([255])),
    ]).toEqual([0, 9, 8]);
    expect(hashOf(ALG.SHA512)).toEqual({ name: 'sha512', size: 64 });
  });
  it('share nothing with the input', () => {
    const input = createWriter()
      .tpm2b(new Uint8Array([1]))
      .finish();
    const read = createReader(input, 'Test').tpm2b();
    input.fill(0);
    expect(read).toEqual(new Uint8Array([1]));
  });
});

describe('bindings', () => {
  const binding = {
    origin: 'https://a',
    challenge: new Uint8Array([1]),
    grantThumbprint: 'x'.repeat(43),
    permanentIdentifier: 'urn:x',
    akName: new Uint8Array(0),
    deviceKeyName: new Uint8Array(0),
  };
  it('are SHA-256 over the length-prefixed sequence', () => {
    const parts = ['muster-enrol-v1', 'claim', 'https://a', '\x01', 'x'.repeat(43), 'urn:x', '', ''];
    const message = concat(
      ...parts.map((part) =>
        concat(createWriter().u32(part.length).finish(), new Uint8Array(Buffer.from(part, 'latin1'))),
      ),
    );
    expect(bindingDigest('claim', binding)).toEqual(digest('sha256', message));
  });
  it('do not run into each other when text moves between fields', () => {
    expect(bindingDigest('claim', { ...binding, origin: 'https://au', permanentIdentifier: 'rn:x' })).not.toEqual(
      bindingDigest('claim', binding),
    );
  });
  it('refuse an empty challenge and an impossible thumbprint', () => {
    expect(refusal(() => bindingDigest('claim', { ...binding, challenge: new Uint8Array(0) }))).toBe('bad-argument');
    expect(refusal(() => bindingDigest('claim', { ...binding, grantThumbprint: 'x' }))).toBe('bad-argument');
  });
});

describe('errors', () => {
  it('carry a code and a sentence', () => {
    const error = new AttestationError('truncated', 'Short.');
    expect([error.name, error.code, error.message, error instanceof Error]).toEqual([
      'AttestationError',
      'truncated',
      'Short.',
      true,
    ]);
  });
  it('arise from a public area whose numbers do not fit its curve', () => {
    const { area } = eccKey();
    expect(refusal(() => keyNumbersOf({ ...area, x: new Uint8Array(40).fill(1) } as PublicArea))).toBe('weak-key');
  });
});
