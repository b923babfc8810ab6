import { createDecipheriv, createECDH, createHmac, type KeyObject } from 'node:crypto';
import { concat, createReader, createWriter, digest } from '../../attestation/index.ts';

/** TPM2_ActivateCredential for an ECC endorsement key (TPM 2.0 Library part 1, section 24 and annex C.6.1). */
export function activate(
  privateKey: KeyObject,
  publicKey: KeyObject,
  akName: Uint8Array,
  blob: Uint8Array,
  encrypted: Uint8Array,
): Uint8Array {
  const point = createReader(createReader(encrypted, 'secret').tpm2b(), 'point');
  const [x, y] = [point.tpm2b(), point.tpm2b()];
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(Buffer.from(String(privateKey.export({ format: 'jwk' }).d), 'base64url'));
  const z = new Uint8Array(ecdh.computeSecret(concat(new Uint8Array([4]), x, y)));
  const ekX = new Uint8Array(Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url'));
  const text = (value: string) => new TextEncoder().encode(`${value}\0`);
  const counter = (value: number) => createWriter().u32(value).finish();
  const seed = digest('sha256', counter(1), z, text('IDENTITY'), x, ekX);
  const kdfa = (label: string, context: Uint8Array, bits: number) =>
    new Uint8Array(
      createHmac('sha256', seed)
        .update(concat(counter(1), text(label), context, counter(bits)))
        .digest(),
    ).subarray(0, bits / 8);
  const body = createReader(createReader(blob, 'credential').tpm2b(), 'id object');
  const mac = body.tpm2b();
  const identity = body.take(body.remaining());
  const expected = createHmac('sha256', kdfa('INTEGRITY', new Uint8Array(0), 256))
    .update(identity)
    .update(akName)
    .digest();
  if (!expected.equals(mac)) throw new Error('TPM_RC_INTEGRITY: the credential is for another key.');
  const cipher = createDecipheriv('aes-128-cfb', kdfa('STORAGE', akName, 128), new Uint8Array(16));
  return createReader(concat(cipher.update(identity), cipher.final()), 'secret').tpm2b();
}
