import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { OID } from './certificate.ts';
import { DER, der, derOid } from './der.ts';
import {
  acceptVendorCertificate,
  classOfVendor,
  concat,
  createTrustStore,
  createWriter,
  describeRoot,
  digest,
  ekUri,
  parseCertificate,
  parseEkCertificate,
  parsePublic,
  spkiOf,
  splitCertificates,
  toHex,
  type VendorRoot,
  vendorRootsManifest,
  verifyEkCertificate,
  verifyEndorsementKey,
} from './index.ts';
import {
  AT,
  certificate,
  EK_EXTENSIONS,
  EMPTY_NAME,
  FALSE,
  type Made,
  nameExtension,
  newKey,
  purposeExtension,
  rsaPrivateKey,
  tpmNames,
  usageExtension,
  vendorChain,
} from './testing/certificates.ts';
import { refusal } from './testing/refusal.ts';
import { pem } from './testing/tpmMaterial.ts';
import { hex, vectors } from './testing/vectors.ts';

const asRoot = (made: Made, more: Partial<VendorRoot> = {}): VendorRoot => ({
  certificate: made.der,
  vendor: 'Infineon',
  source: 'administrator',
  ...more,
});
const chain = vendorChain();
const options = { roots: [asRoot(chain.root)], intermediates: [chain.intermediate.der], at: AT };
const leafWith = (extensions: Uint8Array[]) =>
  certificate({ subject: EMPTY_NAME, issuer: chain.intermediate, key: rsaPrivateKey(), extensions });
const padding = (byte: number, size = 40) => new Uint8Array(size).fill(byte);

