import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { utf8 } from '../bytes.ts';
import { parseCertificate } from '../certificate.ts';
import { DER, der, derOid } from '../der.ts';
import {
  createAttestationCa,
  createTrustStore,
  DEFAULT_PCR_SELECTION,
  digest,
  issueAkCertificate,
  readAttestationKey,
  readCertifiedKey,
  verifyAkCertificate,
  verifyAppleStatement,
  verifyAttestationKey,
  verifyCertify,
  verifyEkCertificate,
  verifyQuote,
} from '../index.ts';
import { AT, CA_EXTENSIONS, certificate, extension, newKey, usageExtension, vendorChain } from './certificates.ts';
import type { Target } from './fuzzTargets.ts';
import { akParameters, attestBytes, CREATION_DATA, DEVICE_ATTRIBUTES, eccKey, rsaKey, softSign } from './softTpm.ts';

const ECDSA_SHA256 = der(DER.SEQUENCE, derOid('1.2.840.10045.4.3.2'));

/** A certificate around any signed part: what an authority that signs whatever it is given would issue. */
const signedAnew = (tbs: Uint8Array, key: KeyObject): Uint8Array =>
  der(DER.SEQUENCE, tbs, ECDSA_SHA256, der(DER.BIT_STRING, new Uint8Array(1), sign('sha256', tbs, key)));
const tbsOf = (bytes: Uint8Array): Uint8Array => parseCertificate(bytes, { lenient: true }).tbs.slice();

const chain = vendorChain({ leaf: { key: newKey() } });
const roots = createTrustStore({
  roots: [{ certificate: chain.root.der, vendor: 'Infineon', source: 'administrator' }],
  intermediates: [chain.intermediate.der],
});
const bareRoots = createTrustStore({
  roots: [{ certificate: chain.root.der, vendor: 'Infineon', source: 'administrator' }],
});

const apple = certificate({ subject: 'Apple Root', extensions: CA_EXTENSIONS });
const APPLE = '1.2.840.113635.100.8.';
const text = (oid: string, value: string) => extension(`${APPLE}${oid}`, utf8(value));
const appleLeaf = certificate({
  subject: 'Leaf',
  issuer: apple,
  extensions: [
    usageExtension(0xf0),
    text('9.1', 'SERIAL'),
    text('9.2', '00008103-0000000000000001'),
    text('10.1', '14.2'),
    extension(`${APPLE}11.1`, digest('sha256', utf8('T'))),
    extension(`${APPLE}13.1`, new Uint8Array([2, 1, 0])),
    text('13.2', 'Full Security'),
    extension(`${APPLE}13.3`, new Uint8Array([2, 1, 0])),
  ],
});

const ca = createAttestationCa({ name: 'Fuzz', at: AT });
const soft = eccKey();
const akCertificate = issueAkCertificate({
  issuer: ca.issuing,
  akPublic: new Uint8Array(createPublicKey(soft.privateKey).export({ type: 'spki', format: 'der' })),
  permanentIdentifier: `urn:ek:sha256:${'A'.repeat(43)}=`,
  tpm: { manufacturer: 'id:49465800', model: 'm', version: 'v' },
  at: AT,
});
const ak = readAttestationKey(soft.bytes);
const extraData = digest('sha256', utf8('nonce'));
const subject = eccKey({ attributes: DEVICE_ATTRIBUTES });
const zeros = DEFAULT_PCR_SELECTION.map(({ hash, pcrs }) => ({
  hash,
  values: pcrs.map((pcr) => ({ pcr, digest: new Uint8Array(32) })),
}));
const quoted = attestBytes({
  type: 'quote',
  extraData,
  selections: [...DEFAULT_PCR_SELECTION],
  pcrDigest: digest('sha256', new Uint8Array(256)),
});

/** Targets behind a signature: each input is signed by the right key first, so that changes reach what is checked after it. */
export const SIGNED_TARGETS: readonly Target[] = [
  {
    name: 'EK certificate, signed anew',
    run: (tbs) => verifyEkCertificate(signedAnew(tbs, chain.intermediate.key), { roots, at: AT }),
    seeds: [tbsOf(chain.leaf.der)],
  },
  {
    name: 'intermediate, signed anew',
    run: (tbs) =>
      verifyEkCertificate(chain.leaf.der, {
        roots: bareRoots,
        intermediates: [signedAnew(tbs, chain.root.key)],
        at: AT,
      }),
    seeds: [tbsOf(chain.intermediate.der)],
  },
  {
    name: 'AK certificate, signed anew',
    run: (tbs) =>
      verifyAkCertificate({
        chain: [signedAnew(tbs, ca.issuing.key), ca.issuing.certificate],
        roots: [ca.root.certificate],
        at: AT,
      }),
    seeds: [tbsOf(akCertificate)],
  },
  {
    name: 'Apple certificate, signed anew',
    run: (tbs) =>
      verifyAppleStatement([signedAnew(tbs, apple.key)], {
        expect: { serial: 'SERIAL' },
        freshness: { acmeToken: 'T' },
        roots: [apple.der],
        at: AT,
      }),
    seeds: [tbsOf(appleLeaf.der)],
  },
  {
    name: 'verifyQuote, signed anew',
    run: (attest) =>
      verifyQuote({
        akPublic: ak,
        attest,
        signature: softSign(soft, attest),
        nonce: extraData,
        selection: DEFAULT_PCR_SELECTION,
        pcrs: zeros,
      }),
    seeds: [quoted],
  },
  {
    name: 'verifyCertify, signed anew',
    run: (attest) =>
      verifyCertify({
        akPublic: ak,
        attest,
        signature: softSign(soft, attest),
        extraData,
        subjectPublic: subject.bytes,
      }),
    seeds: [attestBytes({ type: 'certify', extraData, name: subject.name })],
  },
  {
    name: 'verifyAttestationKey, signed anew',
    run: (attest) =>
      verifyAttestationKey({
        public: soft.bytes,
        creationData: CREATION_DATA,
        attest,
        signature: softSign(soft, attest),
      }),
    seeds: [akParameters(soft).attest],
  },
  {
    name: 'verifyAttestationKey, any signature',
    run: (signature) => verifyAttestationKey({ ...akParameters(soft), signature }),
    seeds: [akParameters(soft).signature],
  },
  { name: 'readAttestationKey', run: readAttestationKey, seeds: [soft.bytes, rsaKey().bytes] },
  { name: 'readCertifiedKey', run: readCertifiedKey, seeds: [subject.bytes] },
];
