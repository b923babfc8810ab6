import { appleEnterpriseAttestationRoot } from './appleRoot.ts';
import { readAttestationObject, readX5c } from './attestationObject.ts';
import { equalBytes, sameBytes, toHex, utf8 } from './bytes.ts';
import { type Certificate, extensionOf, parseCertificate } from './certificate.ts';
import { DER, type DerMode, readSmall, readWholeDer } from './der.ts';
import { refuse } from './error.ts';
import { forPeople, KEY_USAGE, keyUsageOf } from './extensions.ts';
import { digest } from './hashes.ts';
import { indexIssuers, issuerOf } from './issuer.ts';
import { checkKeyStrength } from './keys.ts';
import { findPath } from './path.ts';
import { canonicalSpki } from './spki.ts';
import { CURVE } from './tpmConstants.ts';

const APPLE = '1.2.840.113635.100.8.';
const SERIAL = `${APPLE}9.1`;
const UDID = `${APPLE}9.2`;
const BOARD = `${APPLE}9.4`;
const OS_VERSION = `${APPLE}10.1`;
const SEP_OS_VERSION = `${APPLE}10.2`;
const LLB_VERSION = `${APPLE}10.3`;
const FRESHNESS = `${APPLE}11.1`;
const SIP = `${APPLE}13.1`;
const SECURE_BOOT = `${APPLE}13.2`;
const KERNEL_EXTENSIONS = `${APPLE}13.3`;

/** The identifier that was ordered, as printable ASCII: exactly one of the two (OIDs 1.2.840.113635.100.8.9.1 and .9.2). */
export type AppleExpectation = { serial: string } | { udid: string };
/** ACME: the challenge's token. MDM: the 32 bytes of DeviceAttestationNonce. */
export type AppleFreshness = { acmeToken: string } | { mdmNonce: Uint8Array };

/** What Apple's attestation servers said about a device. A member that is absent was blank or left out: unknown, never "good". */
export type VerifiedAppleStatement = {
  serial?: string;
  udid?: string;
  board?: string;
  osVersion?: string;
  sepOsVersion?: string;
  llbVersion?: string;
  /** System Integrity Protection is enabled (the certificate's 0). Macs only. */
  sipEnabled?: boolean;
  secureBoot?: 'full' | 'reduced' | 'permissive';
  kernelExtensionsAllowed?: boolean;
  /** The 32 bytes of the freshness code. */
  freshness: Uint8Array;
  /** Canonical SubjectPublicKeyInfo of the leaf: in ACME the key of the CSR must equal it. */
  spki: Uint8Array;
  /** Apple's extensions that are not understood, hexadecimal by OID: evidence, not for decisions. */
  unknown: Readonly<Record<string, string>>;
  /** DER, leaf first, root last. */
  path: readonly Uint8Array[];
};

/**
 * Verifies Apple Managed Device Attestation: the `apple` statement of an ACME challenge (CBOR, `fmt` "apple") or the list of DER certificates
 * of an MDM's DeviceInformation answer, leaf first. At most leaf, intermediate and root; a root that is sent is ignored, the pinned one counts.
 * The freshness code is SHA-256 of the token (ACME) or the nonce itself (MDM). Blank or missing fields fail.
 * @param statement CBOR bytes or certificates. @param options.expect the identifier that was ordered: serial *or* UDID, never either.
 * @param options.roots DER; the pinned Apple Enterprise Attestation Root CA when absent. @param options.at time of receipt.
 * @throws AttestationError `wrong-format`, `wrong-chain`, `no-path`, `expired`, `not-yet-valid`, `unsupported-algorithm`, `freshness-missing`,
 * `freshness-mismatch`, `identifier-missing`, `identifier-mismatch`, `posture-unknown`, `bad-argument`, those of certificates, paths and CBOR.
 * Sources: Apple, DeviceInformation (DevicePropertiesAttestation); Platform Deployment, Managed Device Attestation.
 */
