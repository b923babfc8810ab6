import { describe, expect, it } from 'vitest';
import { readAttestationKey } from './attestationKey.ts';
import { ALG, ATTRIBUTE, concat, encodePublic, objectName, parsePublic, toHex, verifyAttestationKey } from './index.ts';
import { refusal } from './testing/refusal.ts';
import {
  AK_ATTRIBUTES,
  akParameters,
  attestBytes,
  CREATION_DATA,
  eccKey,
  rsaKey,
  softKey,
  softSign,
} from './testing/softTpm.ts';
import { hex, vectors } from './testing/vectors.ts';

const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

describe('attestation keys', () => {
  it.each(vectors.aks.map((ak) => [ak.kind, ak] as const))('accepts a key made by a TPM (%s)', (_, ak) => {
    const verified = verifyAttestationKey({
      public: hex(ak.public),
      creationData: hex(ak.creationData),
      attest: hex(ak.attest),
      signature: hex(ak.signature),
    });
    expect(toHex(verified.name)).toBe(toHex(objectName(hex(ak.public))));
    expect(verified.creationData.parentNameAlg).toBe(ALG.SHA256);
  });

  it('accepts every scheme that an attestation key may have', () => {
    for (const key of [
      eccKey(),
      eccKey({}, 'P-384'),
      eccKey({}, 'P-521'),
      rsaKey(),
      rsaKey({ scheme: { alg: ALG.RSAPSS, hash: ALG.SHA384 } }),
    ]) {
      expect(verifyAttestationKey(akParameters(key)).name).toEqual(key.name);
    }
  });

  it('accepts a Windows key, which carries a policy and adminWithPolicy', () => {
    const key = rsaKey({
      attributes: AK_ATTRIBUTES | ATTRIBUTE.ADMIN_WITH_POLICY,
      authPolicy: new Uint8Array(32).fill(7),
    });
    expect(verifyAttestationKey(akParameters(key)).name).toEqual(key.name);
  });

  it('accepts coordinates whose leading zeros the TPM stripped', () => {
    for (;;) {
      const { area, privateKey } = eccKey({}, 'P-256', true);
      if (area.type !== 'ecc' || area.x[0] !== 0) continue;
      const key = softKey({ ...area, x: area.x.slice(1) }, privateKey);
      expect(verifyAttestationKey(akParameters(key)).spki).toHaveLength(91);
      return;
    }
  });

  it.each([
    ['an unrestricted key', ATTRIBUTE.RESTRICTED],
    ['a key that cannot sign', ATTRIBUTE.SIGN],
    ['a key not fixed to its TPM', ATTRIBUTE.FIXED_TPM],
    ['a key not fixed to its parent', ATTRIBUTE.FIXED_PARENT],
    ['an imported key', ATTRIBUTE.SENSITIVE_DATA_ORIGIN],
  ])('refuses %s as attestation key', (_, bit) => {
    expect(refusal(() => verifyAttestationKey(akParameters(eccKey({ attributes: AK_ATTRIBUTES & ~bit }))))).toBe(
      'wrong-attributes',
    );
  });

  it.each([
    ['decrypt', ATTRIBUTE.DECRYPT],
    ['encryptedDuplication', ATTRIBUTE.ENCRYPTED_DUPLICATION],
  ])('refuses an attestation key with the attribute %s', (_, bit) => {
    expect(refusal(() => verifyAttestationKey(akParameters(eccKey({ attributes: AK_ATTRIBUTES | bit }))))).toBe(
      'wrong-attributes',
    );
  });

  it('refuses an attestation key with a symmetric cipher', () => {
    const key = eccKey({ symmetric: { alg: ALG.AES, keyBits: 128, mode: ALG.CFB } });
    expect(refusal(() => verifyAttestationKey(akParameters(key)))).toBe('wrong-attributes');
  });

  it('refuses an attestation key without a scheme of its own', () => {
    const { area, bytes } = eccKey({ scheme: { alg: ALG.NULL } });
    expect(refusal(() => readAttestationKey(bytes))).toBe('wrong-scheme');
    expect(area.scheme.alg).toBe(ALG.NULL);
  });

  it('refuses an attestation key with a scheme of another key type', () => {
    expect(refusal(() => readAttestationKey(eccKey({ scheme: { alg: ALG.RSASSA, hash: ALG.SHA256 } }).bytes))).toBe(
      'wrong-scheme',
    );
    expect(refusal(() => readAttestationKey(rsaKey({ scheme: { alg: ALG.OAEP, hash: ALG.SHA256 } }).bytes))).toBe(
      'wrong-scheme',
    );
  });

  it('refuses an attestation key whose name is made with SHA-1', () => {
    expect(refusal(() => verifyAttestationKey(akParameters(eccKey({ nameAlg: ALG.SHA1 }))))).toBe('weak-algorithm');
  });

  it('refuses an attestation key that signs with SHA-1', () => {
    expect(
      refusal(() => verifyAttestationKey(akParameters(rsaKey({ scheme: { alg: ALG.RSASSA, hash: ALG.SHA1 } })))),
    ).toBe('weak-algorithm');
  });

  it('refuses an RSA attestation key of 1024 bits', () => {
    expect(refusal(() => verifyAttestationKey(akParameters(rsaKey({}, 1024))))).toBe('weak-key');
  });

  it('refuses an RSA key with a small or even exponent', () => {
    for (const exponent of [3, 65538])
      expect(refusal(() => readAttestationKey(rsaKey({ exponent }).bytes))).toBe('weak-key');
  });

  it('refuses an RSA key whose modulus is shorter than it says', () => {
    const { area } = rsaKey();
    if (area.type !== 'rsa') throw new Error('not RSA');
    expect(refusal(() => readAttestationKey(encodePublic({ ...area, keyBits: 3072 })))).toBe('weak-key');
  });

  it('refuses an RSA modulus padded with leading zeros', () => {
    const { area } = rsaKey();
    if (area.type !== 'rsa') throw new Error('not RSA');
    const modulus = concat(new Uint8Array(128), area.modulus.slice(128));
    expect(refusal(() => readAttestationKey(encodePublic({ ...area, modulus })))).toBe('weak-key');
  });

  it('refuses a point that is not on its curve', () => {
    const { area } = eccKey();
    if (area.type !== 'ecc') throw new Error('not ECC');
    expect(refusal(() => readAttestationKey(encodePublic({ ...area, x: flip(area.x, 5) })))).toBe('weak-key');
  });

  it('refuses games with userWithAuth: the name no longer fits', () => {
    const key = eccKey();
    const changed = encodePublic({ ...key.area, attributes: key.area.attributes & ~ATTRIBUTE.USER_WITH_AUTH });
    expect(refusal(() => verifyAttestationKey({ ...akParameters(key), public: changed }))).toBe('wrong-name');
  });

  it('refuses a creation attestation about another key', () => {
    const forged = akParameters(eccKey(), { objectName: eccKey({}, 'P-256', true).name });
    expect(refusal(() => verifyAttestationKey(forged))).toBe('wrong-name');
  });

  it('refuses a name made with another hash than the key declares', () => {
    const key = eccKey();
    const name = objectName(encodePublic({ ...key.area, nameAlg: ALG.SHA384 }));
    expect(refusal(() => verifyAttestationKey(akParameters(key, { objectName: name })))).toBe('wrong-name');
  });

  it('refuses changed creation data', () => {
    const changed = { ...akParameters(eccKey()), creationData: flip(CREATION_DATA, 6) };
    expect(refusal(() => verifyAttestationKey(changed))).toBe('wrong-creation-hash');
  });

  it('refuses a creation hash made with another hash', () => {
    const wrong = akParameters(eccKey(), { creationHash: new Uint8Array(48).fill(1) });
    expect(refusal(() => verifyAttestationKey(wrong))).toBe('wrong-creation-hash');
  });

  it('refuses a certification passed off as creation attestation', () => {
    const key = eccKey();
    const attest = attestBytes({ type: 'certify', name: key.name, qualifiedName: key.name });
    const forged = { ...akParameters(key), attest, signature: softSign(key, attest) };
    expect(refusal(() => verifyAttestationKey(forged))).toBe('wrong-type');
  });

  it('refuses a creation attestation that another key signed', () => {
    const key = eccKey();
    const { attest } = akParameters(key);
    const signature = softSign(eccKey({}, 'P-256', true), attest);
    expect(refusal(() => verifyAttestationKey({ ...akParameters(key), signature }))).toBe('bad-signature');
  });

  it('refuses a changed creation attestation', () => {
    const parameters = akParameters(rsaKey());
    const attest = flip(parameters.attest, 20);
    expect(['bad-signature', 'malformed']).toContain(refusal(() => verifyAttestationKey({ ...parameters, attest })));
  });

  it('refuses every part of a real enrolment with one byte more or less', () => {
    const ak = vectors.aks[0];
    if (!ak) throw new Error('no vector');
    const real = {
      public: hex(ak.public),
      creationData: hex(ak.creationData),
      attest: hex(ak.attest),
      signature: hex(ak.signature),
    };
    for (const part of ['public', 'creationData', 'attest', 'signature'] as const) {
      expect(refusal(() => verifyAttestationKey({ ...real, [part]: concat(real[part], new Uint8Array(1)) }))).toBe(
        'trailing-bytes',
      );
      expect(refusal(() => verifyAttestationKey({ ...real, [part]: real[part].slice(0, -1) }))).toBe('truncated');
    }
  });

  it('refuses an HMAC key or sealed data in place of a key', () => {
    const bytes = parsePublic(eccKey().bytes) && eccKey().bytes.slice();
    bytes[1] = ALG.KEYEDHASH;
    expect(refusal(() => readAttestationKey(bytes))).toBe('unsupported-algorithm');
  });
});
