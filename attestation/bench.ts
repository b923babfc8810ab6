/**
 * Verifications per second of each operation, next to the cryptography that it needs: what `openssl speed` reaches here; node:crypto's own calls
 * with prepared keys; and the same with the import of those keys that are new each time (an attestation key, an intermediate that the device sent)
 * and the hashes that name a key or bind data to what was signed.
 * A ratio of 1.0 means: nothing but the bare arithmetic. Usage: node attestation/bench.ts [--seconds N] [--only TEXT]
 */
import { spawnSync } from 'node:child_process';
import { constants, createECDH, createPublicKey, hash, type KeyObject, publicEncrypt, sign, verify } from 'node:crypto';
import { parseArgs } from 'node:util';
import {
  createAttestationCa,
  createTrustStore,
  DEFAULT_PCR_SELECTION,
  digest,
  ekUri,
  encodeCbor,
  issueAkCertificate,
  makeCredential,
  parseEkCertificate,
  prepareRoots,
  verifyAkCertificate,
  verifyAttestationKey,
  verifyCertify,
  verifyEkCertificate,
  verifyQuote,
  verifyTpmStatement,
} from './index.ts';
import { spkiOf } from './spki.ts';
import { AT, CA_EXTENSIONS, rsaPrivateKey, vendorChain } from './testing/certificates.ts';
import {
  akParameters,
  attestBytes,
  DEVICE_ATTRIBUTES,
  eccKey,
  rsaKey,
  type SoftKey,
  softSign,
} from './testing/softTpm.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '1' }, only: { type: 'string', default: '' } },
});
const seconds = Number(values.seconds);

/** Operations per second of `openssl speed -mr`; undefined where openssl is absent. */
function openssl(algorithm: string): { sign: number; verify: number } | undefined {
  const run = spawnSync('openssl', ['speed', '-mr', '-seconds', String(Math.max(1, Math.round(seconds))), algorithm], {
    encoding: 'utf8',
  });
  const fields = /^\+F[24]:.*$/m.exec(run.stdout ?? '')?.[0].split(':');
  if (!fields) return undefined;
  return { sign: perSecond(fields[3]), verify: perSecond(fields[4]) };
}

/** OpenSSL 3 prints some algorithms as operations per second and others as seconds per operation. */
function perSecond(field: string | undefined): number {
  const value = Number(field);
  return value > 1 ? value : 1 / value;
}

/**
 * Seconds of one operation, of the bare node:crypto calls that it needs with prepared keys, and of the same with the keys imported that are new each time.
 * Measured in turns of a few milliseconds; the best turn of each counts, since others may use this machine too.
 */
function measure(...calls: readonly (() => unknown)[]): number[] {
  const best = calls.map(() => Number.POSITIVE_INFINITY);
  const end = performance.now() + seconds * 1_000 * calls.length;
  while (performance.now() < end) {
    for (const [i, call] of calls.entries()) best[i] = Math.min(best[i] ?? 0, turnOf(call));
  }
  return best;
}

function turnOf(call: () => unknown): number {
  const start = performance.now();
  let count = 0;
  let now = start;
  for (; now - start < 4; now = performance.now()) {
    call();
    count += 1;
  }
  return (now - start) / count / 1_000;
}

const extraData = digest('sha256', new Uint8Array([1]));
const values8 = DEFAULT_PCR_SELECTION.map(({ hash, pcrs }) => ({
  hash,
  values: pcrs.map((pcr) => ({ pcr, digest: new Uint8Array(32) })),
}));
const pcrDigest = digest('sha256', ...Array.from({ length: 8 }, () => new Uint8Array(32)));

function enrolment(ak: SoftKey) {
  const subject = eccKey({ attributes: DEVICE_ATTRIBUTES });
  const certify = attestBytes({ type: 'certify', extraData, name: subject.name });
  const quote = attestBytes({ type: 'quote', extraData, selections: [...DEFAULT_PCR_SELECTION], pcrDigest });
  const signatures = { certify: softSign(ak, certify), quote: softSign(ak, quote) };
  const parameters = akParameters(ak);
  return {
    ak: () => verifyAttestationKey(parameters),
    certify: (akPublic: Parameters<typeof verifyCertify>[0]['akPublic']) =>
      verifyCertify({
        akPublic,
        subjectPublic: subject.bytes,
        extraData,
        attest: certify,
        signature: signatures.certify,
      }),
    quote: (akPublic: Parameters<typeof verifyQuote>[0]['akPublic']) =>
      verifyQuote({
        akPublic,
        nonce: extraData,
        attest: quote,
        signature: signatures.quote,
        selection: DEFAULT_PCR_SELECTION,
        pcrs: values8,
      }),
  };
}

