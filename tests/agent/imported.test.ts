import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../agent/exitCodes.ts';
import { runMuster } from '../../agent/testing.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { has } from '../../native/testing/tools.ts';
import { trustDemoRoot } from '../../server/index.ts';
import { createClaimDevice } from '../../server/testing/claimDevice.ts';
import { deviceOf, startWorld, type World } from '../../server/testing/world.ts';
import { confirmAt, openedInvite, shownBy } from './atTheBrowser.ts';

describe.skipIf(!has('swtpm'))('a device that a script imported by its EK (needs swtpm)', () => {
  let folder: string;
  let software: SoftwareTpm;
  let world: World;
  let token: string;
  let urn: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-imported-'));
    software = await startSoftwareTpm({ folder });
    // Only in a demo store does a software TPM count.
    world = await startWorld({ server: { demo: true }, settings: { acceptSoftwareTpm: true } });
    const [root, issuer] = [software.rootCertificate, software.issuerCertificate].map((pem) =>
      pem ? new Uint8Array(new X509Certificate(pem).raw) : undefined,
    );
    if (root) await trustDemoRoot(world.server, root, 'swtpm', issuer ? [issuer] : []);
    token = await world.token('devices:read', 'devices:write');
    urn = (await runMuster(['tpm', '--fingerprint', '--tcti', software.tcti])).out.trim();
  });
  afterAll(async () => {
    await world?.close();
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const enrolAs = async (email: string) => {
    let page: Promise<string> | undefined;
    const state = ['--tcti', software.tcti, '--state', join(folder, email)];
    const enrolled = await runMuster(
      ['enroll', '--server', world.origin, '--device-flow', '--json', ...state],
      (err) => {
        if (err.includes('has to show this code'))
          page ??= openedInvite(world, email).then((cookies) => confirmAt(world, shownBy(err), cookies));
      },
    );
    await page;
    return enrolled;
  };
  const read = async (path: string) => (await world.api(token, 'GET', path)).body;
  const device = () => read(`/api/devices/${encodeURIComponent(urn)}`);

  it('is approved as it comes, and high-assurance when that TPM enrols for its owner', async () => {
    const path = `/api/collections/default/instances/${encodeURIComponent(urn)}`;
    const put = await world.api(token, 'PUT', path, { data: { 'smallstep:identity': 'carl@smallstep.com' } });
    expect(put.status, put.text).toBe(200);
    expect(await device()).toMatchObject({ highAssurance: false, approvedAt: expect.any(String) });
    const enrolled = await enrolAs('carl@smallstep.com');
    expect(enrolled.code, enrolled.err).toBe(EXIT.ok);
    expect(await device()).toMatchObject({ highAssurance: true, user: { email: 'carl@smallstep.com' } });
  });

  it('stays with its owner when another person enrols the same TPM: that is a conflict', async () => {
    const refused = await enrolAs('mallory@example.com');
    expect(refused.code).toBe(EXIT.refused);
    expect(await read('/api/v1/conflicts')).toMatchObject({
      conflicts: [
        {
          kind: 'other-owner',
          claimant: { email: 'mallory@example.com' },
          device: { permanentIdentifier: urn, owner: { email: 'carl@smallstep.com' } },
        },
      ],
    });
    expect(await device()).toMatchObject({ user: { email: 'carl@smallstep.com' }, approvedAt: expect.any(String) });
  });

  it('by its serial number is not taken over by a machine that merely claims that number', async () => {
    const serial = 'C02XK1ZHJGH5';
    const path = `/api/collections/default/instances/${serial}`;
    await world.api(token, 'PUT', path, { data: { 'smallstep:identity': 'carl@smallstep.com' } });
    const imported = await read(`/api/devices/${serial}`);
    expect(deviceOf(await world.claim(createClaimDevice(serial), 'mallory@example.com'))).toMatchObject({
      approval: 'pending',
      owner: { email: 'mallory@example.com' },
      assurance: { level: 'normal' },
    });
    expect(await read(`/api/devices/${serial}`)).toEqual(imported);
    expect(await read('/api/v1/candidates')).toMatchObject({
      candidates: [{ candidate: { owner: { email: 'mallory@example.com' } }, device: { permanentIdentifier: serial } }],
    });
  });
});
