import { createWriter, sameBytes, toHex } from '../../attestation/bytes.ts';
import { digest } from '../../attestation/hashes.ts';
import { parseSpki } from '../../attestation/spki.ts';
import type { TpmAttestor, TpmEndorsement } from './attestor.ts';
import { certificateSpki, certificatesInNv } from './ekCertificate.ts';

const INTEL = 0x494e5443;
const AMD = 0x414d4400;
/** 65537, the exponent of every EK template. */
const EXPONENT = new Uint8Array([1, 0, 1]);
const INTEL_SERVICE = 'https://ekop.intel.com/ekcertservice/';
const AMD_SERVICE = 'https://ftpm.amd.com/pki/aia/';

/** An EK certificate is below 2 KiB; Intel wraps it into JSON. */
const MOST_BYTES = 32 * 1024;
const DEADLINE_MS = 10_000;

/**
 * The network, which this room does not have: the platform's HTTP client, with the system's proxy and authorities. It is
 * given https addresses of the makers below and nothing else.
 */
export type CertificateFetch = (
  url: string,
  init: { redirect: 'manual'; credentials: 'omit'; signal: AbortSignal },
) => Promise<Response>;

/**
 * Where the maker of a TPM keeps the certificate of an RSA EK: under a hash of the key, which is therefore disclosed.
 * `manufacturer` is TPM_PT_MANUFACTURER. Undefined for other makers, who keep it in NV, and for other keys.
 */
export function makerCertificateUrl(manufacturer: number, spki: Uint8Array): string | undefined {
  if (manufacturer !== INTEL && manufacturer !== AMD) return undefined;
  const key = parseSpki(spki);
  if (key.type !== 'rsa' || !sameBytes(key.exponent, EXPONENT)) return undefined;
  if (manufacturer === INTEL) {
    const hash = digest('sha256', key.modulus, EXPONENT);
    // With its padding, and that percent-encoded: a plain "=" is refused (smallstep/crypto: tpm/ek.go).
    return `${INTEL_SERVICE}${Buffer.from(hash).toString('base64url')}%3D`;
  }
  const head = createWriter().u32(0x2222).u8(0).bytes(EXPONENT).finish();
  return `${AMD_SERVICE}${toHex(digest('sha256', head, key.modulus).subarray(0, 16)).toUpperCase()}`;
}

/**
 * Asks the maker for the certificate of an EK. Undefined where there is none, where the maker cannot be reached in time, and
 * where what comes is not a certificate of exactly this key: nothing depends on it.
 */
export async function fetchMakerCertificate(
  ek: { manufacturer: number; spki: Uint8Array },
  fetch: CertificateFetch,
  deadlineMs: number = DEADLINE_MS,
): Promise<Uint8Array | undefined> {
  const url = makerCertificateUrl(ek.manufacturer, ek.spki);
  if (url === undefined) return undefined;
  try {
    const signal = AbortSignal.timeout(deadlineMs);
    // Where a redirection leads is not the maker's address any more, so none is followed.
    const response = await fetch(url, { redirect: 'manual', credentials: 'omit', signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      return undefined;
    }
    const body = await readBounded(response);
    const bytes = body && (ek.manufacturer === INTEL ? certificateInJson(body) : body);
    const certificate = bytes && certificatesInNv(bytes)[0];
    const key = certificate && certificateSpki(certificate);
    return key && sameBytes(key, ek.spki) ? certificate : undefined;
  } catch {
    // No network, a proxy in between, an answer that ends early: the device goes on as one without a certificate.
    return undefined;
  }
}

/** The body, or undefined for one that is longer than any certificate. */
async function readBounded(response: Response): Promise<Uint8Array | undefined> {
  if (!response.body) return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    // Leaving the loop cancels the rest.
    if (size > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** Intel's answer: `certificate` is base64url whose padding is the literal text "%3D". */
function certificateInJson(body: Uint8Array): Uint8Array | undefined {
  const { certificate } = JSON.parse(new TextDecoder().decode(body)) as { certificate?: unknown };
  const text = typeof certificate === 'string' ? certificate.replace(/(?:%3D|=)*$/i, '') : '';
  return /^[\w-]+$/.test(text) ? new Uint8Array(Buffer.from(text, 'base64url')) : undefined;
}

/** The same verbs; EKs that the TPM holds no certificate for get the maker's, asked for once. */
export function withMakerCertificates(attestor: TpmAttestor, fetch: CertificateFetch): TpmAttestor {
  let added: Promise<TpmEndorsement> | undefined;
  return {
    ...attestor,
    async readEndorsement() {
      const found = await attestor.readEndorsement();
      added ??= addMakerCertificates(found, fetch);
      const { eks } = await added;
      return { ...found, eks };
    },
  };
}

/** What a TPM says about itself, with the maker's certificate for each EK that it holds none for. */
export async function addMakerCertificates(found: TpmEndorsement, fetch: CertificateFetch): Promise<TpmEndorsement> {
  const { manufacturer } = found.tpm;
  const eks = found.eks.map(async (ek) => {
    const { certificateMismatch: _, ...rest } = ek;
    const certificate =
      ek.certificate ?? (await fetchMakerCertificate({ manufacturer, spki: ek.publicKeySpki }, fetch));
    return certificate ? { ...rest, certificate } : ek;
  });
  return { ...found, eks: await Promise.all(eks) };
}