const rsaAuthority = { key: rsaPrivateKey(), extensions: CA_EXTENSIONS };
const rsaChain = vendorChain({ root: rsaAuthority, intermediate: rsaAuthority });
const eccChain = vendorChain({});
/** With the vendor's intermediate in the store, as the shipped ones are, or sent by the device, as Intel's are: then nothing about it can be remembered. */
const judge = (chain: typeof rsaChain, from: 'store' | 'device') => {
  const roots = createTrustStore({
    roots: [{ certificate: chain.root.der, vendor: 'Infineon', source: 'shipped' }],
    intermediates: from === 'store' ? [chain.intermediate.der] : [],
  });
  const intermediates = from === 'store' ? [] : [chain.intermediate.der];
  return () => verifyEkCertificate(chain.leaf.der, { roots, intermediates, at: AT });
};
const rsa = enrolment(rsaKey());
const ecc = enrolment(eccKey());
const rsaAk = rsa.ak();
const eccAk = ecc.ak();
const rsaFromStore = judge(rsaChain, 'store');
const rsaFromDevice = judge(rsaChain, 'device');
const eccFromStore = judge(eccChain, 'store');
const eccFromDevice = judge(eccChain, 'device');
const ca = createAttestationCa({ name: 'Bench', at: AT });
const urn = ekUri(parseEkCertificate(rsaChain.leaf.der).publicKey);
const tpm = { manufacturer: 'id:49465800', model: 'SLB', version: '1' };
const issue = () =>
  issueAkCertificate({ issuer: ca.issuing, akPublic: eccAk.spki, permanentIdentifier: urn, tpm, at: AT });
const akChain = [issue(), ca.issuing.certificate];
const akRoots = prepareRoots([ca.root.certificate], [ca.issuing.certificate]);
const device = eccKey({ attributes: DEVICE_ATTRIBUTES });
const info = attestBytes({ type: 'certify', extraData, name: device.name });
const members = new Map<string, Parameters<typeof encodeCbor>[0]>([
  ['ver', '2.0'],
  ['alg', -7],
  ['x5c', akChain],
  ['sig', softSign(eccKey(), info)],
  ['certInfo', info],
  ['pubArea', device.bytes],
]);
const statement = encodeCbor(
  new Map<string, Parameters<typeof encodeCbor>[0]>([
    ['fmt', 'tpm'],
    ['attStmt', members],
  ]),
);
const eccEk = { ekPublic: spkiOf(eccKey().area), akName: eccAk.name, secret: new Uint8Array(32) };
const rsaEk = { ...eccEk, ekPublic: spkiOf(rsaKey().area) };

const rsaSpeed = openssl('rsa2048');
const ecdsaSpeed = openssl('ecdsap256');
const ecdhSpeed = (() => {
  const run = spawnSync('openssl', ['speed', '-mr', '-seconds', '1', 'ecdhp256'], { encoding: 'utf8' });
  const fields = /^\+F5:.*$/m.exec(run.stdout ?? '')?.[0].split(':');
  return fields ? perSecond(fields[3]) : undefined;
})();

const message = new Uint8Array(150);
const keys = { rsa: rsaPrivateKey(), ecc: eccKey().privateKey };
const publicKeys = { rsa: createPublicKey(keys.rsa), ecc: createPublicKey(keys.ecc) };
const signed = { rsa: sign('sha256', message, keys.rsa), ecc: sign('sha256', message, keys.ecc) };
const pem = {
  rsa: publicKeys.rsa.export({ type: 'pkcs1', format: 'pem' }),
  ecc: publicKeys.ecc.export({ type: 'spki', format: 'pem' }),
};
/**
 * `old` verifications with prepared keys; for each number of `fresh`, a key is imported by the cheapest way there is and then verifies so often. `hashes`
 * of SHA-256: one each for the identifier of an EK, the Name of a key, the creation data, the PCR values.
 */
const verifications = (kind: 'rsa' | 'ecc', old: number, hashes: number, fresh: readonly number[] = []) => {
  const check = (key: KeyObject, count: number) => {
    for (let i = 0; i < count; i += 1) verify('sha256', message, key, signed[kind]);
  };
  const total = fresh.reduce((sum, count) => sum + count, old);
  const speed = kind === 'rsa' ? rsaSpeed : ecdsaSpeed;
  return {
    needs: [
      `${total} ${kind === 'rsa' ? 'RSA' : 'ECDSA'} verify`,
      ...(fresh.length > 0 ? [`${fresh.length} new key`] : []),
      ...(hashes > 0 ? [`${hashes} hash`] : []),
    ].join(', '),
    openssl: speed && total / speed.verify,
    prepared: () => check(publicKeys[kind], total),
    asNeeded: () => {
      check(publicKeys[kind], old);
      for (const count of fresh) check(createPublicKey(pem[kind]), count);
      for (let i = 0; i < hashes; i += 1) hash('sha256', message, 'hex');
    },
  };
};
const eccSign = () => sign('sha256', message, keys.ecc);
const padding = { key: publicKeys.rsa, padding: constants.RSA_NO_PADDING };
const rsaEncrypt = () => publicEncrypt(padding, new Uint8Array(256));
const agreement = createECDH('prime256v1');
agreement.generateKeys();
const point = agreement.getPublicKey();
const twoEcdh = () => [agreement.computeSecret(point), agreement.computeSecret(point)];

