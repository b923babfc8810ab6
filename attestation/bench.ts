/**
 * Verifications per second of each operation, next to what `openssl speed` reaches here for the cryptography that the operation needs.
 * A ratio of 1.0 means: nothing but the bare arithmetic. The second ratio is to node:crypto's own calls with prepared keys, measured in turns with the
 * operation. Usage: node attestation/bench.ts [--seconds N]
 */
import { spawnSync } from 'node:child_process';
import { constants, createECDH, createPublicKey, publicEncrypt, sign, verify } from 'node:crypto';
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

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '1' } } });
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
 * Processor time of one operation in seconds, as openssl counts it, and of the bare node:crypto calls that it needs. The two are measured in
 * turns and the best stretch of each counts, since others may use this machine too.
 */
function measure(operation: () => unknown, bare: () => unknown): { operation: number; bare: number } {
  const best = { operation: Number.POSITIVE_INFINITY, bare: Number.POSITIVE_INFINITY };
  for (let stretch = 0; stretch < 6; stretch += 1) {
    best.operation = Math.min(best.operation, stretchOf(operation));
    best.bare = Math.min(best.bare, stretchOf(bare));
  }
  return best;
}

function stretchOf(operation: () => unknown): number {
  for (let i = 0; i < 20; i += 1) operation();
  const start = processorMs();
  let count = 0;
  while (processorMs() - start < seconds * 100) {
    for (let i = 0; i < 10; i += 1) operation();
    count += 10;
  }
  return (processorMs() - start) / count / 1000;
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
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
const judge = (chain: typeof rsaChain) => {
  const roots = createTrustStore({
    roots: [{ certificate: chain.root.der, vendor: 'Infineon', source: 'shipped' }],
    intermediates: [chain.intermediate.der],
  });
  return () => verifyEkCertificate(chain.leaf.der, { roots, at: AT });
};
const rsa = enrolment(rsaKey());
const ecc = enrolment(eccKey());
const rsaAk = rsa.ak();
const eccAk = ecc.ak();
const judgeRsa = judge(rsaChain);
const judgeEcc = judge(eccChain);
const ca = createAttestationCa({ name: 'Bench', at: AT });
const urn = ekUri(parseEkCertificate(rsaChain.leaf.der).publicKey);
const tpm = { manufacturer: 'id:49465800', model: 'SLB', version: '1' };
const issue = () =>
  issueAkCertificate({ issuer: ca.issuing, akPublic: eccAk.spki, permanentIdentifier: urn, tpm, at: AT });
const akChain = [issue(), ca.issuing.certificate];
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
const v = (speed: { verify: number } | undefined, count: number) => (speed ? count / speed.verify : undefined);
const ecdsaSign = ecdsaSpeed ? 1 / ecdsaSpeed.sign : undefined;

const message = new Uint8Array(150);
const keys = { rsa: rsaPrivateKey(), ecc: eccKey().privateKey };
const publicKeys = { rsa: createPublicKey(keys.rsa), ecc: createPublicKey(keys.ecc) };
const signed = { rsa: sign('sha256', message, keys.rsa), ecc: sign('sha256', message, keys.ecc) };
const times = (count: number, call: () => unknown) => () => {
  for (let i = 0; i < count; i += 1) call();
};
const rsaVerify = () => verify('sha256', message, publicKeys.rsa, signed.rsa);
const eccVerify = () => verify('sha256', message, publicKeys.ecc, signed.ecc);
const eccSign = () => sign('sha256', message, keys.ecc);
const padding = { key: publicKeys.rsa, padding: constants.RSA_NO_PADDING };
const rsaEncrypt = () => publicEncrypt(padding, new Uint8Array(256));
const agreement = createECDH('prime256v1');
agreement.generateKeys();
const point = agreement.getPublicKey();
const ecdh = () => agreement.computeSecret(point);

type Row = [
  name: string,
  needs: string,
  opensslSeconds: number | undefined,
  bare: () => unknown,
  operation: () => unknown,
];
const rows: Row[] = [
  ['EK certificate, RSA chain of three', '2 RSA verify', v(rsaSpeed, 2), times(2, rsaVerify), judgeRsa],
  ['EK certificate, ECC chain of three', '2 ECDSA verify', v(ecdsaSpeed, 2), times(2, eccVerify), judgeEcc],
  ['attestation key, RSA', '1 RSA verify', v(rsaSpeed, 1), rsaVerify, rsa.ak],
  ['attestation key, ECC', '1 ECDSA verify', v(ecdsaSpeed, 1), eccVerify, ecc.ak],
  ['certify, RSA', '1 RSA verify', v(rsaSpeed, 1), rsaVerify, () => rsa.certify(rsaAk)],
  ['certify, ECC', '1 ECDSA verify', v(ecdsaSpeed, 1), eccVerify, () => ecc.certify(eccAk)],
  ['quote, RSA', '1 RSA verify', v(rsaSpeed, 1), rsaVerify, () => rsa.quote(rsaAk)],
  ['quote, ECC', '1 ECDSA verify', v(ecdsaSpeed, 1), eccVerify, () => ecc.quote(eccAk)],
  ['full enrolment, RSA', '5 RSA verify', v(rsaSpeed, 5), times(5, rsaVerify), full(judgeRsa, rsa)],
  ['full enrolment, ECC', '5 ECDSA verify', v(ecdsaSpeed, 5), times(5, eccVerify), full(judgeEcc, ecc)],
  ['makeCredential, RSA', '1 RSA encrypt', v(rsaSpeed, 1), rsaEncrypt, () => makeCredential(rsaEk)],
  ['makeCredential, ECC', '2 ECDH', ecdhSpeed && 2 / ecdhSpeed, times(2, ecdh), () => makeCredential(eccEk)],
  ['AK certificate issued', '1 ECDSA sign', ecdsaSign, eccSign, issue],
  ['AK certificate verified', '2 ECDSA verify', v(ecdsaSpeed, 2), times(2, eccVerify), judgeAk],
  ['tpm statement', '3 ECDSA verify', v(ecdsaSpeed, 3), times(3, eccVerify), judgeStatement],
];

const columns = [
  'operation'.padEnd(36),
  'per second'.padStart(11),
  'to openssl'.padStart(11),
  'to node:crypto'.padStart(15),
];
console.log(`${columns.join(' ')}  bare cryptography`);
for (const [name, needs, bareSeconds, bare, operation] of rows) {
  const measured = measure(operation, bare);
  const toOpenssl = bareSeconds === undefined ? '-' : (measured.operation / bareSeconds).toFixed(2);
  const toNode = (measured.operation / measured.bare).toFixed(2);
  const rate = (1 / measured.operation).toFixed(0);
  console.log(`${name.padEnd(36)} ${rate.padStart(11)} ${toOpenssl.padStart(11)} ${toNode.padStart(15)}  ${needs}`);
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
  return verifyAkCertificate({ chain: akChain, roots: [ca.root.certificate], at: AT });
}

function judgeStatement(): unknown {
  return verifyTpmStatement(statement, { extraData, roots: [ca.root.certificate], at: AT });
}
