import { createHash, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { encodeBase64, fingerprintOf, readCertificateFile } from './certificateFile.ts';

const DER = new Uint8Array([0x30, 0x82, 1, 0, ...randomBytes(256)]);
const pem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\r\n${Buffer.from(der)
    .toString('base64')
    .replace(/.{64}/g, '$&\r\n')}\r\n-----END CERTIFICATE-----\r\n`;
const read = (content: Uint8Array | string) => readCertificateFile(new Uint8Array(Buffer.from(content)));

it.each([
  ['DER', DER, { kind: 'certificate', der: DER }],
  ['PEM', pem(DER), { kind: 'certificate', der: DER }],
  ['PEM below what openssl prints', `subject=CN = Acme\n${pem(DER)}`, { kind: 'certificate', der: DER }],
  ['two certificates', pem(DER) + pem(DER), { kind: 'many' }],
  ['another kind of PEM', pem(DER).replaceAll('CERTIFICATE', 'PUBLIC KEY'), { kind: 'none' }],
  ['broken base64', '-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----', { kind: 'none' }],
  ['some text', 'Hello', { kind: 'none' }],
  ['nothing', '', { kind: 'none' }],
  ['too much', new Uint8Array([0x30, 0x82, ...randomBytes(16_383)]), { kind: 'large' }],
])('a file with %s', (_name, content, expected) => {
  expect(read(content)).toEqual(expected);
});

it('names and sends the bytes as the server does', async () => {
  expect(await fingerprintOf(DER)).toBe(createHash('sha256').update(DER).digest('hex'));
  expect(encodeBase64(DER)).toBe(Buffer.from(DER).toString('base64'));
});
