import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../demo/state.ts';

const run = promisify(execFile);

export type CaWebhook = { id: string; secret: string };

export type CertificateAuthority = {
  url: string;
  /** Path of the root's PEM. */
  root: string;
  /** PEM of the certificate that issues. */
  intermediate: string;
  /** Adds a webhook to a provisioner, as its administrator would; answers what step-ca made for it. */
  addWebhook(provisioner: string, name: string, url: string, kind: 'ENRICHING' | 'AUTHORIZING'): Promise<CaWebhook>;
  /** A certificate for 127.0.0.1 and its key (PEM) that this authority's own requests trust. */
  serverCertificate(): Promise<{ cert: string; key: string }>;
  stop(): Promise<void>;
};

/**
 * A stock step-ca that attests TPMs by ACME: for each provisioner the roots of attestation keys' certificates that it trusts (PEM). It is
 * managed remotely, because a webhook's secret has no place in its configuration file.
 */
export async function startCertificateAuthority(options: {
  folder: string;
  stepCa: string;
  step: string;
  provisioners: Record<string, string>;
}): Promise<CertificateAuthority> {
  const { folder, step, stepCa } = options;
  const at = (name: string) => join(folder, name);
  const env = { ...process.env, STEPPATH: folder, HOME: folder };
  const certificate = (name: string, ...more: string[]) =>
    run(step, ['certificate', 'create', name, at(`${name}.crt`), at(`${name}.key`), ...more, ...UNPROTECTED], { env });
  await certificate('root', '--profile', 'root-ca');
  await certificate(
    ...(['intermediate', '--profile', 'intermediate-ca', '--ca', at('root.crt'), '--ca-key', at('root.key')] as const),
  );
  const port = await freePort();
  const configuration = {
    root: at('root.crt'),
    crt: at('intermediate.crt'),
    key: at('intermediate.key'),
    address: `127.0.0.1:${port}`,
    dnsNames: ['127.0.0.1'],
    db: { type: 'badgerv2', dataSource: at('db') },
    authority: {
      enableAdmin: true,
      provisioners: Object.entries(options.provisioners).map(([name, roots]) => ({
        type: 'ACME',
        name,
        challenges: ['device-attest-01'],
        attestationFormats: ['tpm'],
        attestationRoots: Buffer.from(roots).toString('base64'),
      })),
    },
  };
  await writeFile(at('ca.json'), JSON.stringify(configuration));
  const password = at('password');
  await writeFile(password, randomBytes(16).toString('hex'));
  // What it asks the inventory goes over https, to a certificate of its own.
  const caEnv = { ...env, SSL_CERT_FILE: at('root.crt') };
  const child = spawn(stepCa, [at('ca.json'), '--password-file', password], {
    env: caEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      log += chunk;
    });
  }
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  const url = `https://127.0.0.1:${port}`;
  const ca = await readFile(at('root.crt'));
  for (let tries = 0; tries < 200 && child.exitCode === null; tries += 1) {
    if (await healthy(`${url}/health`, ca)) {
      return {
        url,
        root: at('root.crt'),
        intermediate: await readFile(at('intermediate.crt'), 'utf8'),
        addWebhook: async (provisioner, name, target, kind) => {
          const asked = [
            '--url',
            target,
            '--kind',
            kind,
            '--cert-type',
            'X509',
            '--ca-url',
            url,
            '--root',
            at('root.crt'),
          ];
          const admin = [
            '--admin-subject',
            'step',
            '--admin-provisioner',
            'Admin JWK',
            '--admin-password-file',
            password,
          ];
          const command = ['ca', 'provisioner', 'webhook', 'add', provisioner, name, ...asked, ...admin];
          const { stdout, stderr } = await run(step, command, { env });
          const said = `${stdout}${stderr}`;
          const id = /^Webhook ID: (\S+)/m.exec(said)?.[1];
          const secret = /^Secret: (\S+)/m.exec(said)?.[1];
          if (!id || !secret) throw new Error(`step said: ${said}`);
          return { id, secret };
        },
        serverCertificate: async () => {
          const issuer = ['--ca', at('intermediate.crt'), '--ca-key', at('intermediate.key'), '--san', '127.0.0.1'];
          await certificate('inventory', '--profile', 'leaf', ...issuer, '--bundle');
          const [cert, key] = await Promise.all([
            readFile(at('inventory.crt'), 'utf8'),
            readFile(at('inventory.key'), 'utf8'),
          ]);
          return { cert, key };
        },
        stop,
      };
    }
    await wait(100);
  }
  await stop();
  throw new Error(`step-ca did not start: ${log}`);
}

/** No password on keys that live as long as one test. */
const UNPROTECTED = ['--no-password', '--insecure'];

function healthy(url: string, ca: Buffer): Promise<boolean> {
  return new Promise((done) => {
    const request = get(url, { ca, agent: false }, (response) => {
      response.resume();
      done(response.statusCode === 200);
    });
    request.on('error', () => done(false));
  });
}
