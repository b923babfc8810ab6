import { describe, expect, it } from 'vitest';
import {
  ALG,
  ATTRIBUTE,
  type Attest,
  bindingDigest,
  concat,
  DEFAULT_PCR_SELECTION,
  digest,
  encodeSignature,
  type PcrBank,
  parseSignature,
  verifyAttestationKey,
  verifyCertify,
  verifyQuote,
} from './index.ts';
import { fromBigInt, toBigInt } from './spki.ts';
import { refusal } from './testing/refusal.ts';
import {
  AK_ATTRIBUTES,
  akParameters,
  attestBytes,
  DEVICE_ATTRIBUTES,
  eccKey,
  rawSign,
  rsaKey,
  type SoftKey,
  softSign,
} from './testing/softTpm.ts';
import { banksOf, hex, vectors } from './testing/vectors.ts';

const EXTRA = new Uint8Array(32).fill(9);
const N_P256 = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

function certification(options: { ak?: SoftKey; subject?: SoftKey; attest?: Partial<Attest> } = {}) {
  const ak = options.ak ?? eccKey();
  const subject = options.subject ?? eccKey({ attributes: DEVICE_ATTRIBUTES }, 'P-256', true);
  const attest = attestBytes({
    type: 'certify',
    extraData: EXTRA,
    name: subject.name,
    ...options.attest,
  } as Partial<Attest> & { type: 'certify' });
  return {
    akPublic: ak.bytes,
    subjectPublic: subject.bytes,
    attest,
    signature: softSign(ak, attest),
    extraData: EXTRA,
  };
}

const BANK: PcrBank = {
  hash: ALG.SHA256,
  values: [0, 1, 2, 3, 4, 5, 6, 7].map((pcr) => ({ pcr, digest: new Uint8Array(32).fill(pcr) })),
};
const DIGEST = digest('sha256', ...BANK.values.map((value) => value.digest));

function quotation(options: { ak?: SoftKey; attest?: Partial<Attest>; pcrs?: PcrBank[] } = {}) {
  const ak = options.ak ?? eccKey();
  const body = {
    type: 'quote',
    extraData: EXTRA,
    selections: DEFAULT_PCR_SELECTION,
    pcrDigest: DIGEST,
    ...options.attest,
  };
  const attest = attestBytes(body as Partial<Attest> & { type: 'quote' });
  const pcrs = options.pcrs ?? [BANK];
  return {
    akPublic: ak.bytes,
    attest,
    signature: softSign(ak, attest),
    nonce: EXTRA,
    selection: DEFAULT_PCR_SELECTION,
    pcrs,
  };
}

