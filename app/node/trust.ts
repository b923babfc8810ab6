import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { AppError } from '../errors.ts';

const MAX_BYTES = 1024 * 1024;
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/**
 * Makes this process's own TLS connections (Node's `fetch`) trust the certificate authorities of a PEM file besides those of Node and, unless
 * `system` is false, of the system; nothing is trusted less. Returns how many there are. Error: `policy-unreadable` where the file is missing, too large, empty, or
 * holds what is no certificate; nothing changes then.
 */
export async function trustFurther(path: string, { system } = { system: true }): Promise<number> {
  const certificates = await readCertificates(path);
  const ofSystem = system ? getCACertificates('system') : [];
  setDefaultCACertificates([...new Set([...getCACertificates('default'), ...ofSystem, ...certificates])]);
  return certificates.length;
}

async function readCertificates(path: string): Promise<string[]> {
  try {
    if ((await stat(path)).size > MAX_BYTES) throw new Error('it is larger than 1 MB');
    const certificates = (await readFile(path, 'utf8')).match(BLOCK) ?? [];
    if (certificates.length === 0) throw new Error('it holds no certificate in PEM form');
    for (const pem of certificates) {
      if (!new X509Certificate(pem).ca) throw new Error('it holds a certificate that is no authority');
    }
    return certificates;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError('policy-unreadable', `The file of further certificate authorities cannot be used: ${reason}`, {
      cause,
    });
  }
}
