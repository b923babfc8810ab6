import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trustDemoRoot } from '../setUp.ts';
import { createBrowser } from '../testing/browser.ts';
import { createMaker, createSoftDevice } from '../testing/softDevice.ts';
import { codeOf, deviceOf, startWorld, type World } from '../testing/world.ts';

describe('a software TPM', () => {
  let world: World;
  const maker = createMaker('swtpm-localca');
  beforeAll(async () => {
    world = await startWorld({ server: { demo: true } });
    await trustDemoRoot(world.server, maker.der);
  });
  afterAll(() => world.close());

  async function approved() {
    const device = createSoftDevice({ maker });
    const { id } = deviceOf(await world.enroll(device));
    const token = await world.token('devices:read', 'devices:decide');
    const etag = (await world.api(token, 'GET', `/api/v1/devices/${id}`)).headers.get('etag') ?? '';
    await world.api(token, 'PUT', `/api/v1/devices/${id}/approval`, { decision: 'approved' }, { 'if-match': etag });
    return deviceOf(await world.asDevice(device, 'GET', '/api/v1/self'));
  }

  it('is high-assurance only in a demo that accepts it, and says why', async () => {
    expect(await approved()).toMatchObject({
      ekClass: 'software',
      ekCertificate: 'verified',
      demo: true,
      assurance: { level: 'normal' },
    });
    await world.change({ acceptSoftwareTpm: true });
    const device = await approved();
    expect(device.assurance.level).toBe('high');
    expect(device.assurance.reasons.map(({ code }) => code)).toContain('demo-software-tpm');
  });

  it('has its certificate from the authority that nothing is told to trust', async () => {
    const device = createSoftDevice({ maker });
    const walk = await world.begin(device);
    const [, issuer = ''] = await world.activate(walk);
    const { trusted, untrusted } = world.server.context.issuers;
    expect(issuer).toBe(Buffer.from(untrusted.issuing.certificate).toString('base64'));
    expect(issuer).not.toBe(Buffer.from(trusted.issuing.certificate).toString('base64'));
  });

  it('is refused where the team refuses the class', async () => {
    await world.change({ refusedClasses: ['software'] });
    const walk = await world.begin(createSoftDevice({ maker }));
    const answer = await world.withGrant(walk.key, walk.grant, '/attest', walk.device.attestBody());
    expect(codeOf(answer)).toBe('software-tpm-refused');
    await world.change({ refusedClasses: [] });
  });

  it('is trusted in no other store', async () => {
    const other = await startWorld();
    try {
      await expect(trustDemoRoot(other.server, maker.der)).rejects.toMatchObject({ code: 'store-is-production' });
      await other.change({ acceptSoftwareTpm: true });
      const { level } = deviceOf(await other.enroll(createSoftDevice({ maker }))).assurance;
      expect(level).toBe('normal');
    } finally {
      await other.close();
    }
  });
});

describe('a record that an administrator set aside', () => {
  it('does not come back by enrolling: quarantined and deleted stay so', async () => {
    const world = await startWorld();
    try {
      for (const [lifecycle, code] of [
        ['quarantined', 'device-quarantined'],
        ['deleted', 'device-deleted'],
      ] as const) {
        const device = world.newDevice();
        const { id } = deviceOf(await world.enroll(device));
        const token = await world.token('devices:read', 'devices:decide');
        const etag = (await world.api(token, 'GET', `/api/v1/devices/${id}`)).headers.get('etag') ?? '';
        const put = await world.api(
          token,
          'PUT',
          `/api/v1/devices/${id}/lifecycle`,
          { lifecycle },
          { 'if-match': etag },
        );
        expect(put.status).toBe(200);
        device.reinstall();
        const walk = await world.begin(device);
        expect(codeOf(await world.withGrant(walk.key, walk.grant, '/attest', device.attestBody()))).toBe(code);
        expect(codeOf(await world.call('POST', '/attest', { body: device.attestBody() }))).toBe('ek-unknown');
      }
    } finally {
      await world.close();
    }
  });
});

describe('an identity provider that does not answer', () => {
  it('is named as the reason', async () => {
    const identityProvider = {
      issuer: 'http://127.0.0.1:9',
      clientId: 'x',
      clientSecret: 'y',
      allowInsecureLoopback: true,
    };
    const world = await startWorld({ server: { identityProvider } });
    try {
      const page = await createBrowser(world.origin).open('/console/sign-in');
      expect(page.status).toBe(503);
      expect(page.text).toContain('identity provider');
    } finally {
      await world.close();
    }
    const remote = { ...identityProvider, issuer: 'http://idp.example' };
    await expect(startWorld({ server: { identityProvider: remote } })).rejects.toMatchObject({ code: 'configuration' });
  });
});