describe('certifications', () => {
  it.each(vectors.aks.map((ak) => [ak.kind, ak] as const))('accepts one made by a TPM (%s)', (_, ak) => {
    const { subjectPublic, attest, signature, extraData } = ak.certify;
    const parameters = {
      subjectPublic: hex(subjectPublic),
      attest: hex(attest),
      signature: hex(signature),
      extraData: hex(extraData),
    };
    expect(verifyCertify({ ...parameters, akPublic: hex(ak.public) }).attest.type).toBe('certify');
    const verified = verifyAttestationKey({
      public: hex(ak.public),
      creationData: hex(ak.creationData),
      attest: hex(ak.attest),
      signature: hex(ak.signature),
    });
    expect(verifyCertify({ ...parameters, akPublic: verified }).spki.length).toBeGreaterThan(90);
  });

  it('accepts a device key without a scheme, and an RSA one', () => {
    const free = eccKey({ attributes: DEVICE_ATTRIBUTES, scheme: { alg: ALG.NULL } });
    expect(verifyCertify(certification({ subject: free })).name).toEqual(free.name);
    const rsa = rsaKey({ attributes: DEVICE_ATTRIBUTES });
    expect(verifyCertify(certification({ subject: rsa, ak: rsaKey() })).name).toEqual(rsa.name);
  });

  it('refuses a forged certification signed by an unrestricted key of the TPM', () => {
    expect(refusal(() => verifyCertify(certification({ ak: eccKey({ attributes: DEVICE_ATTRIBUTES }) })))).toBe(
      'wrong-attributes',
    );
  });

  it('refuses a structure that does not begin with the TPM magic', () => {
    const made = certification();
    const attest = made.attest.map((byte, i) => (i === 0 ? 0xfe : byte));
    expect(refusal(() => verifyCertify({ ...made, attest, signature: softSign(eccKey(), attest) }))).toBe(
      'wrong-magic',
    );
  });

  it('refuses a quote or a creation attestation as certification', () => {
    const { attest, signature } = quotation();
    expect(refusal(() => verifyCertify({ ...certification(), attest, signature }))).toBe('wrong-type');
    const creation = akParameters(eccKey());
    expect(
      refusal(() => verifyCertify({ ...certification(), attest: creation.attest, signature: creation.signature })),
    ).toBe('wrong-type');
  });

  it('refuses types of attestation that nobody asked for', () => {
    const made = certification();
    const attest = made.attest.map((byte, i) => (i === 5 ? 0x14 : byte));
    expect(refusal(() => verifyCertify({ ...made, attest, signature: softSign(eccKey(), attest) }))).toBe('wrong-type');
  });

  it('refuses a stale or foreign challenge in a certification', () => {
    expect(refusal(() => verifyCertify({ ...certification(), extraData: new Uint8Array(32) }))).toBe(
      'wrong-extra-data',
    );
    expect(refusal(() => verifyCertify(certification({ attest: { extraData: EXTRA.slice(1) } })))).toBe(
      'wrong-extra-data',
    );
  });

  it('refuses to check a certification against nothing', () => {
    const made = certification({ attest: { extraData: new Uint8Array(0) } });
    expect(refusal(() => verifyCertify({ ...made, extraData: new Uint8Array(0) }))).toBe('bad-argument');
  });

  it('refuses a certification replayed for another server, grant, device or kind', () => {
    const binding = {
      origin: 'https://inventory.example',
      challenge: new Uint8Array(32).fill(3),
      grantThumbprint: 'A'.repeat(43),
      permanentIdentifier: `urn:ek:sha256:${'A'.repeat(43)}=`,
      akName: eccKey().name,
      deviceKeyName: eccKey().name,
    };
    const signed = bindingDigest('certify', binding);
    const made = certification({ attest: { extraData: signed } });
    expect(verifyCertify({ ...made, extraData: signed }).attest.extraData).toEqual(signed);
    const others = [
      bindingDigest('quote', binding),
      bindingDigest('certify', { ...binding, origin: 'https://inventory.example.evil' }),
      bindingDigest('certify', { ...binding, challenge: new Uint8Array(32) }),
      bindingDigest('certify', { ...binding, grantThumbprint: 'B'.repeat(43) }),
      bindingDigest('certify', { ...binding, permanentIdentifier: `urn:ek:sha256:${'B'.repeat(43)}=` }),
      bindingDigest('certify', { ...binding, akName: new Uint8Array(34) }),
      bindingDigest('certify', { ...binding, deviceKeyName: new Uint8Array(34) }),
    ];
    for (const extraData of others)
      expect(refusal(() => verifyCertify({ ...made, extraData }))).toBe('wrong-extra-data');
  });

  it('refuses a public area that is not the certified one', () => {
    const other = eccKey({ attributes: DEVICE_ATTRIBUTES }, 'P-256', true);
    expect(refusal(() => verifyCertify({ ...certification(), subjectPublic: other.bytes }))).toBe('wrong-name');
  });

  it('refuses a certified name made with the wrong hash', () => {
    const subject = eccKey({ attributes: DEVICE_ATTRIBUTES });
    const name = concat(new Uint8Array([0, ALG.SHA1]), subject.name.slice(2, 22));
    expect(refusal(() => verifyCertify(certification({ subject, attest: { name } })))).toBe('wrong-name');
  });

  it.each([
    ['is restricted', AK_ATTRIBUTES],
    ['can be duplicated', DEVICE_ATTRIBUTES & ~ATTRIBUTE.FIXED_PARENT],
    ['is not fixed to the TPM', DEVICE_ATTRIBUTES & ~ATTRIBUTE.FIXED_TPM],
    ['was imported', DEVICE_ATTRIBUTES & ~ATTRIBUTE.SENSITIVE_DATA_ORIGIN],
    ['cannot sign', DEVICE_ATTRIBUTES & ~ATTRIBUTE.SIGN],
    ['is meant for duplication', DEVICE_ATTRIBUTES | ATTRIBUTE.ENCRYPTED_DUPLICATION],
  ])('refuses a device key that %s', (_, attributes) => {
    expect(refusal(() => verifyCertify(certification({ subject: eccKey({ attributes }) })))).toBe('wrong-attributes');
  });

  it('refuses a device key of SHA-1 name, of SHA-1 scheme, or too small', () => {
    const attributes = DEVICE_ATTRIBUTES;
    expect(refusal(() => verifyCertify(certification({ subject: eccKey({ attributes, nameAlg: ALG.SHA1 }) })))).toBe(
      'weak-algorithm',
    );
    const scheme = { alg: ALG.ECDSA, hash: ALG.SHA1 };
    expect(refusal(() => verifyCertify(certification({ subject: eccKey({ attributes, scheme }) })))).toBe(
      'weak-algorithm',
    );
    expect(refusal(() => verifyCertify(certification({ subject: rsaKey({ attributes }, 1024) })))).toBe('weak-key');
  });

  it('refuses a signature by another key', () => {
    const made = certification();
    expect(refusal(() => verifyCertify({ ...made, akPublic: eccKey({}, 'P-256', true).bytes }))).toBe('bad-signature');
  });

  it('refuses algorithm confusion: another scheme, hash or key type than the key declares', () => {
    const ak = rsaKey();
    const made = certification({ ak });
    const pss = softSign(ak, made.attest, { alg: ALG.RSAPSS, hash: ALG.SHA256 });
    expect(refusal(() => verifyCertify({ ...made, signature: pss }))).toBe('wrong-scheme');
    const other = softSign(ak, made.attest, { alg: ALG.RSASSA, hash: ALG.SHA512 });
    expect(refusal(() => verifyCertify({ ...made, signature: other }))).toBe('wrong-scheme');
    expect(refusal(() => verifyCertify({ ...made, signature: softSign(eccKey(), made.attest) }))).toBe('wrong-scheme');
  });

  it('refuses an RSA signature of another length than the modulus', () => {
    const ak = rsaKey();
    const made = certification({ ak });
    const raw = rawSign(ak, made.attest);
    if (raw.alg === 'ecdsa') throw new Error('not RSA');
    for (const signature of [concat(new Uint8Array(1), raw.signature), raw.signature.slice(1), new Uint8Array(0)]) {
      expect(refusal(() => verifyCertify({ ...made, signature: encodeSignature({ ...raw, signature }) }))).toBe(
        'bad-signature',
      );
    }
  });

  it('refuses an RSA signature at or above the modulus', () => {
    const ak = rsaKey();
    const made = certification({ ak });
    const raw = rawSign(ak, made.attest);
    if (raw.alg === 'ecdsa') throw new Error('not RSA');
    expect(
      refusal(() =>
        verifyCertify({ ...made, signature: encodeSignature({ ...raw, signature: new Uint8Array(256).fill(0xff) }) }),
      ),
    ).toBe('bad-signature');
  });

  it('refuses malleable ECDSA values: zero, the order added, longer than the field', () => {
    const made = certification();
    const raw = parseSignature(made.signature);
    if (raw.alg !== 'ecdsa') throw new Error('not ECDSA');
    const bad = [
      { ...raw, r: new Uint8Array(32) },
      { ...raw, s: new Uint8Array(0) },
      { ...raw, s: fromBigInt(N_P256, 32) },
      { ...raw, r: concat(new Uint8Array(1), raw.r) },
      { ...raw, r: fromBigInt(toBigInt(raw.r) + N_P256, 33) },
    ];
    for (const signature of bad)
      expect(refusal(() => verifyCertify({ ...made, signature: encodeSignature(signature) }))).toBe('bad-signature');
  });

  it('refuses a signature of an algorithm that it does not know', () => {
    expect(refusal(() => verifyCertify({ ...certification(), signature: new Uint8Array([0, 5, 0, 11, 0, 0]) }))).toBe(
      'unsupported-algorithm',
    );
  });
});