describe('reading EK certificates', () => {
  it.each(vectors.eks.map((ek) => [ek.name, ek] as const))('reads what a TPM holds (%s)', (_, ek) => {
    const read = parseEkCertificate(hex(ek.certificate));
    expect(toHex(read.spki)).toBe(toHex(spkiOf(parsePublic(hex(ek.public)))));
    expect(read.manufacturer?.code).toBe('00001014');
    expect(read.model).toBe('swtpm');
    expect(read.version).toMatch(/^id:/);
  });

  it('reads manufacturer, model and version, and leaves the bytes as they are', () => {
    const read = parseEkCertificate(chain.leaf.der);
    expect(read.manufacturer).toEqual({ code: '49465800', name: 'Infineon' });
    expect([read.model, read.version, read.raw]).toEqual(['SLB 9670', 'id:0D0B', chain.leaf.der]);
    expect(read.irregular).toEqual([]);
  });

  it('reads a single multi-valued name component, and codes in lower case', () => {
    const attribute = (oid: string, value: string) =>
      der(DER.SEQUENCE, derOid(oid), der(DER.PRINTABLE, new Uint8Array(Buffer.from(value))));
    const set = der(
      DER.SET,
      attribute(OID.TPM_MODEL, 'NPCT75x'),
      attribute(OID.TPM_MANUFACTURER, 'id:4e544300'),
      attribute(OID.TPM_VERSION, 'id:13'),
    );
    const read = parseEkCertificate(leafWith([nameExtension(der(0xa4, der(DER.SEQUENCE, set)))]).der);
    expect(read.manufacturer).toEqual({ code: '4E544300', name: 'Nuvoton' });
    expect(read.model).toBe('NPCT75x');
  });

  it.each([
    ['FF padding', concat(chain.leaf.der, padding(0xff)), 'padding'],
    ['zero padding', concat(chain.leaf.der, padding(0)), 'padding'],
    [
      'a TCG header',
      concat(createWriter().u8(0x10).u16(0x0100).u16(chain.leaf.der.length).finish(), chain.leaf.der),
      'TCG header',
    ],
    [
      'a TCG header and padding',
      concat(createWriter().u8(0x10).u16(0x0100).u16(chain.leaf.der.length).finish(), chain.leaf.der, padding(0xff)),
      'TCG header',
    ],
    [
      'padding that the TCG header counts',
      concat(
        createWriter()
          .u8(0x10)
          .u16(0x0100)
          .u16(chain.leaf.der.length + 40)
          .finish(),
        chain.leaf.der,
        padding(0),
      ),
      'padding',
    ],
  ])('tolerates %s and says so', (_, blob, word) => {
    const read = parseEkCertificate(blob);
    expect(read.raw).toEqual(chain.leaf.der);
    expect(read.irregular.join()).toContain(word);
  });

  it('tolerates explicitly encoded defaults, as real vendors ship them', () => {
    const explicit = der(
      DER.SEQUENCE,
      derOid(OID.BASIC_CONSTRAINTS),
      FALSE,
      der(DER.OCTET_STRING, der(DER.SEQUENCE, FALSE)),
    );
    const read = parseEkCertificate(leafWith([explicit, nameExtension(tpmNames())]).der);
    expect(read.irregular.join()).toContain('"critical"');
    expect(read.irregular.join()).toContain('"cA"');
  });

  it('tolerates an unsorted multi-valued name', () => {
    const part = (oid: string, value: string) =>
      der(DER.SEQUENCE, derOid(oid), der(DER.UTF8, new Uint8Array(Buffer.from(value))));
    const subject = der(DER.SEQUENCE, der(DER.SET, part('2.5.4.10', 'Z'), part('2.5.4.3', 'A')));
    const made = certificate({ subject, issuer: chain.intermediate, key: rsaPrivateKey(), extensions: EK_EXTENSIONS });
    expect(parseEkCertificate(made.der).irregular).toEqual(['a multi-valued name component is not sorted']);
  });

  it('tolerates a key under RSAES-OAEP, and gives its canonical form', () => {
    const bits = der(DER.BIT_STRING, new Uint8Array(1), parseCertificate(chain.leaf.der).spki.slice(24));
    const oaep = der(DER.SEQUENCE, der(DER.SEQUENCE, derOid('1.2.840.113549.1.1.7'), der(DER.SEQUENCE)), bits);
    const made = certificate({
      subject: EMPTY_NAME,
      issuer: chain.intermediate,
      key: rsaPrivateKey(),
      spki: oaep,
      extensions: EK_EXTENSIONS,
    });
    const read = parseEkCertificate(made.der);
    expect(toHex(read.spki)).toBe(toHex(parseCertificate(chain.leaf.der).spki));
    expect(read.irregular.join()).toContain('another form');
    expect(verifyEkCertificate(read, options).class).toBe('hardware');
  });

  it('refuses an EK certificate larger than 64 KiB', () => {
    expect(refusal(() => parseEkCertificate(new Uint8Array(65_537)))).toBe('too-large');
  });

  it('refuses a TCG header that promises more than there is', () => {
    expect(refusal(() => parseEkCertificate(new Uint8Array([0x10, 1, 0, 0xff, 0xff, 0x30])))).toBe('truncated');
    expect(refusal(() => parseEkCertificate(new Uint8Array([0x10, 1, 0, 0])))).toBe('truncated');
  });

  it('refuses bytes behind an EK certificate that are no padding', () => {
    expect(refusal(() => parseEkCertificate(concat(chain.leaf.der, new Uint8Array([0, 1]))))).toBe('trailing-bytes');
    const header = createWriter().u8(0x10).u16(0x0100).u16(chain.leaf.der.length).finish();
    expect(refusal(() => parseEkCertificate(concat(header, chain.leaf.der, new Uint8Array([7]))))).toBe(
      'trailing-bytes',
    );
  });

  it('refuses what is no certificate', () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(100), padding(0xff, 64), der(DER.SEQUENCE)]) {
      expect(refusal(() => parseEkCertificate(bytes))).toBe('certificate-malformed');
    }
  });

  it('refuses an EK certificate cut short anywhere', () => {
    for (let size = 0; size < chain.leaf.der.length; size += 7) {
      expect(refusal(() => parseEkCertificate(chain.leaf.der.slice(0, size)))).toBe('certificate-malformed');
    }
  });
});

