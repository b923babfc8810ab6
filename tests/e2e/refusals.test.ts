import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base64, fromBase64 } from '../../app/bytes.ts';
import type { Attestor } from '../../app/ports.ts';
import { makeAttestationKey, makeDeviceKey } from '../../app/proof.ts';
import { loadKey } from '../../app/records.ts';
import { has } from '../../build/bootstrap.mjs';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { createServer } from '../../server/index.ts';
import { signIn, startTestInventory, type TestInventory } from '../hosts/inventory.ts';
import {
  activated,
  attestBody,
  enrollmentBody,
  type HandDevice,
  openDevice,
  type Prepared,
  prepare,
  solve,
} from './handCeremony.ts';

// Every way to cheat that the walk of one enrolment names: refused with its own code, and nothing stored.
describe.skipIf(!has('swtpm'))('refusals of one enrolment (needs swtpm)', () => {
  let folder: string;
  let tpms: SoftwareTpm[];
  let inventory: TestInventory;
  let device: HandDevice;
  let other: HandDevice;
  let skewMs = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-refusals-'));
    const caFolder = join(folder, 'ca');
    // One after the other: they share one CA, as machines of one vendor do.
    tpms = [await startSoftwareTpm({ folder: join(folder, 'tpm1'), caFolder })];
    tpms.push(await startSoftwareTpm({ folder: join(folder, 'tpm2'), caFolder }));
    inventory = await startTestInventory({
      folder,
      issuers: [tpms[0]?.issuerCertificate],
      clock: () => Date.now() + skewMs,
    });
    device = await openDevice(tpms[0]?.tcti ?? '');
    other = await openDevice(tpms[1]?.tcti ?? '');
  });
  afterAll(async () => {
    await device?.attestor.close();
    await other?.attestor.close();
    await inventory?.close();
    for (const tpm of tpms ?? []) await tpm.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const credentialOf = (prepared: Prepared) => inventory.client.granted(prepared.key, prepared.grant);
  const devices = async () => (await inventory.api('GET', '/api/v1/devices')).body as { devices: unknown[] };

  async function refusedAs(code: string, attempt: Promise<unknown>): Promise<void> {
    await expect(attempt).rejects.toMatchObject({ code });
    expect((await devices()).devices).toEqual([]);
  }

  test("a secret from another TPM's credential", async () => {
    const [mine, theirs] = [await prepare(inventory, device), await prepare(inventory, other)];
    await inventory.client.attest(credentialOf(mine), attestBody(mine));
    const secret = await solve(theirs, await inventory.client.attest(credentialOf(theirs), attestBody(theirs)));
    await refusedAs('secret-refused', inventory.client.secret(credentialOf(mine), secret));
  });

  test("another TPM's credential does not open here at all", async () => {
    const [mine, theirs] = [await prepare(inventory, device), await prepare(inventory, other)];
    const credential = await inventory.client.attest(credentialOf(theirs), attestBody(theirs));
    await expect(solve(mine, credential)).rejects.toThrow();
  });

  test('a replayed secret', async () => {
    const mine = await prepare(inventory, device);
    const secret = await solve(mine, await inventory.client.attest(credentialOf(mine), attestBody(mine)));
    await inventory.client.secret(credentialOf(mine), secret);
    await refusedAs('secret-refused', inventory.client.secret(credentialOf(mine), secret));
  });

  test.each([
    ['restricted', 0x0001_0000],
    ['fixed to its TPM', 0x0000_0002],
  ])('an attestation key that is not %s', async (_what, bit) => {
    const mine = await prepare(inventory, device);
    const area = Buffer.from(fromBase64(mine.attestationKey.area));
    // TPMT_PUBLIC: type u16, nameAlg u16, objectAttributes u32.
    area.writeUInt32BE((area.readUInt32BE(4) & ~bit) >>> 0, 4);
    const body = attestBody(mine);
    await refusedAs(
      'ak-refused',
      inventory.client.attest(credentialOf(mine), { ...body, params: { ...body.params, public: base64(area) } }),
    );
  });

  test('an endorsement-key certificate that does not match the endorsement key', async () => {
    const [mine, theirs] = [await prepare(inventory, device), await prepare(inventory, other)];
    const body = { ...attestBody(mine), ekCerts: attestBody(theirs).ekCerts };
    await refusedAs('ek-certificate-mismatch', inventory.client.attest(credentialOf(mine), body));
  });

  test('an expired grant', async () => {
    const mine = await prepare(inventory, device);
    skewMs = 3 * 3_600_000;
    try {
      await refusedAs('grant-expired', inventory.client.attest(credentialOf(mine), attestBody(mine)));
    } finally {
      skewMs = 0;
    }
  });

  test('a quote over an old challenge', async () => {
    const mine = await prepare(inventory, device);
    const chain = await activated(inventory, mine);
    const old = await inventory.client.challenge(credentialOf(mine));
    const body = await enrollmentBody(inventory, mine, chain, { challenge: base64(Buffer.alloc(32, 7)) });
    await refusedAs('challenge-refused', inventory.client.enroll(mine.key, mine.grant, body));
    // And a proof over one challenge does not answer another.
    const crossed = await enrollmentBody(inventory, mine, chain);
    crossed.proof.challenge = old.challenge;
    await refusedAs('binding-mismatch', inventory.client.enroll(mine.key, mine.grant, crossed));
  });

  test.each([
    ["another server's origin (a relay)", { origin: 'https://inventory.evil.example' }],
    ["another grant's key", { thumbprint: base64(Buffer.alloc(32, 1)).replace(/[+/=]/g, 'A').slice(0, 43) }],
    ['another identifier', { permanentIdentifier: `urn:ek:sha256:${base64(Buffer.alloc(32, 2))}` }],
  ])('a proof made for %s', async (_what, change) => {
    const mine = await prepare(inventory, device);
    const chain = await activated(inventory, mine);
    const body = await enrollmentBody(inventory, mine, chain, change);
    await refusedAs('binding-mismatch', inventory.client.enroll(mine.key, mine.grant, body));
  });

  test('a device key that the attestation key did not certify', async () => {
    const mine = await prepare(inventory, device);
    const chain = await activated(inventory, mine);
    const stranger = loadKey(await makeAttestationKey(device.attestor, device.permanentIdentifier));
    const signer: Attestor = {
      ...device.attestor,
      // What the right one would say, under the signature of another.
      certify: async (deviceKey, own, binding) => ({
        ...(await device.attestor.certify(deviceKey, own, binding)),
        signature: (await device.attestor.certify(deviceKey, stranger, binding)).signature,
      }),
    };
    const body = await enrollmentBody(inventory, mine, chain, { signer });
    await refusedAs('device-key-refused', inventory.client.enroll(mine.key, mine.grant, body));
  });

  test('a device key in place of the one that the attestation key certified', async () => {
    const mine = await prepare(inventory, device);
    const chain = await activated(inventory, mine);
    const body = await enrollmentBody(inventory, mine, chain);
    body.proof.deviceKey.public = (await makeDeviceKey(device.attestor)).area;
    await refusedAs('binding-mismatch', inventory.client.enroll(mine.key, mine.grant, body));
  });

  test('a device key certified by an attestation key that was never activated', async () => {
    const mine = await prepare(inventory, device);
    const chain = await activated(inventory, mine);
    const stranger = await makeAttestationKey(device.attestor, device.permanentIdentifier);
    const body = await enrollmentBody(inventory, mine, chain, { attestationKey: stranger });
    await refusedAs('ak-certificate-refused', inventory.client.enroll(mine.key, mine.grant, body));
  });

  test('a grant used for another identifier', async () => {
    const theirs = await prepare(inventory, other);
    const granted = await signIn(inventory, { permanentIdentifier: device.permanentIdentifier, name: 'test-machine' });
    await refusedAs(
      'grant-other-identifier',
      inventory.client.attest(inventory.client.granted(granted.key, granted.grant), attestBody(theirs)),
    );
  });

  test('a tampered certificate of the attestation key', async () => {
    const mine = await prepare(inventory, device);
    const [leaf = '', ...issuers] = await activated(inventory, mine);
    const bytes = Buffer.from(fromBase64(leaf));
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 5) ^ 1, bytes.length - 5);
    const body = await enrollmentBody(inventory, mine, [base64(bytes), ...issuers]);
    await refusedAs('ak-certificate-refused', inventory.client.enroll(mine.key, mine.grant, body));
  });

  test('a demo store opened by a real server', async () => {
    const copy = join(folder, 'demo-store');
    const demo = await createServer({ store: copy, demo: true, logger: false });
    await demo.close();
    await expect(createServer({ store: copy, demo: false, logger: false })).rejects.toMatchObject({
      code: 'store-is-demo',
    });
  });

  // Last, because it stores a device: the same steps without a change are taken, and the grant is spent by that alone.
  test('the honest ceremony is taken once, and its grant never again', async () => {
    const mine = await prepare(inventory, device);
    const chain = await activated(inventory, mine);
    const enrolled = await inventory.client.enroll(mine.key, mine.grant, await enrollmentBody(inventory, mine, chain));
    expect(enrolled).toMatchObject({
      permanentIdentifier: device.permanentIdentifier,
      approval: 'pending',
      attestation: 'valid',
      ceremonyCode: mine.code,
    });
    await expect(inventory.client.challenge(credentialOf(mine))).rejects.toMatchObject({ code: 'grant-used' });
    expect((await devices()).devices).toHaveLength(1);
  });
});
