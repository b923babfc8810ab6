import { afterAll, beforeAll, expect, it } from 'vitest';
import { CandidatePage, type Device, shownVersion } from '../../contract/index.ts';
import { createAdministrator } from '../setUp.ts';
import { createSession } from '../store/sessions.ts';
import { createClaimDevice } from '../testing/claimDevice.ts';
import { codeOf, deviceOf, startWorld, type World } from '../testing/world.ts';

const [ADA, BOB] = ['ada@example.com', 'bob@example.com'];
let world: World;
let [ada, bob]: Record<string, string>[] = [];
let adasToken: string;
beforeAll(async () => {
  world = await startWorld({ settings: { selfApprovalForbidden: true } });
  const session = async (email: string) => {
    const { store } = world.server;
    const user = await createAdministrator(store, { email, role: 'owner' }, world.clock());
    const secret = await store.write((trx) => createSession(trx, world.clock(), user.id));
    return { cookie: `muster-session=${secret}`, origin: world.origin, 'sec-fetch-site': 'same-origin' };
  };
  [ada, bob] = [await session(ADA), await session(BOB)];
  const made = await world.call('POST', '/api/v1/tokens', {
    body: { name: 'nightly', scopes: ['devices:read', 'devices:write', 'devices:decide'] },
    headers: ada,
  });
  adasToken = (made.body as { secret: string }).secret;
});
afterAll(() => world.close());

type By = Record<string, string> | undefined;
const call = (by: By, method: string, path: string, body?: unknown, match?: string) =>
  world.call(method, path, {
    ...(body === undefined ? {} : { body }),
    headers: { ...by, ...(match === undefined ? {} : { 'if-match': match }) },
  });
const shown = async (id: string) => (await call(bob, 'GET', `/api/v1/devices/${id}`)).body as Device;
const onScreen = async (id: string) => `"${(await shown(id)).version}"`;
const approve = async (by: By, id: string) =>
  call(by, 'PUT', `/api/v1/devices/${id}/approval`, { decision: 'approved' }, await onScreen(id));
const give = async (by: By, id: string, owner: string) =>
  call(by, 'PATCH', `/api/v1/devices/${id}`, { owner }, await onScreen(id));
const policy = async (change: object) => {
  const { settings } = world.server.context;
  const sources = { 'Smallstep API': { ...(await settings()).sources['Smallstep API'], ...change } };
  expect((await call(bob, 'PATCH', '/api/v1/settings', { sources })).status).toBe(200);
};
const imported = async (permanentIdentifier: string) => {
  const answer = await call({ authorization: `Bearer ${adasToken}` }, 'POST', '/api/devices', { permanentIdentifier });
  expect(answer.status).toBe(201);
  return (answer.body as { id: string }).id;
};

it('who has a token ask for a device does not approve it', async () => {
  await policy({ autoApproved: false });
  try {
    const id = await imported(world.newDevice().urn);
    expect(codeOf(await approve(ada, id))).toBe('self-approval');
    expect((await approve(bob, id)).body).toMatchObject({ approval: 'approved' });
  } finally {
    await policy({ autoApproved: true });
  }
});

it('who takes an approved device for themselves, by whatever way, has nobody’s approval', async () => {
  const [byConsole, byToken, fromBob] = [world.newDevice().urn, world.newDevice().urn, world.newDevice().urn];
  const [first, second, third] = [await imported(byConsole), await imported(byToken), await imported(fromBob)];
  const waits = { approval: 'pending', owner: { email: ADA }, approvalReason: expect.stringContaining('another') };
  expect((await give(ada, first, ADA)).body).toMatchObject(waits);
  const patched = await call({ authorization: `Bearer ${adasToken}` }, 'PATCH', `/api/devices/${second}`, {
    user: { email: ADA },
  });
  expect(patched.status).toBe(200);
  expect(await shown(second)).toMatchObject(waits);
  // Another person gives it: two pairs of eyes saw it.
  expect((await give(bob, third, ADA)).body).toMatchObject({ approval: 'approved', owner: { email: ADA } });
});

it('who approved a device that nobody owned, and enrols it as theirs, waits for somebody else', async () => {
  await policy({ autoApproved: false, bindingKeepsApproval: true });
  try {
    for (const [by, approval] of [
      [BOB, 'pending'],
      [ADA, 'approved'],
    ] as const) {
      const soft = world.newDevice();
      const id = await imported(soft.urn);
      expect((await approve(bob, id)).body).toMatchObject({ approval: 'approved', decidedBy: BOB });
      expect(deviceOf(await world.enroll(soft, by))).toMatchObject({ id, approval });
    }
  } finally {
    await policy({ autoApproved: true, bindingKeepsApproval: false });
  }
});

it('nobody joins their own claim with an approved record; another administrator may', async () => {
  const serial = 'C02FOUREYES1';
  const record = await imported(serial);
  const { id } = deviceOf(await world.claim(createClaimDevice(serial), ADA));
  const join = async (by: By) => {
    const { candidates } = CandidatePage.parse((await call(bob, 'GET', '/api/v1/candidates')).body);
    const found = candidates.find(({ candidate }) => candidate.id === id);
    if (!found?.device) throw new Error('no candidate');
    const match = `"${shownVersion(found.device, found.candidate)}"`;
    return call(by, 'POST', `/api/v1/candidates/${id}/resolution`, { resolution: 'merge' }, match);
  };
  expect(codeOf(await join(ada))).toBe('self-approval');
  const { db } = world.server.store;
  const refused = db
    .selectFrom('audit')
    .selectAll()
    .where('outcome', '=', 'refused')
    .where('code', '=', 'self-approval');
  expect(await refused.where('subject_id', '=', id).execute()).toMatchObject([
    { actor_name: ADA, action: 'request.refused', subject_type: 'device' },
  ]);
  expect((await join(bob)).body).toMatchObject({ id: record, approval: 'approved', owner: { email: ADA } });
});
