import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificateSpki, certificatesInNv } from './ekCertificate.ts';

const tlv = (tag: number, ...parts: Uint8Array[]): Uint8Array => {
  const content = Buffer.concat(parts);
  const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
  return new Uint8Array([tag, ...length, ...content]);
};
const none = new Uint8Array(0);

/** The outline of a certificate around a real key. */
function certificate(spki: Uint8Array, version = true): Uint8Array {
  const name = tlv(0x30, tlv(0x31, none));
  const tbs = tlv(
    0x30,
    ...(version ? [tlv(0xa0, tlv(0x02, new Uint8Array([2])))] : []),
    tlv(0x02, new Uint8Array([7])),
    tlv(0x30, none),
    name,
    tlv(0x30, none),
    name,
    spki,
  );
  return tlv(0x30, tbs, tlv(0x30, none), tlv(0x03, new Uint8Array(40)));
}
const spkiOf = () =>
  new Uint8Array(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'der' }));

describe('certificates in NV', () => {
  const spki = spkiOf();
  const one = certificate(spki);

  it('are cut at their own length, whatever pads the area', () => {
    for (const padding of [none, new Uint8Array(100), new Uint8Array(100).fill(0xff)]) {
      expect(certificatesInNv(new Uint8Array([...one, ...padding]))).toEqual([one]);
    }
  });

  it('lose the header of TCG', () => {
    const header = [0x10, 0x01, 0x00, one.length >> 8, one.length & 0xff];
    expect(certificatesInNv(new Uint8Array([...header, ...one, 0xff, 0xff]))).toEqual([one]);
  });

  it('may be several in a row', () => {
    const two = certificate(spki, false);
    expect(certificatesInNv(new Uint8Array([...one, ...two, 0, 0]))).toEqual([one, two]);
  });

  it('are none in an area without one', () => {
    for (const area of [
      none,
      new Uint8Array(64),
      new Uint8Array(64).fill(0xff),
      one.subarray(0, 60),
      new Uint8Array([0x30, 0x80, 1, 2]),
    ]) {
      expect(certificatesInNv(area)).toEqual([]);
    }
  });

  it('give their key in canonical form', () => {
    expect(certificateSpki(one)).toEqual(spki);
    expect(certificateSpki(certificate(spki, false))).toEqual(spki);
  });

  it('give no key where the way to it is broken, and never throw', () => {
    for (let length = 0; length < one.length; length += 7)
      expect(certificateSpki(one.subarray(0, length))).toBeUndefined();
    const sm2 = tlv(
      0x30,
      tlv(0x30, tlv(0x06, new Uint8Array([0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x82, 0x2d]))),
      tlv(0x03, new Uint8Array(66)),
    );
    expect(certificateSpki(certificate(sm2))).toBeUndefined();
  });
});
