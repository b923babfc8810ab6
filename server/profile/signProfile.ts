import forge from 'node-forge';
import { ServerError } from '../error.ts';

export type Signer = {
  /** PKCS#12 (.p12, .pfx) with one RSA key, its certificate and, best, the chain above it. */
  p12: Uint8Array;
  password: string;
};

/**
 * A configuration profile inside a PKCS#7 SignedData (DER), as macOS, iOS and MDMs take it: SHA-256, with every certificate of the
 * bundle, the signer's first. Throws `configuration` where the bundle cannot be opened or cannot sign at `now`.
 */
export function signProfile(profile: string, signer: Signer, now: Date): Uint8Array {
  const { key, certificates } = openBundle(signer);
  const [certificate] = certificates;
  if (!certificate) throw unusable('It holds no certificate for its key.');
  if (now < certificate.validity.notBefore || now > certificate.validity.notAfter) {
    throw unusable(
      `Its certificate is valid from ${certificate.validity.notBefore.toISOString()} to ${certificate.validity.notAfter.toISOString()} only.`,
    );
  }
  const message = forge.pkcs7.createSignedData();
  message.content = forge.util.createBuffer(profile, 'utf8');
  for (const item of certificates) message.addCertificate(item);
  message.addSigner({
    key,
    certificate,
    digestAlgorithm: forge.pki.oids.sha256 as string,
    authenticatedAttributes: [
      { type: forge.pki.oids.contentType as string, value: forge.pki.oids.data as string },
      { type: forge.pki.oids.messageDigest as string },
      // forge takes a Date here; its types know only text.
      { type: forge.pki.oids.signingTime as string, value: now as unknown as string },
    ],
  });
  message.sign();
  return new Uint8Array(Buffer.from(forge.asn1.toDer(message.toAsn1()).getBytes(), 'latin1'));
}

type Bundle = { key: forge.pki.rsa.PrivateKey; certificates: forge.pki.Certificate[] };

function openBundle({ p12, password }: Signer): Bundle {
  const bundle = parse(p12, password);
  const bags = (type: string | undefined) =>
    type === undefined ? [] : (bundle.getBags({ bagType: type })[type] ?? []);
  const keys = [...bags(forge.pki.oids.pkcs8ShroudedKeyBag), ...bags(forge.pki.oids.keyBag)].flatMap(({ key }) =>
    key ? [key as forge.pki.rsa.PrivateKey] : [],
  );
  const [key, ...others] = keys;
  if (!key) throw unusable('It holds no RSA key (keys on elliptic curves are not supported for profiles).');
  if (others.length > 0) throw unusable('It holds more than one key; export it with one.');
  const certificates = bags(forge.pki.oids.certBag).flatMap(({ cert }) => (cert ? [cert] : []));
  const own = certificates.filter((item) => belongs(item, key));
  return { key, certificates: [...own, ...certificates.filter((item) => !own.includes(item))] };
}

function parse(p12: Uint8Array, password: string): forge.pkcs12.Pkcs12Pfx {
  try {
    const asn1 = forge.asn1.fromDer(forge.util.createBuffer(Buffer.from(p12).toString('latin1'), 'raw'));
    return forge.pkcs12.pkcs12FromAsn1(asn1, password);
  } catch (cause) {
    throw unusable('It is not a PKCS#12 file with an RSA certificate, or the password is wrong.', cause);
  }
}

function belongs(certificate: forge.pki.Certificate, key: forge.pki.rsa.PrivateKey): boolean {
  const { n } = certificate.publicKey as forge.pki.rsa.PublicKey;
  return n?.equals(key.n) ?? false;
}

function unusable(why: string, cause?: unknown): ServerError {
  return new ServerError('configuration', `The signing certificate cannot be used. ${why}`, { cause });
}
