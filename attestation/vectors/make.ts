/**
 * Makes vectors/tpm.json with swtpm and tpm2-tools: EKs with certificates, attestation keys of several kinds with their creation attestations,
 * certifications, quotes over several banks, and credentials that the TPM activated.
 * Usage: node attestation/vectors/make.ts
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { type AkKind, AK_KINDS, activate, certify, createAk, createDeviceKey, createParent, quote, readEk, SWTPM_EKS, swtpmAuthority } from '../testing/tpmMaterial.ts';
import { startSwtpm, type Swtpm } from '../testing/swtpm.ts';
import { ALG, DEFAULT_PCR_SELECTION, makeCredential, type PcrBank, objectName, parsePublic, toHex } from '../index.ts';

const bytes = (label: string, size: number): Uint8Array => {
  const blocks = [0, 1, 2].map((i) => createHash('sha256').update(`${label} ${i}`).digest());
  return new Uint8Array(Buffer.concat(blocks)).slice(0, size);
};
const hex = (record: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, value instanceof Uint8Array ? toHex(value) : value]));
const banks = (pcrs: readonly PcrBank[]) =>
  pcrs.map(({ hash, values }) => ({ hash, values: values.map(({ pcr, digest }) => ({ pcr, digest: toHex(digest) })) }));

const SELECTIONS = {
  default: DEFAULT_PCR_SELECTION,
  'sha1 and sha256': [
    { hash: ALG.SHA1, pcrs: [0, 1, 7] },
    { hash: ALG.SHA256, pcrs: [0, 2, 16, 23] },
  ],
  sha384: [{ hash: ALG.SHA384, pcrs: [7] }],
};

async function akVectors(tpm: Swtpm, kind: AkKind, index: number) {
  const ak = await createAk(tpm, kind, 0x81010020 + index);
  const deviceHandle = 0x81010030 + index;
  const subjectPublic = await createDeviceKey(tpm, index % 2 === 0 ? 'ecc256:ecdsa-sha256:null' : 'rsa2048:rsassa-sha256:null', deviceHandle);
  const extraData = bytes(`certify ${kind}`, 32);
  const certification = await certify(tpm, deviceHandle, ak.handle, extraData);
  const quotes = [];
  for (const [name, selection] of Object.entries(SELECTIONS)) {
    const nonce = bytes(`quote ${kind} ${name}`, 32);
    const made = await quote(tpm, ak.handle, nonce, selection);
    quotes.push({ name, selection, ...hex({ nonce, attest: made.attest, signature: made.signature }), pcrs: banks(made.pcrs) });
  }
  const { handle, ...material } = ak;
  const credentials = [];
  for (const [ekName, ek] of Object.entries(SWTPM_EKS)) {
    const secret = bytes(`secret ${kind} ${ekName}`, 32);
    const random = (purpose: string, size: number) => bytes(`${purpose} ${kind} ${ekName}`, size);
    const ekPublic = (await readEk(tpm, ek)).public;
    const made = makeCredential({ ekPublic: parsePublic(ekPublic), akName: objectName(ak.public), secret, random });
    const activated = await activate(tpm, ek.handle, handle, made.credentialBlob, made.encryptedSecret);
    if (toHex(activated) !== toHex(secret)) throw new Error(`The TPM did not activate the credential for ${ekName}.`);
    const fixed = ekName.startsWith('rsa') ? { seed: random('seed', 32), oaep: random('oaep', 32) } : { ephemeral: random('ephemeral', 48) };
    credentials.push({ ek: ekName, ...hex({ secret, ...fixed, ...made }) });
  }
  return { kind, ...hex(material), certify: hex({ subjectPublic, extraData, ...certification }), quotes, credentials };
}

const tpm = await startSwtpm();
try {
  for (const pcr of [0, 1, 2, 3, 4, 5, 6, 7, 16, 23]) {
    const digests = ['sha1', 'sha256', 'sha384', 'sha512'].map((hash) => `${hash}=${createHash(hash).update(`event ${pcr}`).digest('hex')}`);
    await tpm.tool('tpm2_pcrextend', `${pcr}:${digests.join(',')}`);
  }
  await createParent(tpm);
  const eks = [];
  for (const [name, ek] of Object.entries(SWTPM_EKS)) eks.push({ name, ...hex(await readEk(tpm, ek)) });
  const aks = [];
  for (const [index, kind] of (Object.keys(AK_KINDS) as AkKind[]).entries()) aks.push(await akVectors(tpm, kind, index));
  const versions = { swtpm: (await tpm.tool('swtpm', '--version')).split(',')[0], tools: (await tpm.tool('tpm2_getcap', '--version')).trim() };
  const vectors = { madeBy: 'attestation/vectors/make.ts', madeAt: new Date().toISOString(), versions, authority: hex(swtpmAuthority(tpm)), eks, aks };
  writeFileSync(new URL('tpm.json', import.meta.url), `${JSON.stringify(vectors, null, 1)}\n`);
} finally {
  await tpm.stop();
}
