import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A certificate authority of an organization's own, made with openssl in `folder`: the path of its certificate, and one it issued for `name`. */
export async function makeAuthority(
  folder: string,
  name: string,
): Promise<{ file: string; leaf: { cert: string; key: string } }> {
  const at = (file: string) => join(folder, `${name}.${file}`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const ca = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-days',
    '2',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-subj',
    `/CN=${name} CA`,
    ...ca,
  );
  openssl('req', '-new', ...key, '-keyout', at('key'), '-out', at('csr'), '-subj', `/CN=${name}`);
  await writeFile(at('ext'), `subjectAltName=DNS:${name}\nbasicConstraints=CA:FALSE\n`);
  const issuer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'];
  openssl('x509', '-req', '-in', at('csr'), ...issuer, '-days', '2', '-extfile', at('ext'), '-out', at('pem'));
  return {
    file: at('ca.pem'),
    leaf: { cert: await readFile(at('pem'), 'utf8'), key: await readFile(at('key'), 'utf8') },
  };
}