describe('judging EK certificates', () => {
  it('follows the chain to an accepted root and says which', () => {
    const verdict = verifyEkCertificate(chain.leaf.der, options);
    expect(verdict.class).toBe('hardware');
    expect(verdict.anchor).toMatchObject({ vendor: 'Infineon', source: 'administrator', subject: 'CN=Vendor Root' });
    expect(verdict.path).toEqual([chain.leaf.der, chain.intermediate.der, chain.root.der]);
    expect(verdict.urn).toBe(ekUri(parseEkCertificate(chain.leaf.der).publicKey));
    expect(verdict.reasons.join(' ')).toContain('Vendor Root');
  });

  it('accepts an anchor that is not self-signed', () => {
    const verdict = verifyEkCertificate(chain.leaf.der, { at: AT, roots: [asRoot(chain.intermediate)] });
    expect([verdict.class, verdict.path.length]).toEqual(['hardware', 2]);
  });

  it.each([
    ['AMD', undefined, 'firmware'],
    ['Intel', undefined, 'firmware'],
    ['Microsoft', undefined, 'firmware'],
    ['Infineon', undefined, 'hardware'],
    ['STMicroelectronics', undefined, 'hardware'],
    ['Nuvoton Technology', undefined, 'hardware'],
    ['NSING', undefined, 'hardware'],
    ['Google Cloud', undefined, 'virtual'],
    ['Acme', 'virtual', 'virtual'],
    ['Acme', 'software', 'software'],
    ['Acme', undefined, 'unknown-root'],
    ['swtpm', undefined, 'software'],
  ] as const)('gives the class of the root: %s (%s) is %s', (vendor, declared, expected) => {
    const root = declared ? asRoot(chain.root, { vendor, class: declared }) : asRoot(chain.root, { vendor });
    expect(verifyEkCertificate(chain.leaf.der, { ...options, roots: [root] }).class).toBe(expected);
  });

  it.each(
    vectors.eks.map((ek) => [ek.name, ek] as const),
  )('calls a software TPM one, whatever its root is said to be (%s)', (_, ek) => {
    const at = new Date(vectors.madeAt);
    const root = {
      certificate: hex(vectors.authority.root),
      vendor: 'Infineon',
      class: 'hardware',
      source: 'administrator',
    } as const;
    const verdict = verifyEkCertificate(hex(ek.certificate), {
      roots: [root],
      intermediates: [hex(vectors.authority.issuer)],
      at,
    });
    expect(verdict.class).toBe('software');
    expect(verifyEkCertificate(hex(ek.certificate), { roots: [], at }).class).toBe('software');
  });

  it('calls a self-signed "vendor" root unknown', () => {
    const forged = vendorChain();
    const verdict = verifyEkCertificate(forged.leaf.der, {
      ...options,
      intermediates: [forged.intermediate.der, forged.root.der],
    });
    expect(verdict.class).toBe('unknown-root');
    expect(verdict.anchor).toBeUndefined();
  });

  it('calls an EK certificate unknown when the intermediate is missing', () => {
    expect(verifyEkCertificate(chain.leaf.der, { ...options, intermediates: [] }).class).toBe('unknown-root');
  });

  it('takes a prepared trust store and gives the same verdict', () => {
    const roots = createTrustStore({ roots: options.roots, intermediates: options.intermediates });
    expect(verifyEkCertificate(chain.leaf.der, { roots, at: AT }).class).toBe('hardware');
  });

  it('refuses an EK certificate whose key is ROCA-weak', () => {
    const modulus = rocaModulus();
    const numbers = der(
      DER.SEQUENCE,
      der(DER.INTEGER, new Uint8Array(1), modulus),
      der(DER.INTEGER, new Uint8Array([1, 0, 1])),
    );
    const spki = der(
      DER.SEQUENCE,
      der(DER.SEQUENCE, derOid('1.2.840.113549.1.1.1'), der(DER.NULL)),
      der(DER.BIT_STRING, new Uint8Array(1), numbers),
    );
    const made = certificate({ subject: EMPTY_NAME, issuer: chain.intermediate, spki, extensions: EK_EXTENSIONS });
    expect(refusal(() => verifyEkCertificate(made.der, options))).toBe('roca-weak-key');
  });

  it('refuses an EK certificate issued for another purpose', () => {
    const extensions = [usageExtension(0x20), purposeExtension('1.3.6.1.5.5.7.3.1'), nameExtension(tpmNames())];
    expect(refusal(() => verifyEkCertificate(leafWith(extensions).der, options))).toBe('extended-key-usage');
  });

  it('accepts an EK certificate that names no purpose', () => {
    const extensions = [usageExtension(0x20), nameExtension(tpmNames())];
    expect(verifyEkCertificate(leafWith(extensions).der, options).class).toBe('hardware');
  });

  it('refuses an EK certificate whose key may only sign', () => {
    const extensions = [usageExtension(0x80), nameExtension(tpmNames())];
    expect(refusal(() => verifyEkCertificate(leafWith(extensions).der, options))).toBe('key-usage');
  });

  it('accepts key agreement for an EC key', () => {
    const made = certificate({
      subject: EMPTY_NAME,
      issuer: chain.intermediate,
      extensions: [usageExtension(0x08), nameExtension(tpmNames())],
    });
    expect(verifyEkCertificate(made.der, options).class).toBe('hardware');
  });

  it('refuses an EK certificate without the attributes of a TPM', () => {
    expect(refusal(() => verifyEkCertificate(leafWith([usageExtension(0x20)]).der, options))).toBe(
      'subject-alternative-name',
    );
    for (const names of [
      tpmNames('', 'm', 'v'),
      tpmNames('49465800'),
      tpmNames('id:49465800', ''),
      tpmNames('id:49465800', 'm', ''),
    ]) {
      expect(refusal(() => verifyEkCertificate(leafWith([nameExtension(names)]).der, options))).toBe(
        'subject-alternative-name',
      );
    }
  });

  it('asks no TPM attributes of cloud machines', () => {
    const roots = [asRoot(chain.root, { vendor: 'Google Cloud' })];
    expect(verifyEkCertificate(leafWith([usageExtension(0x20)]).der, { ...options, roots }).class).toBe('virtual');
  });

  it('refuses a manufacturer that the root does not certify', () => {
    const roots = [asRoot(chain.root, { source: 'shipped' })];
    expect(verifyEkCertificate(chain.leaf.der, { ...options, roots }).class).toBe('hardware');
    const other = leafWith([nameExtension(tpmNames('id:53544D20'))]);
    expect(refusal(() => verifyEkCertificate(other.der, { ...options, roots }))).toBe('subject-alternative-name');
  });

  it('refuses the manufacturer of a conformance tool', () => {
    expect(refusal(() => verifyEkCertificate(leafWith([nameExtension(tpmNames('id:FFFFF1D0'))]).der, options))).toBe(
      'subject-alternative-name',
    );
  });

  it('refuses an expired EK certificate, unless configuration accepts it', () => {
    const old = vendorChain({ leaf: { notAfter: '2026-01-01T00:00:00Z' } });
    const judged = { roots: [asRoot(old.root)], intermediates: [old.intermediate.der], at: AT };
    expect(refusal(() => verifyEkCertificate(old.leaf.der, judged))).toBe('expired');
    const verdict = verifyEkCertificate(old.leaf.der, { ...judged, expiredLeaf: 'accept' });
    expect(verdict.class).toBe('hardware');
    expect(verdict.reasons.join(' ')).toContain('expired');
  });

  it('accepts the end of time', () => {
    const eternal = vendorChain({ leaf: { notAfter: '9999-12-31T23:59:59Z' } });
    expect(
      verifyEkCertificate(eternal.leaf.der, {
        roots: [asRoot(eternal.root)],
        intermediates: [eternal.intermediate.der],
        at: AT,
      }).class,
    ).toBe('hardware');
  });

  it('refuses too many intermediates', () => {
    expect(
      refusal(() =>
        verifyEkCertificate(chain.leaf.der, { ...options, intermediates: Array(17).fill(chain.intermediate.der) }),
      ),
    ).toBe('path-too-long');
  });

  it('refuses an intermediate that cannot be read', () => {
    expect(refusal(() => verifyEkCertificate(chain.leaf.der, { ...options, intermediates: [new Uint8Array(9)] }))).toBe(
      'certificate-malformed',
    );
  });
});

