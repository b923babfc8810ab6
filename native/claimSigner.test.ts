import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bindingDigest } from '../attestation/index.ts';
import { createClaimSigner, createSoftwareClaimKey } from './claimSigner.ts';
import { ecdsaFromDer, openMacClaimKey } from './macos/claimKey.ts';

const binding = {
  origin: 'https://x.example',
  challenge: new Uint8Array(32),
  grantThumbprint: 'A'.repeat(43),
  permanentIdentifier: 'C02ZX1Y2MD6T',
};
const none = new Uint8Array(0);
const keyOf = (spki: Uint8Array) => ({
  key: createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }),
  dsaEncoding: 'ieee-p1363' as const,
});

describe('a claim', () => {
  it('is signed over the binding of its own kind, with no names of TPM keys', async () => {
    const signer = createClaimSigner(createSoftwareClaimKey('file'));
    const signature = await signer.signClaim(binding);
    const key = keyOf(await signer.spki());
    expect(
      verify('sha256', bindingDigest('claim', { ...binding, akName: none, deviceKeyName: none }), key, signature),
    ).toBe(true);
    expect(
      verify('sha256', bindingDigest('certify', { ...binding, akName: none, deviceKeyName: none }), key, signature),
    ).toBe(false);
    expect(signer.protection).toBe('file');
  });

  it('signs digests that node:crypto accepts, every time and never the same', async () => {
    const key = createSoftwareClaimKey('file');
    const signatures = new Set<string>();
    for (let at = 0; at < 60; at += 1) {
      const message = Buffer.from(`message ${at % 3}`);
      const signature = await key.signDigest(createHash('sha256').update(message).digest());
      expect(verify('sha256', message, keyOf(await key.spki()), signature)).toBe(true);
      signatures.add(Buffer.from(signature).toString('hex'));
    }
    expect(signatures.size).toBe(60);
  });
});

describe('the helper of a Mac', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });

  it('says where its key lives, and its DER signatures become r and s', async () => {
    const message = Buffer.from('a request');
    const asked: string[][] = [];
    const key = await openMacClaimKey(async (args) => {
      asked.push(args);
      if (args[0] === 'public') return JSON.stringify({ protection: 'secure-enclave', spki: spki.toString('base64') });
      return JSON.stringify({ signature: sign('sha256', message, privateKey).toString('base64') });
    });
    expect(key.protection).toBe('secure-enclave');
    const digest = createHash('sha256').update(message).digest();
    const signature = await key.signDigest(digest);
    expect(verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    expect(asked).toEqual([['public'], ['sign', digest.toString('base64')]]);
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'error: -34018'],
    ['an unknown label', JSON.stringify({ protection: 'cloud', spki: 'AA==' })],
    ['a missing key', JSON.stringify({ protection: 'keychain' })],
  ])('is refused when it prints %s', async (_, output) => {
    await expect(openMacClaimKey(async () => output)).rejects.toMatchObject({ code: 'secure-enclave-unavailable' });
  });

  it('pads short numbers and refuses broken signatures', () => {
    const short = new Uint8Array([0x30, 8, 2, 1, 5, 2, 3, 0, 0x80, 1]);
    const signature = ecdsaFromDer(short);
    expect([signature[31], signature[62], signature[63]]).toEqual([5, 0x80, 1]);
    for (const broken of [none, short.subarray(0, 6), new Uint8Array([0x31, 8, 2, 1, 5, 2, 1, 1])]) {
      expect(() => ecdsaFromDer(broken)).toThrow(expect.objectContaining({ code: 'secure-enclave-unavailable' }));
    }
  });
});