describe('quotes', () => {
  it.each(
    vectors.aks.flatMap((ak) => ak.quotes.map((quote) => [`${ak.kind}, ${quote.name}`, ak, quote] as const)),
  )('accepts one made by a TPM (%s)', (_, ak, quote) => {
    const { attest } = verifyQuote({
      akPublic: hex(ak.public),
      attest: hex(quote.attest),
      signature: hex(quote.signature),
      nonce: hex(quote.nonce),
      selection: quote.selection,
      pcrs: banksOf(quote.pcrs),
    });
    expect(attest.clock.safe).toBe(true);
  });

  it('refuses a forged quote signed by an unrestricted key of the TPM', () => {
    expect(refusal(() => verifyQuote(quotation({ ak: eccKey({ attributes: DEVICE_ATTRIBUTES }) })))).toBe(
      'wrong-attributes',
    );
  });

  it('refuses a stale nonce in a quote', () => {
    expect(verifyQuote(quotation()).attest.type).toBe('quote');
    expect(refusal(() => verifyQuote({ ...quotation(), nonce: new Uint8Array(32) }))).toBe('wrong-extra-data');
    expect(refusal(() => verifyQuote({ ...quotation(), nonce: new Uint8Array(0) }))).toBe('bad-argument');
  });

  it('refuses a certification in place of a quote', () => {
    const { attest, signature } = certification();
    expect(refusal(() => verifyQuote({ ...quotation(), attest, signature }))).toBe('wrong-type');
  });

  it('refuses a quote of other PCRs or banks than were asked for', () => {
    const fewer = [{ hash: ALG.SHA256, pcrs: [0, 1] }];
    expect(refusal(() => verifyQuote(quotation({ attest: { selections: fewer } })))).toBe('wrong-pcr-selection');
    const bank = [{ hash: ALG.SHA1, pcrs: [0, 1, 2, 3, 4, 5, 6, 7] }];
    expect(refusal(() => verifyQuote(quotation({ attest: { selections: bank } })))).toBe('wrong-pcr-selection');
    expect(refusal(() => verifyQuote(quotation({ attest: { selections: [] } })))).toBe('wrong-pcr-selection');
  });

  it('refuses PCR values that do not give the quoted digest', () => {
    const changed = {
      ...BANK,
      values: BANK.values.map((value) => (value.pcr === 7 ? { pcr: 7, digest: new Uint8Array(32) } : value)),
    };
    expect(refusal(() => verifyQuote(quotation({ pcrs: [changed] })))).toBe('wrong-pcr-digest');
  });

  it('refuses PCR values that are missing, twice, too many, of another bank or too short', () => {
    const [first, ...rest] = BANK.values;
    if (!first) throw new Error('empty bank');
    const wrong: PcrBank[][] = [
      [],
      [BANK, { hash: ALG.SHA1, values: [] }],
      [{ ...BANK, values: rest }],
      [{ ...BANK, values: [...BANK.values, { pcr: 8, digest: new Uint8Array(32) }] }],
      [{ ...BANK, values: [...rest, { pcr: 1, digest: first.digest }] }],
      [{ ...BANK, hash: ALG.SHA384 }],
      [{ ...BANK, values: [{ pcr: 0, digest: new Uint8Array(20) }, ...rest] }],
    ];
    for (const pcrs of wrong) expect(refusal(() => verifyQuote(quotation({ pcrs })))).toBe('wrong-pcr-selection');
  });

  it('refuses the digest of another hash than the signature uses', () => {
    const pcrDigest = digest('sha384', ...BANK.values.map((value) => value.digest));
    expect(refusal(() => verifyQuote(quotation({ attest: { pcrDigest } })))).toBe('wrong-pcr-digest');
  });

  it('refuses a quote that another key signed', () => {
    const made = quotation();
    expect(refusal(() => verifyQuote({ ...made, akPublic: eccKey({}, 'P-256', true).bytes }))).toBe('bad-signature');
  });
});
