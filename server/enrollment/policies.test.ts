import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditRecord, Conflict, Device, TeamSettings } from '../../contract/index.ts';
import { createAdministrator } from '../setUp.ts';
import { createSession } from '../store/sessions.ts';
import { codeOf, deviceOf, startWorld, type World } from '../testing/world.ts';

let world: World;
let token: string;
beforeAll(async () => {
  world = await startWorld();
  token = await world.token('devices:read', 'devices:write', 'devices:decide', 'settings:write', 'audit:read');
});
afterAll(() => world.close());

const api = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  world.api(token, method, path, body, headers);
const shown = async (id: string) => (await api('GET', `/api/v1/devices/${id}`)).body as Device;
const match = async (id: string) => ({ 'if-match': `"${(await shown(id)).version}"` });
const approve = async (id: string, by: Record<string, string> = { authorization: `Bearer ${token}` }) =>
  world.call('PUT', `/api/v1/devices/${id}/approval`, {
    body: { decision: 'approved' },
    headers: { ...by, ...(await match(id)) },
  });
const audited = async (id: string, action: string) => {
  const answer = await api('GET', `/api/v1/audit?subject=${id}&action=${action}`);
  return (answer.body as { records: AuditRecord[] }).records;
};
/** Named by the organization's system; with an owner where one is given. */
const imported = async (identifier: string, email?: string, tags?: string[]): Promise<string> => {
  const answer = await api('POST', '/api/devices', {
    permanentIdentifier: identifier,
    ...(email ? { user: { email } } : {}),
    ...(tags ? { tags } : {}),
  });
  expect(answer.status).toBe(201);
  return (answer.body as { id: string }).id;
};
const sources = async (change: Partial<TeamSettings['sources']['End-User']>) => {
  const current = (await world.server.context.settings()).sources['Smallstep API'];
  const answer = await api('PATCH', '/api/v1/settings', { sources: { 'Smallstep API': { ...current, ...change } } });
  expect(answer.status).toBe(200);
};

describe('a device that was approved while nobody owned it, and that a person enrols as theirs', () => {
  it('waits for an administrator, who sees whose it has become', async () => {
    const soft = world.newDevice();
    const id = await imported(soft.urn);
    expect(await shown(id)).toMatchObject({ approval: 'approved', owner: null, decidedBy: 'policy' });
    expect(deviceOf(await world.enroll(soft))).toMatchObject({
      id,
      approval: 'pending',
      approvalReason: expect.stringContaining('ada@example.com'),
      assurance: { level: 'normal' },
    });
    expect(await audited(id, 'device.enrolled')).toMatchObject([
      {
        before: { approval: 'approved', owner: null },
        after: { approval: 'pending', reason: expect.stringContaining('without an owner'), owner: expect.any(String) },
      },
    ]);
    await approve(id);
    expect(await shown(id)).toMatchObject({ assurance: { level: 'high' }, owner: { email: 'ada@example.com' } });
    // The same person again: nothing is bound anew.
    expect(deviceOf(await world.enroll(soft))).toMatchObject({ approval: 'approved' });
  });

  it('keeps its approval where its source says so, and only there', async () => {
    await sources({ bindingKeepsApproval: true });
    try {
      const soft = world.newDevice();
      const id = await imported(soft.urn);
      expect(deviceOf(await world.enroll(soft))).toMatchObject({
        id,
        approval: 'approved',
        assurance: { level: 'high' },
      });
      expect(await audited(id, 'device.enrolled')).toMatchObject([
        { before: { approval: 'approved', owner: null }, after: { approval: 'approved', owner: expect.any(String) } },
      ]);
      // A client that does not know the field leaves it as it is.
      const known = { allowed: true, autoApproved: true, userBindingRequired: false };
      await api('PATCH', '/api/v1/settings', { sources: { 'Smallstep API': known } });
      const { sources: stored } = await world.server.context.settings();
      expect(stored['Smallstep API']).toEqual({ ...known, bindingKeepsApproval: true });
      expect(stored.Jamf.bindingKeepsApproval).toBe(false);
    } finally {
      await sources({ bindingKeepsApproval: false });
    }
  });

  it('keeps its approval where the owner was named before, where it is shared, and where nobody is bound', async () => {
    const [named, shared] = [world.newDevice(), world.newDevice()];
    await imported(named.urn, 'ada@example.com');
    expect(deviceOf(await world.enroll(named))).toMatchObject({ approval: 'approved' });
    const id = await imported(shared.urn);
    await api('PATCH', `/api/v1/devices/${id}`, { shared: true }, await match(id));
    expect(deviceOf(await world.enroll(shared))).toMatchObject({ approval: 'approved', owner: null });
  });
});

describe('rules on tags', () => {
  it('see the tags of the record that waits for the device', async () => {
    await sources({ autoApproved: false });
    const approvalRules = [{ name: 'Laptops of the lab', when: { tags: ['lab'] } }];
    await api('PATCH', '/api/v1/settings', { approvalRules: [] });
    try {
      const [lab, other] = [world.newDevice(), world.newDevice()];
      const ids = [
        await imported(lab.urn, 'ada@example.com', ['lab']),
        await imported(other.urn, 'ada@example.com', ['desk']),
      ];
      for (const id of ids) expect(await shown(id)).toMatchObject({ approval: 'pending' });
      await api('PATCH', '/api/v1/settings', { approvalRules });
      expect(deviceOf(await world.enroll(lab))).toMatchObject({
        approval: 'approved',
        approvalReason: 'Approved by the rule "Laptops of the lab".',
      });
      expect(deviceOf(await world.enroll(other))).toMatchObject({ approval: 'pending' });
    } finally {
      await sources({ autoApproved: true });
      await api('PATCH', '/api/v1/settings', { approvalRules: [] });
    }
  });
});

