import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, deviceOf, startWorld, type World } from '../testing/world.ts';

describe('one enrolment over HTTP', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());

  it('walks from the invite to a pending, attested device', async () => {
    const device = world.newDevice('workbench');
    const enrolled = deviceOf(await world.enroll(device));
    expect(enrolled).toMatchObject({
      permanentIdentifier: device.urn,
      name: 'workbench',
      source: 'End-User',
      owner: { email: 'ada@example.com' },
      approval: 'pending',
      attestation: 'valid',
      ekClass: 'hardware',
      ekCertificate: 'verified',
      lifecycle: 'active',
      demo: false,
      conflict: false,
    });
    expect(enrolled.assurance.level).toBe('normal');
    expect(codeOf(await world.call('GET', '/api/v1/self'))).toBe('unauthenticated');
    expect(deviceOf(await world.asDevice(device, 'GET', '/api/v1/self'))).toMatchObject({ id: enrolled.id });
  });
});