export function verifyAppleStatement(
  statement: Uint8Array | readonly Uint8Array[],
  options: { expect: AppleExpectation; freshness: AppleFreshness; roots?: readonly Uint8Array[]; at: Date },
): VerifiedAppleStatement {
  const wanted = expectedFreshness(options.freshness);
  const x5c =
    statement instanceof Uint8Array ? readX5c(readAttestationObject(statement, 'apple').get('x5c')) : statement;
  const roots = options.roots ?? [appleEnterpriseAttestationRoot];
  const path = checkChain(x5c, roots, options.at);
  const [leaf] = path;
  if (!leaf) return refuse('wrong-chain', 'There is no certificate.');
  const freshness = rawValue(leaf, FRESHNESS);
  if (!freshness || freshness.length === 0)
    return refuse('freshness-missing', 'The attestation carries no freshness code, so it may be of any time.');
  if (!sameBytes(freshness, wanted)) {
    refuse(
      'freshness-mismatch',
      'The attestation answers another challenge, or came by another channel than expected.',
    );
  }
  checkIdentifier(leaf, options.expect);
  return describe(leaf, freshness, path);
}

function expectedFreshness(freshness: AppleFreshness): Uint8Array {
  if ('acmeToken' in freshness === 'mdmNonce' in freshness)
    refuse('bad-argument', 'Give either the ACME token or the nonce of the MDM: freshness is never either of two.');
  if ('acmeToken' in freshness) {
    if (freshness.acmeToken === '') refuse('bad-argument', 'An empty ACME token proves nothing.');
    return digest('sha256', utf8(freshness.acmeToken));
  }
  if (freshness.mdmNonce.length !== 32) refuse('bad-argument', 'Nonces of DeviceInformation must have 32 bytes.');
  return freshness.mdmNonce;
}

function checkChain(x5c: readonly Uint8Array[], roots: readonly Uint8Array[], at: Date): Certificate[] {
  const sent = x5c.filter((der, i) => i === 0 || !roots.some((root) => equalBytes(root, der)));
  if (x5c.length > 3 || sent.length > 2)
    refuse('wrong-chain', 'The chain holds more than leaf, intermediate and root.');
  const [leaf, ...rest] = sent.map((der) => parseCertificate(der));
  if (!leaf) return refuse('wrong-chain', 'There is no certificate.');
  const anchors = roots.map((der) => issuerOf(parseCertificate(der), true));
  const untrusted = rest.map((certificate) => issuerOf(certificate, false));
  const above = findPath(leaf, [indexIssuers(anchors), indexIssuers(untrusted)], { at, maxDepth: 2 }).map(
    ({ certificate }) => certificate,
  );
  if (rest.some((certificate, i) => certificate !== above[i]))
    refuse('wrong-chain', 'A certificate of the chain does not belong to it.');
  const path = [leaf, ...above];
  for (const { key, signatureAlgorithm } of path) {
    if (
      key.type !== 'ecc' ||
      key.curve === CURVE.P521 ||
      signatureAlgorithm.kind !== 'ecdsa' ||
      signatureAlgorithm.hash === 'sha512'
    ) {
      refuse(
        'unsupported-algorithm',
        "Apple's attestations use P-256 or P-384 with SHA-256 or SHA-384 only; this chain does not.",
      );
    }
  }
  checkKeyStrength(leaf.key, 'The attested key');
  const usage = keyUsageOf(leaf);
  if (usage !== undefined && (usage & KEY_USAGE.digitalSignature) === 0)
    refuse('key-usage', 'The attested key may not sign.');
  return path;
}

function checkIdentifier(leaf: Certificate, expect: AppleExpectation): void {
  if ('serial' in expect === 'udid' in expect)
    refuse('bad-argument', 'Give either the serial number or the UDID that was ordered, never both.');
  const [oid, kind, expected] =
    'serial' in expect ? [SERIAL, 'serial number', expect.serial] : [UDID, 'UDID', expect.udid];
  if (expected.trim() === '')
    refuse('bad-argument', `A blank ${kind} cannot be expected: it would match nothing or everything.`);
  const attested = textOf(leaf, oid);
  if (attested === undefined) refuse('identifier-missing', `Apple attested no ${kind}: the field is blank or missing.`);
  if (!sameBytes(utf8(attested), utf8(expected))) {
    refuse('identifier-mismatch', `Apple attested the ${kind} ${forPeople(attested)}, not ${forPeople(expected)}.`);
  }
}

