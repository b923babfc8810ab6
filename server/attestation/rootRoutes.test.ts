import { afterAll, beforeAll, expect, it } from 'vitest';
import { CA_EXTENSIONS, certificate } from '../../attestation/testing/certificates.ts';
import { type AuditRecord, type Device, TrustedRoot, TrustedRootList } from '../../contract/index.ts';
import { createMaker, createSoftDevice } from '../testing/softDevice.ts';
import { codeOf, deviceOf, startWorld, type World } from '../testing/world.ts';
import { fingerprintOf } from './roots.ts';

let world: World;
let token: string;
beforeAll(async () => {
  world = await startWorld();
  token = await world.token('devices:read', 'devices:decide', 'settings:read', 'settings:write', 'audit:read');
});
afterAll(() => world.close());

const api = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  world.api(token, method, path, body, headers);
const shown = async (id: string) => (await api('GET', `/api/v1/devices/${id}`)).body as Device;
const add = (der: Uint8Array, more: object = {}) =>
  api('POST', '/api/v1/roots', { certificate: Buffer.from(der).toString('base64'), vendor: 'Acme', ...more });
const trust = (fingerprint: string, trusted: boolean) => api('PUT', `/api/v1/roots/${fingerprint}/trust`, { trusted });

it('an owner adds a maker, whose chips count from then on as what was said', async () => {
  const maker = createMaker('Acme Root');
  const before = deviceOf(await world.enroll(createSoftDevice({ maker })));
  expect(await shown(before.id)).toMatchObject({ ekClass: 'unknown-root' });
  const added = TrustedRoot.parse((await add(maker.der, { ekClass: 'firmware' })).body);
  expect(added).toMatchObject({
    fingerprint: fingerprintOf(maker.der),
    subject: expect.stringContaining('Acme Root'),
    ekClass: 'firmware',
    source: 'administrator',
    trusted: true,
  });
  expect(await shown(deviceOf(await world.enroll(createSoftDevice({ maker }))).id)).toMatchObject({
    ekClass: 'firmware',
  });
  const { roots } = TrustedRootList.parse((await api('GET', '/api/v1/roots')).body);
  expect(roots).toContainEqual(added);
  expect(codeOf(await add(maker.der))).toBe('already-exists');
  for (const bad of [new Uint8Array([1, 2, 3]), certificate().der])
    expect(codeOf(await add(bad))).toBe('invalid-request');
  expect(codeOf(await trust('0'.repeat(64), false))).toBe('not-found');
});

it('a maker that is trusted no longer: its devices lose their class at once, and have it again when it is trusted again', async () => {
  const maker = createMaker('Broken Root');
  const { fingerprint } = TrustedRoot.parse((await add(maker.der, { ekClass: 'hardware' })).body);
  const [soft, other] = [createSoftDevice({ maker }), world.newDevice()];
  const walk = await world.begin(soft);
  const chain = await world.activate(walk);
  const { id } = deviceOf(await world.submit(walk, chain));
  const otherId = deviceOf(await world.enroll(other)).id;
  await api(
    'PUT',
    `/api/v1/devices/${id}/approval`,
    { decision: 'approved' },
    { 'if-match': `"${(await shown(id)).version}"` },
  );
  expect(await shown(id)).toMatchObject({ assurance: { level: 'high' } });
  const late = await world.begin(createSoftDevice({ maker }));
  const lateChain = await world.activate(late);

  expect((await trust(fingerprint, false)).body).toMatchObject({ root: { fingerprint, trusted: false }, devices: 1 });
  expect(await shown(id)).toMatchObject({
    ekClass: 'unknown-root',
    approval: 'approved',
    assurance: { level: 'normal' },
  });
  expect(await shown(otherId)).toMatchObject({ ekClass: 'hardware' });
  const { records } = (await api('GET', `/api/v1/audit?subject=${id}&action=device.judged`)).body as {
    records: AuditRecord[];
  };
  expect(records).toMatchObject([{ before: { ekClass: 'hardware' }, after: { ekClass: 'unknown-root' } }]);
  // What was issued on the word of that maker is worth nothing: not for an enrolment, and not for attesting again.
  expect(codeOf(await world.submit(late, lateChain))).toBe('ak-certificate-refused');
  const { challenge } = (await world.asDevice(soft, 'POST', '/api/v1/challenges', {})).body as { challenge: string };
  const proof = soft.proof({ origin: world.origin, challenge, boundTo: soft.keyId() }, chain);
  expect(codeOf(await world.asDevice(soft, 'POST', '/api/v1/self/attestations', { proof }))).toBe(
    'ak-certificate-refused',
  );

  expect((await trust(fingerprint, true)).body).toMatchObject({ root: { trusted: true }, devices: 1 });
  expect(await shown(id)).toMatchObject({ ekClass: 'hardware', assurance: { level: 'high' } });
  expect((await trust(fingerprint, true)).body).toMatchObject({ devices: 0 });
});

