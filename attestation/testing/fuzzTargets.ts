import { encodeCbor } from '../cbor.ts';
import {
  alternativeNamesOf,
  basicConstraintsOf,
  extendedKeyUsageOf,
  keyIdentifiersOf,
  keyUsageOf,
} from '../extensions.ts';
import {
  AttestationError,
  createAttestationCa,
  decodeCbor,
  ekUri,
  issueAkCertificate,
  makeCredential,
  normalizePermanentIdentifier,
  parseAttest,
  parseCertificate,
  parseCreationData,
  parseEkCertificate,
  parseEventLog,
  parsePublic,
  parseRevocationList,
  parseSignature,
  splitCertificates,
  verifyAppleStatement,
  verifyEkCertificate,
  verifyEventLog,
  verifyTpmStatement,
} from '../index.ts';
import { spkiOf } from '../spki.ts';
import { AT, vendorChain } from './certificates.ts';
import { sampleLog } from './eventLogs.ts';
import { revocationList, revokedEntry } from './revocationLists.ts';
import { eccKey } from './softTpm.ts';
import { hex, vectors } from './vectors.ts';

/** A parser, and inputs that are worth changing. It may refuse with its own error, and nothing else may happen. */
export type Target = { name: string; run: (input: Uint8Array) => unknown; seeds: readonly Uint8Array[] };

const chain = vendorChain();
const ca = createAttestationCa({ name: 'Fuzz', at: AT });
const urn = ekUri(spkiOf(eccKey().area));
const akCertificate = issueAkCertificate({
  issuer: ca.issuing,
  akPublic: spkiOf(eccKey().area),
  permanentIdentifier: urn,
  tpm: { manufacturer: 'id:1', model: 'm', version: 'v' },
  at: AT,
});
const [ak, other] = vectors.aks;
if (!ak || !other) throw new Error('The vectors are empty.');
const statement = (format: string) =>
  encodeCbor(
    new Map<string, Parameters<typeof encodeCbor>[0]>([
      ['fmt', format],
      [
        'attStmt',
        new Map<string, Parameters<typeof encodeCbor>[0]>([
          ['ver', '2.0'],
          ['alg', -7],
          ['x5c', [akCertificate, ca.issuing.certificate]],
          ['sig', hex(ak.certify.signature)],
          ['certInfo', hex(ak.certify.attest)],
          ['pubArea', hex(ak.certify.subjectPublic)],
        ]),
      ],
    ]),
  );

export const TARGETS: readonly Target[] = [
  {
    name: 'parsePublic',
    run: parsePublic,
    seeds: [...vectors.eks.map((ek) => hex(ek.public)), ...vectors.aks.map(({ public: area }) => hex(area))],
  },
  {
    name: 'parseAttest',
    run: parseAttest,
    seeds: [ak.attest, ak.certify.attest, ...ak.quotes.map(({ attest }) => attest)].map(hex),
  },
  { name: 'parseSignature', run: parseSignature, seeds: vectors.aks.map(({ signature }) => hex(signature)) },
  {
    name: 'parseCreationData',
    run: parseCreationData,
    seeds: vectors.aks.map(({ creationData }) => hex(creationData)),
  },
  { name: 'decodeCbor', run: decodeCbor, seeds: [statement('tpm'), statement('apple')] },
  {
    name: 'parseEkCertificate',
    run: parseEkCertificate,
    seeds: [chain.leaf.der, ...vectors.eks.map((ek) => hex(ek.certificate))],
  },
  {
    name: 'splitCertificates',
    run: (input) => splitCertificates(input),
    seeds: [new Uint8Array([...chain.leaf.der, ...chain.root.der, 0xff])],
  },
  {
    name: 'parseCertificate and its extensions',
    run: (input) => {
      const certificate = parseCertificate(input, { lenient: true });
      return [basicConstraintsOf, keyUsageOf, extendedKeyUsageOf, keyIdentifiersOf, alternativeNamesOf].map((read) =>
        read(certificate),
      );
    },
    seeds: [chain.leaf.der, chain.root.der, akCertificate, ca.issuing.certificate],
  },
  {
    name: 'verifyEkCertificate',
    run: (input) =>
      verifyEkCertificate(input, {
        roots: [{ certificate: chain.root.der, vendor: 'Infineon', source: 'administrator' }],
        intermediates: [chain.intermediate.der],
        at: AT,
      }),
    seeds: [chain.leaf.der],
  },
  {
    name: 'parseRevocationList',
    run: parseRevocationList,
    seeds: [revocationList({ issuer: chain.root, entries: [revokedEntry([1]), revokedEntry([2, 3])] })],
  },
  { name: 'parseEventLog', run: parseEventLog, seeds: [sampleLog()] },
  {
    name: 'verifyEventLog',
    run: (input) => verifyEventLog(input, [{ hash: 11, values: [{ pcr: 7, digest: new Uint8Array(32) }] }]),
    seeds: [sampleLog()],
  },
  {
    name: 'verifyTpmStatement',
    run: (input) =>
      verifyTpmStatement(input, { extraData: hex(ak.certify.extraData), roots: [ca.root.certificate], at: AT }),
    seeds: [statement('tpm')],
  },
  {
    name: 'verifyAppleStatement',
    run: (input) =>
      verifyAppleStatement(input, {
        expect: { serial: 'X' },
        freshness: { acmeToken: 'T' },
        roots: [ca.root.certificate],
        at: AT,
      }),
    seeds: [statement('apple')],
  },
  {
    name: 'makeCredential',
    run: (input) => makeCredential({ ekPublic: input, akName: eccKey().name, secret: new Uint8Array(32) }),
    seeds: [...vectors.eks.map((ek) => hex(ek.public)), spkiOf(eccKey().area)],
  },
  {
    name: 'normalizePermanentIdentifier',
    run: (input) => normalizePermanentIdentifier(Buffer.from(input).toString('utf8')),
    seeds: [new Uint8Array(Buffer.from(urn)), new Uint8Array(Buffer.from(encodeURIComponent(urn)))],
  },
];

/** Runs a target; says what went wrong besides an orderly refusal. `reach` is the code of the refusal, or `ok`. */
export function probe(target: Target, input: Uint8Array): { reach: string; flaw?: string } {
  const before = Buffer.from(input);
  let reach = 'ok';
  try {
    target.run(input);
  } catch (error) {
    if (!(error instanceof AttestationError))
      return { reach: 'crash', flaw: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    reach = `${error.code} ${error.message.replace(/0x[0-9a-f]+|\d+/g, '#').slice(0, 60)}`;
  }
  return Buffer.compare(before, Buffer.from(input)) === 0 ? { reach } : { reach, flaw: 'The input was changed.' };
}