describe('four eyes', () => {
  const ADA = 'ada@example.com';
  const session = async (email: string) => {
    const { store } = world.server;
    const user = await createAdministrator(store, { email, role: 'owner' }, world.clock());
    const secret = await store.write((trx) => createSession(trx, world.clock(), user.id));
    return { cookie: `muster-session=${secret}`, origin: world.origin, 'sec-fetch-site': 'same-origin' };
  };
  const bulk = async (ids: string[], by: Record<string, string>) => {
    const devices = await Promise.all(ids.map(async (id) => ({ id, version: (await shown(id)).version })));
    return world.call('POST', '/api/v1/decisions', {
      body: { decision: { decision: 'approved' }, devices },
      headers: by,
    });
  };

  it('without the Team Setting, whoever approves their own device is only noted', async () => {
    const ada = await session(ADA);
    const { id } = deviceOf(await world.enroll(world.newDevice(), ADA));
    expect((await approve(id, ada)).body).toMatchObject({ approval: 'approved' });
    expect(await audited(id, 'device.approved')).toMatchObject([{ after: { selfApproval: true, requestedBy: ADA } }]);
    const second = deviceOf(await world.enroll(world.newDevice(), ADA)).id;
    expect((await bulk([second], ada)).body).toMatchObject({ results: [{ id: second, outcome: 'done' }] });
    expect(await audited(second, 'device.approved')).toMatchObject([{ after: { selfApproval: true } }]);
  });

  it('with it, nobody approves a device that they asked for or own: one by one, in bulk, or by a token of theirs', async () => {
    const [ada, bob] = [await session(ADA), await session('bob@example.com')];
    expect((await api('PATCH', '/api/v1/settings', { selfApprovalForbidden: true })).status).toBe(200);
    try {
      const [own, others] = [
        deviceOf(await world.enroll(world.newDevice(), ADA)).id,
        deviceOf(await world.enroll(world.newDevice(), 'carol@example.com')).id,
      ];
      expect(codeOf(await approve(own, ada))).toBe('self-approval');
      expect(await shown(own)).toMatchObject({ approval: 'pending' });
      expect(await audited(own, 'device.approved')).toMatchObject([{ outcome: 'refused', code: 'self-approval' }]);
      expect((await bulk([own, others], ada)).body).toMatchObject({
        results: [
          { id: own, outcome: 'failed', code: 'self-approval' },
          { id: others, outcome: 'done' },
        ],
      });
      const made = await world.call('POST', '/api/v1/tokens', {
        body: { name: 'mine', scopes: ['devices:decide'] },
        headers: ada,
      });
      const { secret } = made.body as { secret: string };
      expect(codeOf(await approve(own, { authorization: `Bearer ${secret}` }))).toBe('self-approval');
      // Refusing one's own is no way to let it in.
      const refused = await world.call('PUT', `/api/v1/devices/${own}/approval`, {
        body: { decision: 'refused', reason: 'Lost.' },
        headers: { ...ada, ...(await match(own)) },
      });
      expect(refused.status).toBe(200);
      expect((await approve(own, bob)).body).toMatchObject({ approval: 'approved', decidedBy: 'bob@example.com' });
      // The owner now, whoever asked.
      await api('PATCH', `/api/v1/devices/${others}`, { owner: ADA }, await match(others));
      expect(codeOf(await approve(others, ada))).toBe('self-approval');
    } finally {
      await api('PATCH', '/api/v1/settings', { selfApprovalForbidden: false });
    }
  });
});

describe('a replaced key that goes on signing', () => {
  const self = async (sign: Parameters<typeof world.asDevice>[0]) => world.asDevice(sign, 'GET', '/api/v1/self');

  it('is counted in one conflict, keeps nobody from deciding on it, and is not heard once it was dismissed', async () => {
    const soft = world.newDevice();
    const { id } = deviceOf(await world.enroll(soft));
    const former = soft.signer();
    soft.reinstall();
    await world.enroll(soft);
    expect(codeOf(await self(former))).toBe('device-conflict');
    const { conflictId, version } = await shown(id);
    const conflict = async () => (await api('GET', `/api/v1/conflicts/${conflictId}`)).body as Conflict;
    expect(await conflict()).toMatchObject({ kind: 'old-key', claimant: { requests: '1' } });
    for (let i = 0; i < 3; i += 1) expect(codeOf(await self(former))).toBe('device-conflict');
    expect(await conflict()).toMatchObject({ claimant: { requests: '4' } });
    expect(await shown(id)).toMatchObject({ version });
    const resolved = await api(
      'POST',
      `/api/v1/conflicts/${conflictId}/resolution`,
      { resolution: 'reject' },
      await match(id),
    );
    expect(resolved.status).toBe(200);
    expect(codeOf(await self(former))).toBe('device-deleted');
    expect(await shown(id)).toMatchObject({ conflictId: null });
    expect((await self(soft)).status).toBe(200);
  });

  it('opens no conflict anew after an administrator revoked all keys', async () => {
    const soft = world.newDevice();
    const { id } = deviceOf(await world.enroll(soft));
    const former = soft.signer();
    soft.reinstall();
    await world.enroll(soft);
    await self(former);
    const { conflictId } = await shown(id);
    await api('POST', `/api/v1/conflicts/${conflictId}/resolution`, { resolution: 'replace' }, await match(id));
    for (const signer of [former, soft]) expect(codeOf(await self(signer))).toBe('device-deleted');
    expect(await shown(id)).toMatchObject({ conflictId: null, approval: 'pending' });
  });
});
