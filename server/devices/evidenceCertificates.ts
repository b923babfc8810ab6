import { createHash } from 'node:crypto';
import { AttestationError, alternativeNamesOf, describeName, parseCertificate } from '../../attestation/index.ts';
import type { EvidenceCertificate } from '../../contract/index.ts';
import type { EvidenceRow } from '../store/schema.ts';

type Stored = {
  endorsement?: { ekCertificates?: unknown } | null;
  received?: { akChain?: unknown } | null;
  /** Of an alias: the certificate that its activation gave. */
  chain?: unknown;
  path?: unknown;
};

/** The certificates that one attestation was judged by, leaf first in each chain. What cannot be read is left to the bytes themselves. */
export function certificatesOf(row: Pick<EvidenceRow, 'bytes'>): EvidenceCertificate[] {
  const stored = JSON.parse(row.bytes) as Stored;
  const chains = [
    ['endorsement-key', stored.endorsement?.ekCertificates],
    ['attestation-key', stored.received?.akChain ?? stored.chain],
    ['apple', stored.path],
  ] as const;
  return chains.flatMap(([of, chain]) =>
    textsOf(chain).flatMap((base64) => {
      const named = nameCertificate(new Uint8Array(Buffer.from(base64, 'base64')));
      return named ? [{ of, ...named }] : [];
    }),
  );
}

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];

function nameCertificate(der: Uint8Array): Omit<EvidenceCertificate, 'of'> | null {
  try {
    const certificate = parseCertificate(der, { lenient: true });
    const tpm = alternativeNamesOf(certificate)?.tpm ?? {};
    const named = describeName(certificate.subject);
    const chip = [tpm.manufacturer, tpm.model, tpm.version].filter(Boolean).join(' ');
    return {
      // Endorsement key certificates often have no subject: TCG EK Credential Profile section 3.2.5.
      subject: named === EMPTY && chip !== '' ? `TPM ${chip}` : named,
      issuer: describeName(certificate.issuer),
      notBefore: certificate.notBefore.toISOString(),
      notAfter: certificate.notAfter.toISOString(),
      sha256: createHash('sha256').update(der).digest('hex'),
    };
  } catch (error) {
    if (error instanceof AttestationError) return null;
    throw error;
  }
}

/** A Name without attributes: an empty SEQUENCE. */
const EMPTY = describeName(Uint8Array.of(0x30, 0x00));