it('devices that were not judged yet when the server stopped are judged when it starts', async () => {
  const maker = createMaker('Interrupted Root');
  const { fingerprint } = TrustedRoot.parse((await add(maker.der, { ekClass: 'hardware' })).body);
  const [first, second] = [
    deviceOf(await world.enroll(createSoftDevice({ maker }))).id,
    deviceOf(await world.enroll(createSoftDevice({ maker }))).id,
  ].sort();
  // As it is left behind by a server that ended after the first device.
  await world.server.store.db
    .updateTable('trusted_roots')
    .set({ distrusted_at: 1, judge_after: `change ${first}` })
    .where('fingerprint', '=', fingerprint)
    .execute();
  await world.restart();
  await expect.poll(async () => (await shown(second ?? '')).ekClass).toBe('unknown-root');
  expect(await shown(first ?? '')).toMatchObject({ ekClass: 'hardware' });
  const through = () =>
    world.server.store.db.selectFrom('trusted_roots').select('judge_after').where('fingerprint', '=', fingerprint);
  await expect.poll(async () => (await through().executeTakeFirst())?.judge_after).toBeNull();
});

it('an intermediate that is trusted no longer: not either where a device brings it, in whatever encoding', async () => {
  const root = createMaker('Sound Root');
  const between = certificate({ subject: 'Leaked Intermediate', issuer: root, extensions: CA_EXTENSIONS });
  const added = TrustedRoot.parse((await add(between.der, { role: 'intermediate' })).body);
  expect((await add(root.der, { ekClass: 'hardware' })).status).toBe(201);
  const [soft, sound] = [createSoftDevice({ maker: between }), createSoftDevice({ maker: root })];
  soft.certificates.push(between.der);
  const { id } = deviceOf(await world.enroll(soft));
  const soundId = deviceOf(await world.enroll(sound)).id;
  expect(await shown(id)).toMatchObject({ ekClass: 'hardware' });

  expect((await trust(added.fingerprint, false)).status).toBe(200);
  expect(await shown(id)).toMatchObject({ ekClass: 'unknown-root' });
  expect(await shown(soundId)).toMatchObject({ ekClass: 'hardware' });
  // The root signed the same key once more: other bytes, and the same authority.
  const again = certificate({
    subject: 'Leaked Intermediate',
    issuer: root,
    key: between.key,
    extensions: CA_EXTENSIONS,
    serial: new Uint8Array([77]),
  });
  for (const brought of [between.der, again.der]) {
    const late = createSoftDevice({ maker: between });
    late.certificates.push(brought);
    expect(await shown(deviceOf(await world.enroll(late)).id)).toMatchObject({ ekClass: 'unknown-root' });
  }
  expect((await trust(added.fingerprint, true)).status).toBe(200);
  expect(await shown(id)).toMatchObject({ ekClass: 'hardware' });
});
