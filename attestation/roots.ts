import { equalBytes, fromHex, toHex } from './bytes.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { refuse } from './error.ts';
import { describeName } from './extensions.ts';
import { digest } from './hashes.ts';
import { type Issuer, type IssuerIndex, indexIssuers, issuerOf } from './issuer.ts';
import { encodeSpki } from './spki.ts';
import manifestData from './vendorRoots.manifest.json' with { type: 'json' };

/** What stands behind an endorsement key. Only `hardware` and `firmware` are accepted by default. */
export const EK_CLASSES = ['hardware', 'firmware', 'virtual', 'software', 'unknown-root', 'absent'] as const;
/** One of {@link EK_CLASSES}. */
export type EkClass = (typeof EK_CLASSES)[number];

/** A certificate authority that endorses TPMs, as somebody decided to accept it. */
export type VendorRoot = {
  /** DER. Recognised by its SHA-256; it need not be self-signed. */
  certificate: Uint8Array;
  vendor: string;
  /** The class of the TPMs below it. Without one the vendor decides: see {@link classOfVendor}. */
  class?: 'hardware' | 'firmware' | 'virtual' | 'software';
  source: 'shipped' | 'administrator' | 'demo';
};

/** Roots and their intermediates, parsed once. Make a new one when the set changes. */
export type TrustStore = {
  readonly roots: ReadonlyMap<string, VendorRoot>;
  readonly index: IssuerIndex;
  /** Keys, as hexadecimal SubjectPublicKeyInfo, of authorities that no chain may lead through by a certificate that a device brings. */
  readonly distrusted: ReadonlySet<string>;
};

/**
 * Parses roots and intermediates for many verifications. `intermediates` are untrusted: they only help to build paths. `distrusted` are
 * authorities whose certificates do not count where a device brings them: by their key, since a certificate can be encoded in several ways.
 * Errors: those of certificates that cannot be read.
 */
export function createTrustStore(parameters: {
  roots: readonly VendorRoot[];
  intermediates?: readonly Uint8Array[];
  distrusted?: readonly Uint8Array[];
}): TrustStore {
  const roots = new Map<string, VendorRoot>();
  const issuers: Issuer[] = [];
  for (const root of parameters.roots) {
    const issuer = issuerOf(parseCertificate(root.certificate, { lenient: true }), true);
    roots.set(issuer.sha256, root);
    issuers.push(issuer);
  }
  for (const der of parameters.intermediates ?? [])
    issuers.push(issuerOf(parseCertificate(der, { lenient: true }), false));
  const distrusted = (parameters.distrusted ?? []).map((der) =>
    keyOfAuthority(parseCertificate(der, { lenient: true })),
  );
  return { roots, index: indexIssuers(issuers), distrusted: new Set(distrusted) };
}

/** The key of an authority as {@link TrustStore} names it. */
export const keyOfAuthority = (certificate: Certificate): string => toHex(encodeSpki(certificate.key));

const CLASS_OF_VENDOR: Readonly<Record<string, VendorRoot['class']>> = {
  AMD: 'firmware',
  Intel: 'firmware',
  Microsoft: 'firmware',
  Infineon: 'hardware',
  NSING: 'hardware',
  Nuvoton: 'hardware',
  STMicroelectronics: 'hardware',
  Google: 'virtual',
  'Google Cloud': 'virtual',
  VMware: 'virtual',
  'Alibaba Cloud': 'virtual',
  swtpm: 'software',
};

/** The class of a vendor's TPMs; undefined for a vendor that is not known here. Manifest names may add a company form ("Nuvoton Technology"). */
export function classOfVendor(vendor: string): VendorRoot['class'] {
  return CLASS_OF_VENDOR[shortVendor(vendor)];
}

/** "Nuvoton Technology" and "Nuvoton" are one vendor. */
export function shortVendor(vendor: string): string {
  return Object.keys(CLASS_OF_VENDOR).find((known) => vendor === known || vendor.startsWith(`${known} `)) ?? vendor;
}

/** One certificate of the shipped manifest: facts, no bytes. */
export type ManifestEntry = {
  vendor: string;
  role: 'root' | 'intermediate';
  name: string;
  subject: string;
  /** Of the DER, lower-case hexadecimal. */
  sha256: string;
  /** UTC, ISO 8601. */
  notBefore: string;
  notAfter: string;
  keyType: string;
  sourceUrl: string;
};

/** The vendor certificates that Muster accepts by default; `muster server roots update` fetches their bytes. */
export const vendorRootsManifest: readonly ManifestEntry[] = manifestData as ManifestEntry[];

/**
 * Accepts bytes as a certificate of the manifest only when their SHA-256 is one of it.
 * @returns the entry, for a root a {@link VendorRoot} besides. Error: `fingerprint-mismatch`.
 */
export function acceptVendorCertificate(
  der: Uint8Array,
  manifest: readonly ManifestEntry[] = vendorRootsManifest,
): { entry: ManifestEntry; root?: VendorRoot } {
  const sha256 = digest('sha256', der);
  const entry = manifest.find((candidate) => equalBytes(fromHex(candidate.sha256), sha256));
  if (!entry) {
    return refuse(
      'fingerprint-mismatch',
      'These bytes are no certificate of the manifest: their SHA-256 is not in it. They were changed, or the vendor replaced the file.',
    );
  }
  if (entry.role === 'intermediate') return { entry };
  const vendorClass = classOfVendor(entry.vendor);
  const root: VendorRoot = { certificate: der, vendor: shortVendor(entry.vendor), source: 'shipped' };
  return { entry, root: vendorClass ? { ...root, class: vendorClass } : root };
}

/** The subject of a root for people. */
export function describeRoot(root: VendorRoot): string {
  return describeName(parseCertificate(root.certificate, { lenient: true }).subject);
}