describe('choosing among the EK certificates of a device', () => {
  const { spki } = parseEkCertificate(chain.leaf.der);
  const other = certificate({
    subject: EMPTY_NAME,
    issuer: chain.intermediate,
    key: newKey(),
    extensions: EK_EXTENSIONS,
  });

  it('goes by the key, not by the place', () => {
    const verdict = verifyEndorsementKey(spki, [other.der, chain.leaf.der], options);
    expect([verdict.class, verdict.path[0]]).toEqual(['hardware', chain.leaf.der]);
  });

  it('grades a device without EK certificate as absent', () => {
    const verdict = verifyEndorsementKey(spki, [], options);
    expect([verdict.class, verdict.urn, verdict.path]).toEqual(['absent', ekUri(spki), []]);
  });

  it("refuses the EK certificate of another TPM with the attacker's EK", () => {
    expect(refusal(() => verifyEndorsementKey(spki, [other.der], options))).toBe('key-mismatch');
  });

  it('says why when the certificate of the key cannot be read or is refused', () => {
    expect(refusal(() => verifyEndorsementKey(spki, [chain.leaf.der.slice(0, 200)], options))).toBe(
      'certificate-malformed',
    );
    expect(
      refusal(() => verifyEndorsementKey(spki, [chain.leaf.der], { ...options, at: new Date('2050-01-01') })),
    ).toBe('expired');
  });

  it('refuses more EK certificates than a TPM holds', () => {
    expect(refusal(() => verifyEndorsementKey(spki, Array(17).fill(other.der), options))).toBe('too-large');
  });
});

