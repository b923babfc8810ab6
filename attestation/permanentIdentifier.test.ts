import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DER, der, derOid } from './der.ts';
import { canonicalSpki, ekUri, normalizePermanentIdentifier, parsePublic, spkiOf } from './index.ts';
import { refusal } from './testing/refusal.ts';
import { hex, vectors } from './testing/vectors.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
const spki = (key: typeof rsa): Uint8Array => new Uint8Array(key.export({ type: 'spki', format: 'der' }));
const urn = ekUri(rsa);

describe('EK URNs', () => {
  it('are SHA-256 over the SubjectPublicKeyInfo, as an independent computation says', () => {
    expect(urn).toBe(`urn:ek:sha256:${createHash('sha256').update(spki(rsa)).digest('base64')}`);
    expect(ekUri(spki(rsa))).toBe(urn);
    for (const namedCurve of ['P-256', 'P-384', 'P-521']) {
      const { publicKey } = generateKeyPairSync('ec', { namedCurve });
      expect(ekUri(publicKey)).toBe(`urn:ek:sha256:${createHash('sha256').update(spki(publicKey)).digest('base64')}`);
    }
  });

  it('are the same for the certificate and the public area of one EK', () => {
    for (const ek of vectors.eks) {
      const fromTpm = spkiOf(parsePublic(hex(ek.public)));
      expect(Buffer.from(hex(ek.certificate)).includes(Buffer.from(fromTpm))).toBe(true);
    }
  });

  it('are the same for a key under RSAES-OAEP', () => {
    const key = createPublicKey({ key: Buffer.from(spki(rsa)), format: 'der', type: 'spki' });
    const bits = der(DER.BIT_STRING, new Uint8Array(1), key.export({ type: 'pkcs1', format: 'der' }));
    const oaep = der(DER.SEQUENCE, der(DER.SEQUENCE, derOid('1.2.840.113549.1.1.7'), der(DER.SEQUENCE)), bits);
    expect(ekUri(oaep)).toBe(urn);
  });

  it('are the same for a compressed point', () => {
    for (const [namedCurve, oid] of [
      ['P-256', '1.2.840.10045.3.1.7'],
      ['P-384', '1.3.132.0.34'],
      ['P-521', '1.3.132.0.35'],
    ] as const) {
      for (let i = 0; i < 4; i += 1) {
        const { publicKey } = generateKeyPairSync('ec', { namedCurve });
        const { x, y } = publicKey.export({ format: 'jwk' });
        const odd = (Buffer.from(y ?? '', 'base64url').at(-1) ?? 0) & 1;
        const point = new Uint8Array([2 + odd, ...Buffer.from(x ?? '', 'base64url')]);
        const algorithm = der(DER.SEQUENCE, derOid('1.2.840.10045.2.1'), derOid(oid));
        const compressed = der(DER.SEQUENCE, algorithm, der(DER.BIT_STRING, new Uint8Array(1), point));
        expect(ekUri(compressed)).toBe(ekUri(publicKey));
      }
    }
  });

  it('refuse keys that are not keys', () => {
    const algorithm = der(DER.SEQUENCE, derOid('1.2.840.10045.2.1'), derOid('1.2.840.10045.3.1.7'));
    const point = (bytes: Uint8Array) => der(DER.SEQUENCE, algorithm, der(DER.BIT_STRING, new Uint8Array(1), bytes));
    // P-256 has no point with X = 2; a coordinate above the field is none either.
    for (const x of [new Uint8Array(32).fill(0xff), Uint8Array.from({ length: 32 }, (_, i) => (i === 31 ? 2 : 0))]) {
      expect(refusal(() => canonicalSpki(point(new Uint8Array([2, ...x]))))).toBe('certificate-malformed');
    }
    expect(refusal(() => canonicalSpki(point(new Uint8Array([4, 1, 2]))))).toBe('certificate-malformed');
    const explicit = der(DER.SEQUENCE, derOid('1.2.840.10045.2.1'), der(DER.SEQUENCE));
    expect(refusal(() => canonicalSpki(der(DER.SEQUENCE, explicit, der(DER.BIT_STRING, new Uint8Array(2)))))).toBe(
      'unsupported-algorithm',
    );
    const unknownCurve = der(DER.SEQUENCE, derOid('1.2.840.10045.2.1'), derOid('1.3.132.0.10'));
    expect(refusal(() => canonicalSpki(der(DER.SEQUENCE, unknownCurve, der(DER.BIT_STRING, new Uint8Array(2)))))).toBe(
      'unsupported-algorithm',
    );
    const ed25519 = generateKeyPairSync('ed25519').publicKey;
    expect(refusal(() => ekUri(ed25519))).toBe('unsupported-algorithm');
    expect(refusal(() => ekUri(new Uint8Array(0)))).toBe('certificate-malformed');
    expect(refusal(() => ekUri(new Uint8Array([...spki(rsa), 0])))).toBe('certificate-malformed');
  });
});

describe('permanent identifiers', () => {
  const raw = Buffer.from(urn.slice('urn:ek:sha256:'.length), 'base64');
  it.each([
    ['canonical', urn],
    ['percent-encoded', encodeURIComponent(urn)],
    ['partly percent-encoded', urn.replaceAll('+', '%2B').replaceAll('/', '%2f').replaceAll('=', '%3D')],
    ['URL-safe', `urn:ek:sha256:${raw.toString('base64url')}`],
    ['unpadded', urn.replace('=', '')],
    ['bare', urn.replace('urn:ek:', '')],
    ['hexadecimal', raw.toString('hex')],
    ['with a prefix in capitals', urn.replace('urn:ek:sha256:', 'URN:EK:SHA256:')],
    ['between spaces', ` ${urn}\n`],
  ])('are accepted %s', (_, text) => {
    expect(normalizePermanentIdentifier(text)).toBe(urn);
  });

  it.each([
    ['empty', ''],
    ['a serial number', 'C02XG0FDH7JY'],
    ['of another hash', urn.replace('sha256', 'sha1')],
    ['too short', urn.slice(0, -3)],
    ['too long', `${urn}AAAA`],
    ['endless', 'u'.repeat(10_000)],
    ['with characters outside base64', urn.replace(/.=$/, '*=')],
    ['with broken percent-encoding', `${urn}%`],
    ['with a line inside', `${urn.slice(0, 30)}\n${urn.slice(30)}`],
    ['without prefix', raw.toString('base64')],
  ])('are refused %s', (_, text) => {
    expect(refusal(() => normalizePermanentIdentifier(text))).toBe('identifier-malformed');
  });

  it('are refused when bits that do not count are set: two texts would name one device', () => {
    const text = `urn:ek:sha256:${'A'.repeat(42)}B=`;
    expect(refusal(() => normalizePermanentIdentifier(text))).toBe('identifier-malformed');
  });

  it('keep their case, and normalize to themselves', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const canonical = `urn:ek:sha256:${Buffer.from(bytes).toString('base64')}`;
        expect(normalizePermanentIdentifier(canonical)).toBe(canonical);
        expect(normalizePermanentIdentifier(encodeURIComponent(canonical))).toBe(canonical);
      }),
    );
  });
});