type Bare = { needs: string; openssl: number | undefined; prepared: () => unknown; asNeeded: () => unknown };
const alike = (needs: string, seconds: number | undefined, call: () => unknown): Bare => ({
  needs,
  openssl: seconds,
  prepared: call,
  asNeeded: call,
});
const encryption: Bare = {
  needs: '1 RSA encrypt, 1 new key',
  openssl: rsaSpeed && 1 / rsaSpeed.verify,
  prepared: rsaEncrypt,
  asNeeded: () => publicEncrypt({ ...padding, key: createPublicKey(pem.rsa) }, new Uint8Array(256)),
};
const rows: [name: string, bare: Bare, operation: () => unknown][] = [
  ['EK chain of three, RSA', verifications('rsa', 1, 1), rsaFromStore],
  ['EK chain of three, RSA, intermediate sent', verifications('rsa', 1, 1, [1]), rsaFromDevice],
  ['EK chain of three, ECC', verifications('ecc', 1, 1), eccFromStore],
  ['EK chain of three, ECC, intermediate sent', verifications('ecc', 1, 1, [1]), eccFromDevice],
  ['attestation key, RSA', verifications('rsa', 0, 2, [1]), rsa.ak],
  ['attestation key, ECC', verifications('ecc', 0, 2, [1]), ecc.ak],
  ['certify, RSA', verifications('rsa', 1, 1), () => rsa.certify(rsaAk)],
  ['certify, ECC', verifications('ecc', 1, 1), () => ecc.certify(eccAk)],
  ['quote, RSA', verifications('rsa', 1, 1), () => rsa.quote(rsaAk)],
  ['quote, ECC', verifications('ecc', 1, 1), () => ecc.quote(eccAk)],
  ['full enrolment, RSA', verifications('rsa', 1, 5, [3]), full(rsaFromStore, rsa)],
  ['full enrolment, RSA, intermediate sent', verifications('rsa', 1, 5, [1, 3]), full(rsaFromDevice, rsa)],
  ['full enrolment, ECC', verifications('ecc', 1, 5, [3]), full(eccFromStore, ecc)],
  ['full enrolment, ECC, intermediate sent', verifications('ecc', 1, 5, [1, 3]), full(eccFromDevice, ecc)],
  ['makeCredential, RSA', encryption, () => makeCredential(rsaEk)],
  ['makeCredential, ECC', alike('2 ECDH', ecdhSpeed && 2 / ecdhSpeed, twoEcdh), () => makeCredential(eccEk)],
  ['AK certificate issued', alike('1 ECDSA sign', ecdsaSpeed && 1 / ecdsaSpeed.sign, eccSign), issue],
  ['AK certificate verified', verifications('ecc', 1, 0), judgeAk],
  ['tpm statement', verifications('ecc', 1, 1, [1]), judgeStatement],
];

const columns = ['to openssl', 'to node:crypto', 'as needed'].map((column) => column.padStart(15)).join('');
console.log(`${'operation'.padEnd(40)} per second${columns}  bare cryptography`);
for (const [name, bare, operation] of rows.filter(([name]) => name.includes(values.only))) {
  const [took = 0, prepared = 0, asNeeded = 0] = measure(operation, bare.prepared, bare.asNeeded);
  const ratios = [bare.openssl, prepared, asNeeded].map((seconds) => (seconds ? (took / seconds).toFixed(2) : '-'));
  const cells = ratios.map((ratio) => ratio.padStart(15)).join('');
  console.log(`${name.padEnd(40)} ${(1 / took).toFixed(0).padStart(10)}${cells}  ${bare.needs}`);
}
if (!rsaSpeed) console.log('openssl is absent: no ratios to it.');

function full(chain: () => unknown, parts: ReturnType<typeof enrolment>): () => void {
  return () => {
    chain();
    const ak = parts.ak();
    parts.certify(ak);
    parts.quote(ak);
  };
}

function judgeAk(): unknown {
  return verifyAkCertificate({ chain: akChain, roots: akRoots, at: AT });
}

function judgeStatement(): unknown {
  return verifyTpmStatement(statement, { extraData, roots: akRoots, at: AT });
}