describe('certificate chains from NV', () => {
  it('are split into certificates, padding dropped', () => {
    expect(splitCertificates(concat(chain.leaf.der, chain.intermediate.der, padding(0xff)))).toEqual([
      chain.leaf.der,
      chain.intermediate.der,
    ]);
    expect(splitCertificates(new Uint8Array(0))).toEqual([]);
  });
  it('are refused when they are too many, too large or cut short', () => {
    const many = concat(...Array.from({ length: 17 }, () => der(DER.SEQUENCE)));
    expect(refusal(() => splitCertificates(many))).toBe('too-large');
    expect(refusal(() => splitCertificates(new Uint8Array(65_537)))).toBe('too-large');
    expect(refusal(() => splitCertificates(chain.leaf.der.slice(0, 99)))).toBe('certificate-malformed');
  });
});

describe('the manifest of vendor roots', () => {
  it('holds facts of every vendor that the design names', () => {
    const roots = vendorRootsManifest.filter(({ role }) => role === 'root');
    expect([roots.length, vendorRootsManifest.length]).toEqual([26, 169]);
    for (const { vendor, sha256, sourceUrl } of vendorRootsManifest) {
      expect(classOfVendor(vendor)).toMatch(/hardware|firmware/);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(sourceUrl).toMatch(/^https:/);
    }
  });

  it('accepts bytes only by their fingerprint', () => {
    const entry = {
      ...vendorRootsManifest[0],
      vendor: 'AMD',
      role: 'root',
      sha256: toHex(digest('sha256', chain.root.der)),
    } as const;
    const intermediate = {
      ...entry,
      role: 'intermediate',
      sha256: toHex(digest('sha256', chain.intermediate.der)),
    } as const;
    const unknown = { ...entry, vendor: 'Acme', sha256: toHex(digest('sha256', chain.leaf.der)) } as const;
    const manifest = [entry, intermediate, unknown] as unknown as typeof vendorRootsManifest;
    expect(acceptVendorCertificate(chain.root.der, manifest).root).toMatchObject({
      vendor: 'AMD',
      class: 'firmware',
      source: 'shipped',
    });
    expect(acceptVendorCertificate(chain.intermediate.der, manifest).root).toBeUndefined();
    expect(acceptVendorCertificate(chain.leaf.der, manifest).root?.class).toBeUndefined();
    expect(describeRoot(asRoot(chain.root))).toBe('CN=Vendor Root');
  });

  it('refuses a vendor certificate with one changed byte', () => {
    expect(refusal(() => acceptVendorCertificate(chain.root.der))).toBe('fingerprint-mismatch');
  });

  const folder = process.env.MUSTER_SHARED_DATA ?? fileURLToPath(new URL('../../shared/data', import.meta.url));
  const data = `${folder}/tpm-roots`;
  describe.skipIf(!existsSync(data))('with the vendor certificates (needs the shared data)', () => {
    const certificates = (existsSync(data) ? readdirSync(data) : [])
      .filter((name) => name.endsWith('.pem'))
      .map((name) => pem(readFileSync(`${data}/${name}`)));

    it('accepts and reads all 169 of them', () => {
      expect(certificates.length).toBe(169);
      for (const bytes of certificates) {
        const { entry } = acceptVendorCertificate(bytes);
        const parsed = parseCertificate(bytes, { lenient: true });
        expect(parsed.notAfter.toISOString().slice(0, 19)).toBe(entry.notAfter.slice(0, 19));
      }
      const changed = certificates[0]?.slice() ?? new Uint8Array(0);
      changed[100] = (changed[100] ?? 0) ^ 1;
      expect(refusal(() => acceptVendorCertificate(changed))).toBe('fingerprint-mismatch');
    });

    it('finds a path to an anchor for a device below every issuing intermediate', () => {
      const accepted = certificates.map((bytes) => ({ bytes, ...acceptVendorCertificate(bytes) }));
      const roots = accepted.flatMap(({ root }) => root ?? []);
      const intermediates = accepted.flatMap(({ root, bytes }) => (root ? [] : [bytes]));
      const store = createTrustStore({ roots, intermediates });
      // Nobody has the vendors' keys: a leaf by name only must come out unknown, never accepted.
      for (const bytes of intermediates) {
        const forged = certificate({
          subject: EMPTY_NAME,
          issuerName: parseCertificate(bytes, { lenient: true }).subject,
          signingKey: newKey(),
          key: rsaPrivateKey(),
          extensions: EK_EXTENSIONS,
        });
        expect(verifyEkCertificate(forged.der, { roots: store, at: AT }).class).toBe('unknown-root');
      }
    });
  });
});

/** A modulus with the fingerprint: a power of 65537 modulo the product of the primes, and above 2^2047. */
function rocaModulus(): Uint8Array {
  const primes = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
  ];
  const product = primes.reduce((value, prime) => value * BigInt(prime), 1n);
  let power = 1n;
  for (let i = 0; i < 12_345; i += 1) power = (power * 65537n) % product;
  const base = (3n * 2n ** 2046n) / product;
  let modulus = base * product + power;
  if (modulus % 2n === 0n) modulus += product;
  return new Uint8Array(Buffer.from(modulus.toString(16).padStart(512, '0'), 'hex'));
}