function describe(leaf: Certificate, freshness: Uint8Array, path: readonly Certificate[]): VerifiedAppleStatement {
  const sip = numberOf(leaf, SIP);
  if (sip !== undefined && sip > 1)
    refuse('posture-unknown', `The value ${sip} for System Integrity Protection is not documented.`);
  const extensions = numberOf(leaf, KERNEL_EXTENSIONS);
  const known = new Set([
    SERIAL,
    UDID,
    BOARD,
    OS_VERSION,
    SEP_OS_VERSION,
    LLB_VERSION,
    FRESHNESS,
    SIP,
    SECURE_BOOT,
    KERNEL_EXTENSIONS,
  ]);
  const unknown = leaf.extensions.filter(({ oid }) => oid.startsWith(APPLE) && !known.has(oid));
  return withoutUndefined({
    serial: textOf(leaf, SERIAL),
    udid: textOf(leaf, UDID),
    board: textOf(leaf, BOARD),
    osVersion: textOf(leaf, OS_VERSION),
    sepOsVersion: textOf(leaf, SEP_OS_VERSION),
    llbVersion: textOf(leaf, LLB_VERSION),
    // 0 means enabled: the reverse of a boolean.
    sipEnabled: sip === undefined ? undefined : sip === 0,
    secureBoot: secureBootOf(leaf),
    kernelExtensionsAllowed: extensions === undefined ? undefined : extensions !== 0,
    freshness: freshness.slice(),
    spki: canonicalSpki(leaf.spki),
    unknown: Object.fromEntries(unknown.map(({ oid, value }) => [oid, toHex(value)])),
    path: path.map(({ raw }) => raw),
  });
}

type Loose<T> = { [K in keyof T]: T[K] | undefined };
function withoutUndefined(value: Loose<Required<VerifiedAppleStatement>>): VerifiedAppleStatement {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as VerifiedAppleStatement;
}

const SECURE_BOOT_LEVELS: Record<string, VerifiedAppleStatement['secureBoot']> = {
  'Full Security': 'full',
  'Reduced Security': 'reduced',
  'Permissive Security': 'permissive',
};

function secureBootOf(leaf: Certificate): VerifiedAppleStatement['secureBoot'] {
  const text = textOf(leaf, SECURE_BOOT);
  if (text === undefined) return undefined;
  return (
    SECURE_BOOT_LEVELS[text] ??
    refuse('posture-unknown', `The secure boot level "${forPeople(text)}" is not documented.`)
  );
}

const rawValue = (leaf: Certificate, oid: string): Uint8Array | undefined => extensionOf(leaf, oid)?.value;

/** Apple's values are raw ASCII inside the OCTET STRING. Blank means that Apple could not verify the property. */
function textOf(leaf: Certificate, oid: string): string | undefined {
  const text = Buffer.from(rawValue(leaf, oid) ?? []).toString('latin1');
  if (text.trim() === '') return undefined;
  if (!/^[\x20-\x7e]+$/.test(text))
    refuse('certificate-malformed', 'A property that Apple attests as text is not printable ASCII.');
  return text;
}

const INTEGER: DerMode = { code: 'posture-unknown' };

/** The two DER integers among Apple's raw values. */
function numberOf(leaf: Certificate, oid: string): number | undefined {
  const value = rawValue(leaf, oid);
  if (!value || value.length === 0) return undefined;
  const node = readWholeDer(value, INTEGER);
  return node.tag === DER.INTEGER
    ? readSmall(node, 'The posture', INTEGER)
    : refuse('posture-unknown', 'A posture value is no integer.');
}
