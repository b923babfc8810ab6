import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alternativeNamesOf, parseCertificate, verifyAkCertificate } from '../../attestation/index.ts';
import type { AccessAnswer, Device } from '../../contract/index.ts';
import { has } from '../../native/testing/tools.ts';
import { startTestInventory, type TestInventory } from '../hosts/inventory.ts';
import { type CertificateAuthority, startCertificateAuthority } from './certificateAuthority.ts';
import { type HttpsDoor, openHttpsDoor } from './httpsDoor.ts';
import { bytes, createJudge } from './judge.ts';
import { type SocketTpm, startSocketTpm } from './socketTpm.ts';
import { findTool } from './tools.ts';

const step = findTool('step');
const stepCa = findTool('step-ca');
const judge = findTool('judge');
const hasTpm = has('swtpm') && has('swtpm_setup') && process.platform !== 'win32';

let folder: string;
let tpm: SocketTpm;
let inventory: TestInventory;
const pem = (der: Uint8Array) => new X509Certificate(der).toString();

beforeAll(async () => {
  if (!hasTpm) return;
  folder = await mkdtemp(join(tmpdir(), 'muster-interop-'));
  tpm = await startSocketTpm(join(folder, 'tpm'));
  inventory = await startTestInventory({ folder, issuers: [tpm.rootCertificate, tpm.issuerCertificate] });
});
afterAll(async () => {
  await inventory?.close();
  await tpm?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** The guide's own call: imports a device through the compatible API, which approves it. */
async function importDevice(identifier: string): Promise<Device> {
  const path = `/api/collections/default/instances/${encodeURIComponent(identifier)}`;
  const put = await inventory.api('PUT', path, { data: { 'smallstep:identity': 'carl@smallstep.com' } });
  expect(put.status, JSON.stringify(put.body)).toBe(200);
  return findDevice(identifier);
}

async function findDevice(identifier: string): Promise<Device> {
  const { body } = await inventory.api('GET', '/api/v1/devices');
  const { devices } = body as { devices: Device[] };
  const found = devices.find(({ permanentIdentifier }) => permanentIdentifier === identifier);
  if (!found) throw new Error(`${identifier} is not in the inventory.`);
  return found;
}

async function decide(identifier: string, decision: 'approved' | 'refused'): Promise<void> {
  const device = await findDevice(identifier);
  const body = decision === 'refused' ? { decision, reason: 'Not ours.' } : { decision };
  const headers = { 'if-match': `"${device.version}"` };
  const answer = await inventory.api('PUT', `/api/v1/devices/${device.id}/approval`, body, headers);
  expect(answer.status).toBe(200);
}

async function setLifecycle(identifier: string, lifecycle: 'active' | 'quarantined'): Promise<void> {
  const device = await findDevice(identifier);
  const headers = { 'if-match': `"${device.version}"` };
  const answer = await inventory.api('PUT', `/api/v1/devices/${device.id}/lifecycle`, { lifecycle }, headers);
  expect(answer.status).toBe(200);
}

/** The chains of attestation keys' certificates that a client keeps in its folder (DER). */
async function keptChains(storage: string): Promise<Uint8Array[][]> {
  if (!existsSync(storage)) return [];
  const names = await readdir(storage, { recursive: true });
  const kept = names.filter((name) => name.endsWith('.tpmobj')).map((name) => readFile(join(storage, name), 'utf8'));
  const objects = (await Promise.all(kept)).map((text) => JSON.parse(text) as { type: string; chain?: string[] });
  return objects.filter(({ type }) => type === 'AK').map(({ chain }) => (chain ?? []).map(bytes));
}

async function issuedCertificates(): Promise<number> {
  const rows = await inventory.server.store.db.selectFrom('ak_certificates').select('permanent_identifier').execute();
  return rows.length;
}

function expectAkCertificate(chain: Uint8Array[]): void {
  const { untrusted } = inventory.server.context.issuers;
  const verified = verifyAkCertificate({
    chain,
    roots: [untrusted.root],
    at: new Date(),
    permanentIdentifier: tpm.permanentIdentifier,
  });
  expect(verified.path).toHaveLength(3);
}

describe.skipIf(!step || !stepCa || !hasTpm)(
  'stock step CLI and step-ca (needs Go, its module proxy and swtpm)',
  { timeout: 120_000 },
  () => {
    let ca: CertificateAuthority;
    let door: HttpsDoor | undefined;

    beforeAll(async () => {
      const { issuers } = inventory.server.context;
      ca = await startCertificateAuthority({
        folder: await mkdtemp(join(folder, 'ca-')),
        step: step ?? '',
        stepCa: stepCa ?? '',
        // A software TPM's certificate comes from the authority that nothing is told to trust; this test is the exception.
        provisioners: {
          'muster-tpm': pem(issuers.untrusted.root),
          'muster-hardware': pem(issuers.trusted.root),
          'muster-asked': pem(issuers.untrusted.root),
        },
      });
      door = await openHttpsDoor(inventory.origin, await ca.serverCertificate());
      for (const kind of ['ENRICHING', 'AUTHORIZING'] as const) {
        const url = `${door.origin}/api/v1/webhooks/step-ca`;
        const { id, secret } = await ca.addWebhook('muster-asked', `inventory-${kind.toLowerCase()}`, url, kind);
        // A stock client never enrols: it attests to step-ca, so the device need not have attested to the inventory.
        const entered = { name: `step-ca ${kind}`, secret, level: 'normal' };
        const answer = await inventory.api('PUT', `/api/v1/ca-webhooks/${id}`, entered);
        expect(answer.status, JSON.stringify(answer.body)).toBe(200);
      }
    });
    afterAll(async () => {
      await door?.close();
      await ca?.stop();
    });

    let orders = 0;
    /** `step ca certificate` for one order; the TPM's keys and certificates stay in `storage`. */
    async function order(
      storage: string,
      options: { identifier?: string; provisioner?: string; base?: string } = {},
    ): Promise<{ status: number; output: string; certificates: string[] }> {
      orders += 1;
      const out = join(folder, `client-${orders}.crt`);
      const args = [
        ...['ca', 'certificate', options.identifier ?? tpm.permanentIdentifier, out],
        ...['--provisioner', options.provisioner ?? 'muster-tpm', '--ca-url', ca.url, '--root', ca.root],
        ...['--attestation-uri', `tpmkms:name=key-${orders};device=${tpm.device}`],
        ...['--attestation-ca-url', `${inventory.origin}${options.base ?? ''}`, '--tpm-storage-directory', storage],
      ];
      const env = { ...process.env, STEPPATH: join(folder, 'step'), HOME: folder };
      const [status, output] = await new Promise<[number, string]>((done) => {
        execFile(step ?? '', args, { env, timeout: 90_000 }, (error, stdout, stderr) =>
          done([error ? Number(error.code ?? 1) : 0, `${stdout}${stderr}`]),
        );
      });
      const text = existsSync(out) ? await readFile(out, 'utf8') : '';
      return { status, output, certificates: text.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? [] };
    }
    const storage = (name: string) => join(folder, `storage-${name}`);

    let clientCertificate: X509Certificate | undefined;
    /** What a gateway asks the inventory about the client certificate that step-ca issued. */
    async function mayEnter(): Promise<AccessAnswer> {
      const certificate = clientCertificate?.raw.toString('base64');
      const { status, body } = await inventory.api('POST', '/api/v1/access', { certificate, level: 'normal' });
      expect(status).toBe(200);
      return body;
    }

    it('gets nothing for a TPM that the inventory does not hold', async () => {
      const asked = await order(storage('device'));
      expect(asked.output).toMatch(/POST ".*\/attest" failed with HTTP status "40[34] /);
      expect(asked).toMatchObject({ status: 1, certificates: [] });
      expect(await keptChains(storage('device'))).toEqual([[]]);
      expect(await issuedCertificates()).toBe(0);
    });

    it('gets a certificate of its attestation key, and with it a client certificate, for an imported, approved device', async () => {
      expect(await importDevice(tpm.permanentIdentifier)).toMatchObject({ approval: 'approved' });
      const asked = await order(storage('device'));
      expect(asked, asked.output).toMatchObject({ status: 0 });

      const [chain] = await keptChains(storage('device'));
      expectAkCertificate(chain ?? []);
      expect(await issuedCertificates()).toBe(1);

      const [client, issuer] = asked.certificates.map((text) => new X509Certificate(text));
      const intermediate = new X509Certificate(ca.intermediate);
      expect(issuer?.fingerprint256).toBe(intermediate.fingerprint256);
      expect(client?.verify(intermediate.publicKey)).toBe(true);
      const names = alternativeNamesOf(parseCertificate(new Uint8Array(client?.raw ?? [])));
      expect(names?.permanentIdentifiers).toEqual([tpm.permanentIdentifier]);
      expect(client?.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
      clientCertificate = client;
      expect(await mayEnter()).toMatchObject({ allow: true, device: { permanentIdentifier: tpm.permanentIdentifier } });
    });

    it('keeps the certificate for the next order, and takes the version prefix of deployed configurations', async () => {
      const again = await order(storage('device'), { base: '/1.0' });
      expect(again, again.output).toMatchObject({ status: 0 });
      expect(await issuedCertificates()).toBe(1);

      const fresh = await order(storage('prefix'), { base: '/1.0' });
      expect(fresh, fresh.output).toMatchObject({ status: 0 });
      expect(await issuedCertificates()).toBe(2);
    });

    it('cannot order another device’s identifier with its own certificate: step-ca finds the identifier bound', async () => {
      const other = `urn:ek:sha256:${Buffer.alloc(32, 7).toString('base64')}`;
      await importDevice(other);
      const asked = await order(storage('device'), { identifier: other });
      expect(asked.output).toContain(`attested hardware identifiers ["${tpm.permanentIdentifier}"]`);
      expect(asked.output).toMatch(/challenge identifier .* doesn't match/);
      expect(asked.certificates).toEqual([]);
    });

    it('is refused by a step-ca that trusts the authority of hardware TPMs only', async () => {
      const asked = await order(storage('device'), { provisioner: 'muster-hardware' });
      expect(asked.status).toBe(1);
      expect(asked.output).toMatch(/x5c is not valid: x509: certificate signed by unknown authority/);
      expect(asked.certificates).toEqual([]);
    });

    it('gets a client certificate from a step-ca that asks the inventory first, until the device is quarantined or refused', async () => {
      // One attestation key's certificate, from before: what keeps certificates back here is the question alone.
      const asked = () => order(storage('device'), { provisioner: 'muster-asked' });
      const refused = async (why: RegExp) => {
        const answer = await asked();
        expect(answer).toMatchObject({ status: 1, certificates: [] });
        expect(answer.output).toMatch(why);
      };
      const allowed = await asked();
      expect(allowed, allowed.output).toMatchObject({ status: 0 });
      expect(allowed.certificates.length).toBeGreaterThan(0);

      await setLifecycle(tpm.permanentIdentifier, 'quarantined');
      try {
        await refused(/not-active/);
      } finally {
        await setLifecycle(tpm.permanentIdentifier, 'active');
      }
      await decide(tpm.permanentIdentifier, 'refused');
      try {
        await refused(/not-approved/);
      } finally {
        await decide(tpm.permanentIdentifier, 'approved');
      }
      expect(await asked()).toMatchObject({ status: 0 });
      const { body } = await inventory.api('GET', '/api/v1/audit?action=certificate.asked');
      const { records } = body as { records: { outcome: string; code: string; actor: { name: string } }[] };
      expect(records.map(({ code }) => code)).toEqual(['not-approved', 'not-active']);
      // ENRICHING comes first, so it is the one that refused.
      expect(new Set(records.map(({ actor }) => actor.name))).toEqual(new Set(['step-ca ENRICHING']));
      const { body: list } = await inventory.api('GET', '/api/v1/ca-webhooks');
      for (const webhook of (list as { webhooks: { lastUsedAt: string | null }[] }).webhooks)
        expect(webhook.lastUsedAt).not.toBeNull();
    });

    it('gets nothing for a device that was refused', async () => {
      await decide(tpm.permanentIdentifier, 'refused');
      try {
        const asked = await order(storage('refused'));
        expect(asked.output).toMatch(/POST ".*\/attest" failed with HTTP status "40[34] /);
        expect(asked).toMatchObject({ status: 1, certificates: [] });
        expect(await keptChains(storage('refused'))).toEqual([[]]);
        expect(await mayEnter()).toMatchObject({ allow: false, reasons: [{ code: 'not-approved' }] });
      } finally {
        await decide(tpm.permanentIdentifier, 'approved');
      }
    });
  },
);

describe.skipIf(!judge || !hasTpm)('Smallstep’s tpmkms library (needs Go, its module proxy and swtpm)', () => {
  it('accepts the certificate of its attestation key: identity exact, not expired, not yet due for renewal', async () => {
    await importDevice(tpm.permanentIdentifier);
    const enrolled = await createJudge(judge ?? '')<{
      chain?: string[];
      refused?: string;
      permanentIdentifier: string;
    }>('tpmkms', {
      device: tpm.device,
      storage: join(folder, 'storage-tpmkms'),
      caUrl: inventory.origin,
      permanentIdentifier: tpm.permanentIdentifier,
    });
    expect(enrolled.refused).toBeUndefined();
    expect(enrolled.permanentIdentifier).toBe(tpm.permanentIdentifier);
    expectAkCertificate((enrolled.chain ?? []).map(bytes));
  });
});
