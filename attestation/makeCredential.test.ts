import {
  constants,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  privateDecrypt,
} from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  ALG,
  createReader,
  EK_TEMPLATES,
  makeCredential,
  objectName,
  parsePublic,
  type RandomSource,
  spkiOf,
  toHex,
} from './index.ts';
import { refusal } from './testing/refusal.ts';
import { eccKey, rsaKey } from './testing/softTpm.ts';
import { hex, vectors } from './testing/vectors.ts';

const SECRET = new Uint8Array(32).fill(5);
const akName = eccKey().name;

describe('credentials', () => {
  const known = vectors.aks.flatMap((ak) =>
    ak.credentials.map((credential) => [`${ak.kind} with ${credential.ek}`, ak, credential] as const),
  );
  it.each(known)('equal those that a TPM activated, byte for byte (%s)', (_, ak, credential) => {
    const ek = parsePublic(hex(vectors.eks.find(({ name }) => name === credential.ek)?.public ?? ''));
    const asked: string[] = [];
    const random: RandomSource = (purpose, size) => {
      asked.push(`${purpose} ${size}`);
      return hex(credential[purpose] ?? '');
    };
    for (const ekPublic of [ek, spkiOf(ek)]) {
      const made = makeCredential({
        ekPublic,
        akName: objectName(hex(ak.public)),
        secret: hex(credential.secret),
        random,
      });
      expect(toHex(made.credentialBlob)).toBe(credential.credentialBlob);
      expect(toHex(made.encryptedSecret)).toBe(credential.encryptedSecret);
    }
    expect(new Set(asked)).toEqual(new Set(ek.type === 'rsa' ? ['seed 32', 'oaep 32'] : ['ephemeral 48']));
  });

  it.each([
    2048, 3072, 4096,
  ])('open again with the private key of an RSA-%i EK (independent computation)', (modulusLength) => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength });
    const [hash, size, keySize] =
      modulusLength === 2048 ? (['sha256', 32, 16] as const) : (['sha384', 48, 32] as const);
    const made = makeCredential({ ekPublic: publicKey, akName, secret: SECRET });
    const encrypted = createReader(made.encryptedSecret, 'secret').tpm2b();
    const oaep = {
      key: privateKey,
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: hash,
      oaepLabel: Buffer.from('IDENTITY\0'),
    };
    const seed = privateDecrypt(oaep, encrypted);
    expect(seed.length).toBe(size);
    const kdf = (label: string, context: Uint8Array, bits: number) => {
      const head = Buffer.concat([
        Buffer.from([0, 0, 0, 1]),
        Buffer.from(`${label}\0`),
        context,
        Buffer.from([0, 0, bits >> 8, bits & 255]),
      ]);
      return createHmac(hash, seed)
        .update(head)
        .digest()
        .subarray(0, bits / 8);
    };
    const blob = createReader(createReader(made.credentialBlob, 'blob').tpm2b(), 'object');
    const mac = blob.tpm2b();
    const identity = blob.take(blob.remaining());
    const expected = createHmac(hash, kdf('INTEGRITY', Buffer.alloc(0), size * 8))
      .update(identity)
      .update(akName)
      .digest();
    expect(toHex(mac)).toBe(expected.toString('hex'));
    const open = createDecipheriv(`aes-${keySize * 8}-cfb`, kdf('STORAGE', akName, keySize * 8), Buffer.alloc(16));
    expect(Buffer.concat([open.update(identity), open.final()]).subarray(2)).toEqual(Buffer.from(SECRET));
  });

  it.each([
    ['P-256', 'sha256', 16],
    ['P-384', 'sha384', 32],
    ['P-521', 'sha512', 32],
  ] as const)('open again with the private key of an EK on %s (independent computation)', (namedCurve, hash, keySize) => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
    const width = Math.ceil(Number(namedCurve.slice(2)) / 8);
    for (let round = 0; round < 8; round += 1) {
      const made = makeCredential({ ekPublic: publicKey, akName, secret: SECRET });
      const point = createReader(createReader(made.encryptedSecret, 'secret').tpm2b(), 'point');
      const [x, y] = [point.tpm2b(), point.tpm2b()];
      expect([x.length, y.length]).toEqual([width, width]);
      const coordinate = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
      const ephemeral = createPublicKey({
        key: { kty: 'EC', crv: namedCurve, x: coordinate(x), y: coordinate(y) },
        format: 'jwk',
      });
      const z = diffieHellman({ privateKey, publicKey: ephemeral });
      const own = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
      const head = Buffer.concat([Buffer.from([0, 0, 0, 1]), z, Buffer.from('IDENTITY\0'), x, own]);
      const seed = createHash(hash).update(head).digest();
      const label = Buffer.from('\0\0\0\x01STORAGE\0');
      const bits = Buffer.from([0, 0, (keySize * 8) >> 8, (keySize * 8) & 255]);
      const key = createHmac(hash, seed).update(label).update(akName).update(bits).digest().subarray(0, keySize);
      const blob = createReader(createReader(made.credentialBlob, 'blob').tpm2b(), 'object');
      expect(blob.tpm2b()).toHaveLength(createHash(hash).digest().length);
      const open = createDecipheriv(`aes-${keySize * 8}-cfb`, key, Buffer.alloc(16));
      const identity = Buffer.concat([open.update(blob.take(blob.remaining())), open.final()]);
      expect(identity.subarray(2)).toEqual(Buffer.from(SECRET));
    }
  });

  it('take the EK as key object, SubjectPublicKeyInfo, TPMT_PUBLIC bytes and parsed area', () => {
    const ek = vectors.eks[0];
    if (!ek) throw new Error('no vector');
    const area = parsePublic(hex(ek.public));
    const random: RandomSource = (_, size) => new Uint8Array(size).fill(1);
    const forms = [
      area,
      hex(ek.public),
      spkiOf(area),
      createPublicKey({ key: Buffer.from(spkiOf(area)), format: 'der', type: 'spki' }),
    ];
    const blobs = forms.map((ekPublic) =>
      toHex(makeCredential({ ekPublic, akName, secret: SECRET, random }).encryptedSecret),
    );
    expect(new Set(blobs).size).toBe(1);
  });

  it('take a seed of 16 bytes from the random source as it is', () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const made = makeCredential({
      ekPublic: publicKey,
      akName,
      secret: SECRET,
      random: (purpose, size) => new Uint8Array(purpose === 'seed' ? 16 : size).fill(3),
    });
    const oaep = {
      key: privateKey,
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: 'sha256',
      oaepLabel: Buffer.from('IDENTITY\0'),
    };
    expect(privateDecrypt(oaep, made.encryptedSecret.slice(2))).toEqual(Buffer.alloc(16, 3));
  });

  it('differ each time', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const [a, b] = [1, 2].map(() =>
      toHex(makeCredential({ ekPublic: publicKey, akName, secret: SECRET }).credentialBlob),
    );
    expect(a).not.toBe(b);
  });

  it('are refused for secrets of a size that no TPM takes', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (const size of [0, 33])
      expect(refusal(() => makeCredential({ ekPublic: publicKey, akName, secret: new Uint8Array(size) }))).toBe(
        'bad-argument',
      );
  });

  it('are refused for a Name that is no Name, or one made with SHA-1', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(refusal(() => makeCredential({ ekPublic: publicKey, akName: akName.slice(0, 33), secret: SECRET }))).toBe(
      'bad-argument',
    );
    expect(refusal(() => makeCredential({ ekPublic: publicKey, akName: new Uint8Array(2), secret: SECRET }))).toBe(
      'unsupported-algorithm',
    );
    const sha1 = new Uint8Array(22);
    sha1[1] = ALG.SHA1;
    expect(refusal(() => makeCredential({ ekPublic: publicKey, akName: sha1, secret: SECRET }))).toBe('weak-algorithm');
  });

  it('are refused for EKs that are too weak, or without AES-CFB', () => {
    expect(refusal(() => makeCredential({ ekPublic: rsaKey({}, 1024).area, akName, secret: SECRET }))).toBe(
      'unsupported-algorithm',
    );
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
    expect(refusal(() => makeCredential({ ekPublic: weak, akName, secret: SECRET }))).toBe('weak-key');
    const sm4 = { ...EK_TEMPLATES['L-1'], symmetric: { alg: ALG.SM4, keyBits: 128, mode: ALG.CFB } };
    expect(refusal(() => makeCredential({ ekPublic: sm4, akName, secret: SECRET }))).toBe('unsupported-algorithm');
    const sha1 = { ...EK_TEMPLATES['L-1'], nameAlg: ALG.SHA1 };
    expect(refusal(() => makeCredential({ ekPublic: sha1, akName, secret: SECRET }))).toBe('weak-algorithm');
  });

  it('are refused for an EK that is not a point of its curve', () => {
    const { area } = eccKey();
    if (area.type !== 'ecc') throw new Error('not ECC');
    const ek = { ...EK_TEMPLATES['L-2'], x: area.x, y: area.x };
    expect(refusal(() => makeCredential({ ekPublic: ek, akName, secret: SECRET }))).toBe('weak-key');
  });

  it('are refused when the random source gives too few bytes or an impossible scalar', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (const random of [
      () => new Uint8Array(15),
      () => new Uint8Array(33),
      (_: string, size: number) => new Uint8Array(size),
    ]) {
      expect(refusal(() => makeCredential({ ekPublic: publicKey, akName, secret: SECRET, random }))).toBe(
        'bad-argument',
      );
    }
  });
});
