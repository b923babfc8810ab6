import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Conflict, Device, Role, Source, TeamSettings } from '../../contract/index.ts';
import { createAdministrator } from '../../server/index.ts';
import { addConnection, syncConnections } from '../../server/mdm/connections.ts';
import { DEFAULT_SETTINGS } from '../../server/policy/settings.ts';
import { createSession } from '../../server/store/sessions.ts';
import { createGrantKey, dpopProof } from '../../server/testing/grantKey.ts';
import { createSoftDevice, type SoftDevice } from '../../server/testing/softDevice.ts';
import { type Answer, codeOf, deviceOf, startWorld, type World } from '../../server/testing/world.ts';

// One test, or more, for each row of the table of moments in which inventories go wrong. Over HTTP only, but for setting the scene.

let world: World;
let token: string;
beforeAll(async () => {
  world = await startWorld();
  token = await world.token(
    'devices:read',
    'devices:write',
    'devices:decide',
    'people:write',
    'settings:read',
    'settings:write',
  );
});
afterAll(() => world.close());

const api = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  world.api(token, method, path, body, headers);
const device = async (id: string): Promise<Device> => {
  const answer = await api('GET', `/api/v1/devices/${id}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body as Device;
};
const shown = async (id: string) => ({ 'if-match': `"${(await device(id)).version}"` });
const approve = async (id: string) =>
  api('PUT', `/api/v1/devices/${id}/approval`, { decision: 'approved' }, await shown(id));
const refuse = async (id: string) =>
  api('PUT', `/api/v1/devices/${id}/approval`, { decision: 'refused', reason: 'Not ours.' }, await shown(id));
const enrolled = async (soft: SoftDevice, email?: string): Promise<string> =>
  deviceOf(await world.enroll(soft, email)).id;
const openConflicts = async (id: string): Promise<Conflict[]> => {
  const { body } = await api('GET', '/api/v1/conflicts?limit=200');
  return (body as { conflicts: Conflict[] }).conflicts.filter((conflict) => conflict.device.id === id);
};
const resolve = async (conflict: Conflict, resolution: string) => {
  const path = `/api/v1/conflicts/${conflict.id}`;
  const etag = (await api('GET', path)).headers.get('etag') ?? '';
  return api('POST', `${path}/resolution`, { resolution }, { 'if-match': etag });
};
const importByApi = (identifier: string, data: object = {}) =>
  api('PUT', `/api/collections/default/instances/${encodeURIComponent(identifier)}`, { data });
const audited = async (id: string, action: string) =>
  (await world.server.store.db.selectFrom('audit').selectAll().where('subject_id', '=', id).orderBy('seq').execute())
    .filter((row) => row.action === action)
    .map((row) => ({ ...row, before: JSON.parse(row.before ?? '{}'), after: JSON.parse(row.after ?? '{}') }));

async function session(role: Role, email: string): Promise<Record<string, string>> {
  const user = await createAdministrator(world.server.store, { email, role }, world.clock());
  const secret = await world.server.store.write((trx) => createSession(trx, world.clock(), user.id));
  return { cookie: `muster-session=${secret}`, origin: world.origin, 'sec-fetch-site': 'same-origin' };
}

/** One full sync of a file-backed MDM that lists exactly these devices. */
async function mdmLists(source: Source, devices: object[], settings: TeamSettings = DEFAULT_SETTINGS): Promise<void> {
  const { store } = world.server;
  const path = join(world.folder, `${source}.json`);
  await writeFile(path, JSON.stringify(devices));
  const kek = new Uint8Array(32).fill(1);
  const known = await store.db.selectFrom('mdm_connections').select('id').where('name', '=', source).executeTakeFirst();
  if (!known) {
    const by = { actor: { type: 'server', id: null, name: 'set-up' } as const, requestId: null };
    const connection = { source, name: source, provider: 'file', settings: { path } };
    await store.write((trx) => addConnection(trx, world.clock(), kek, connection, by));
  }
  const work = { store, now: world.clock, settings: async () => settings, kek };
  const [done] = await syncConnections(work, { only: source, full: true });
  expect(done?.report).toMatchObject({ outcome: 'done' });
}

async function withSettings(change: Partial<TeamSettings>, work: () => Promise<void>): Promise<void> {
  const before = await world.server.context.settings();
  await world.change(change);
  try {
    await work();
  } finally {
    await world.change(Object.fromEntries(Object.keys(change).map((key) => [key, before[key as keyof TeamSettings]])));
  }
}

describe('who may approve', () => {
  it('approvers and owners, not auditors, and no token without the scope', async () => {
    const id = await enrolled(world.newDevice());
    const decision = { body: { decision: 'approved' } };
    const put = async (headers: Record<string, string>) =>
      world.call('PUT', `/api/v1/devices/${id}/approval`, {
        ...decision,
        headers: { ...(await shown(id)), ...headers },
      });
    expect(codeOf(await put(await session('auditor', 'auditor@example.com')))).toBe('forbidden');
    expect(codeOf(await put({ authorization: `Bearer ${await world.token('devices:read', 'devices:write')}` }))).toBe(
      'forbidden',
    );
    expect(codeOf(await put({}))).toBe('unauthenticated');
    expect((await put(await session('approver', 'approver@example.com'))).body).toMatchObject({
      approval: 'approved',
      decidedBy: 'approver@example.com',
      requestedBy: 'ada@example.com',
    });
  });

  it('records requester and approver apart, and flags who approves their own device', async () => {
    const id = await enrolled(world.newDevice(), 'self@example.com');
    const headers = { ...(await shown(id)), ...(await session('approver', 'self@example.com')) };
    await world.call('PUT', `/api/v1/devices/${id}/approval`, { body: { decision: 'approved' }, headers });
    const [record] = await audited(id, 'device.approved');
    expect(record).toMatchObject({
      actor_name: 'self@example.com',
      after: { requestedBy: 'self@example.com', selfApproval: true },
    });
  });
});

describe('same TPM or serial, other user', () => {
  it('is a conflict: the first binding stays live until an administrator resolves it', async () => {
    const soft = world.newDevice();
    const id = await enrolled(soft, 'first@example.com');
    await approve(id);
    expect(codeOf(await world.enroll(soft, 'second@example.com'))).toBe('device-conflict');
    expect(await device(id)).toMatchObject({
      owner: { email: 'first@example.com' },
      approval: 'approved',
      attestation: 'valid',
    });
    const [conflict] = await openConflicts(id);
    expect(conflict).toMatchObject({ kind: 'other-owner', claimant: { email: 'second@example.com' } });
    expect(deviceOf(await world.asDevice(soft, 'GET', '/api/v1/self'))).toMatchObject({ conflict: true });
    expect((await resolve(conflict as Conflict, 'reject')).body).toMatchObject({
      state: 'resolved',
      resolution: 'reject',
    });
    expect(await device(id)).toMatchObject({
      conflictId: null,
      owner: { email: 'first@example.com' },
      approval: 'approved',
    });
  });

  it('changes hands by the resolution replace, and the new owner enrols it anew', async () => {
    const soft = world.newDevice();
    const id = await enrolled(soft, 'first@example.com');
    await approve(id);
    await world.enroll(soft, 'second@example.com');
    const [conflict] = await openConflicts(id);
    expect((await resolve(conflict as Conflict, 'replace')).status).toBe(200);
    expect(await device(id)).toMatchObject({ owner: { email: 'second@example.com' }, approval: 'pending' });
    expect(codeOf(await world.asDevice(soft, 'GET', '/api/v1/self'))).not.toMatch(/^200/);
    expect(codeOf(await world.enroll(soft, 'first@example.com'))).toBe('device-conflict');
    soft.reinstall();
    expect(deviceOf(await world.enroll(soft, 'second@example.com'))).toMatchObject({ id, approval: 'pending' });
  });

  it('needs the version that was on the screen', async () => {
    const soft = world.newDevice();
    const id = await enrolled(soft, 'first@example.com');
    const stale = await shown(id);
    await world.enroll(soft, 'second@example.com');
    const [conflict] = await openConflicts(id);
    const path = `/api/v1/conflicts/${conflict?.id}/resolution`;
    expect(codeOf(await api('POST', path, { resolution: 'reject' }))).toBe('version-required');
    expect(codeOf(await api('POST', path, { resolution: 'reject' }, stale))).toBe('version-mismatch');
  });

  it('an import that names another owner than the one who enrolled is a conflict too', async () => {
    const soft = world.newDevice();
    const id = await enrolled(soft, 'first@example.com');
    expect(await importByApi(soft.urn, { 'smallstep:identity': 'other@example.com' })).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('conflict') },
    });
    expect((await device(id)).owner?.email).toBe('first@example.com');
    expect(await openConflicts(id)).toHaveLength(1);
  });
});

describe('cloned machine, same EK', () => {
  it('two live clients on one EK raise a conflict once the replaced key signs again', async () => {
    const original = world.newDevice();
    const id = await enrolled(original);
    const before = {
      deviceKey: original.deviceKey,
      sign: await original.sign({ method: 'GET', url: `${world.origin}/api/v1/self` }),
    };
    original.reinstall();
    expect(deviceOf(await world.enroll(original))).toMatchObject({ id });
    expect(codeOf(await world.call('GET', '/api/v1/self', { headers: before.sign }))).toBe('device-conflict');
    const [conflict] = await openConflicts(id);
    expect(conflict).toMatchObject({ kind: 'old-key', resolutions: ['replace', 'reject'] });
    expect(codeOf(await approve(id))).toBe('device-conflict');
    expect((await resolve(conflict as Conflict, 'replace')).status).toBe(200);
    // Nobody's key speaks for the device now: whichever machine is the real one enrols again.
    expect(codeOf(await world.asDevice(original, 'GET', '/api/v1/self'))).not.toMatch(/^200/);
    expect(await device(id)).toMatchObject({ approval: 'pending', attestation: 'none' });
  });
});

describe('board or TPM replaced, TPM cleared', () => {
  it('another endorsement key of the same TPM is no other device: it is an alias once it activates with the same AK', async () => {
    const soft = world.newDevice();
    const id = await enrolled(soft);
    const key = soft.otherKey();
    const begun = await world.asDevice(soft, 'POST', '/api/v1/self/aliases', key.body);
    const { credential, secret } = begun.body as { credential: string; secret: string };
    const opened = Buffer.from(key.open(credential, secret)).toString('base64');
    expect((await world.asDevice(soft, 'POST', '/api/v1/self/aliases/secret', { secret: opened })).status).toBe(200);
    expect(await device(id)).toMatchObject({ permanentIdentifier: soft.urn, aliases: [key.urn] });
    await refuse(id);
    const { body } = await world.call('POST', '/attest', { body: { ...soft.attestBody(), ...key.body } });
    expect(body).toMatchObject({ code: 'ek-unknown' });
  });

  it('a new EK is a new record that waits; an administrator merges it with the old one', async () => {
    const serial = { value: 'BOARD-7001' };
    const old = world.newDevice('laptop');
    old.machine.serial = serial;
    const oldId = await enrolled(old);
    await approve(oldId);
    const repaired = world.newDevice('laptop');
    repaired.machine.serial = serial;
    const newId = await enrolled(repaired);
    expect(newId).not.toBe(oldId);
    expect(await device(newId)).toMatchObject({ approval: 'pending' });
    const [conflict] = await openConflicts(oldId);
    expect(conflict).toMatchObject({ kind: 'same-serial', candidate: { id: newId } });
    expect((await resolve(conflict as Conflict, 'merge')).status).toBe(200);
    expect(await device(newId)).toMatchObject({
      permanentIdentifier: repaired.urn,
      aliases: [old.urn],
      approval: 'pending',
    });
    expect(codeOf(await api('GET', `/api/v1/devices/${oldId}`))).toBe('not-found');
  });
});

describe('a refused or removed device comes back', () => {
  it('stays refused when it enrols again', async () => {
    const soft = world.newDevice();
    const id = await enrolled(soft);
    await refuse(id);
    soft.reinstall();
    await expect(world.enroll(soft)).rejects.toThrow(/device-refused/);
    await expect(world.enroll(soft, 'somebody-else@example.com')).rejects.toThrow(/device-refused/);
    expect(await device(id)).toMatchObject({ approval: 'refused' });
  });

  it('stays removed through enrolment, import and sync, until an administrator forgets it', async () => {
    const soft = world.newDevice();
    const id = await enrolled(soft);
    await api('PUT', `/api/v1/devices/${id}/lifecycle`, { lifecycle: 'deleted' }, await shown(id));
    await expect(world.enroll(soft)).rejects.toThrow(/device-deleted/);
    expect((await importByApi(soft.urn)).status).toBe(409);
    expect(await device(id)).toMatchObject({ lifecycle: 'deleted' });
    expect(codeOf(await api('DELETE', `/api/v1/devices/${id}`))).toBe('version-required');
    expect((await api('DELETE', `/api/v1/devices/${id}`, undefined, await shown(id))).status).toBe(204);
    expect(deviceOf(await world.enroll(soft)).id).not.toBe(id);
    expect(await audited(id, 'device.forgotten')).toMatchObject([{ before: { permanentIdentifier: soft.urn } }]);
  });

  it('what a script added and removed, that script adds again: as if new, and never what was refused', async () => {
    const soft = world.newDevice();
    const remove = () => api('DELETE', `/api/collections/default/instances/${encodeURIComponent(soft.urn)}`);
    await importByApi(soft.urn, { 'smallstep:identity': 'ada@example.com' });
    const id = await enrolled(soft, 'ada@example.com');
    expect((await remove()).status).toBe(204);
    expect((await importByApi(soft.urn, { 'smallstep:identity': 'ada@example.com' })).status).toBe(200);
    expect(await device(id)).toMatchObject({ lifecycle: 'active', attestation: 'none', enrolledAt: null });
    await refuse(id);
    await remove();
    expect((await importByApi(soft.urn)).status).toBe(409);
    expect(await device(id)).toMatchObject({ lifecycle: 'deleted', approval: 'refused' });
  });

  it('a removed serial number stays removed through MDM syncs', async () => {
    const listed = [{ externalId: '1', serial: 'GONE12345', os: 'macOS' }];
    await mdmLists('Mosyle', listed);
    const [found] = ((await api('GET', '/api/v1/devices?search=gone12345')).body as { devices: Device[] }).devices;
    const id = found?.id ?? expect.fail();
    await api('PUT', `/api/v1/devices/${id}/lifecycle`, { lifecycle: 'deleted' }, await shown(id));
    await mdmLists('Mosyle', listed);
    expect(await device(id)).toMatchObject({ lifecycle: 'deleted' });
  });
});

describe('re-image, same hardware', () => {
  it('is the same record with fresh keys, and waits again', async () => {
    const soft = world.newDevice();
    const id = await enrolled(soft);
    await approve(id);
    soft.reinstall();
    expect(deviceOf(await world.enroll(soft))).toMatchObject({ id, approval: 'pending', attestation: 'valid' });
  });

  it('keeps its approval where policy says so', async () => {
    await withSettings({ reinstallKeepsApproval: true }, async () => {
      const soft = world.newDevice();
      const id = await enrolled(soft);
      await approve(id);
      soft.reinstall();
      expect(deviceOf(await world.enroll(soft))).toMatchObject({ id, approval: 'approved' });
    });
  });

  it('is not approved again by a script that imports every night', async () => {
    const soft = world.newDevice();
    await importByApi(soft.urn, { 'smallstep:identity': 'ada@example.com' });
    const id = await enrolled(soft);
    expect(await device(id)).toMatchObject({ approval: 'approved', assurance: { level: 'high' } });
    soft.reinstall();
    await world.enroll(soft);
    await importByApi(soft.urn, { 'smallstep:identity': 'ada@example.com', rack: 'new' });
    expect(await device(id)).toMatchObject({ approval: 'pending', assurance: { level: 'normal' } });
  });
});

describe('an enrolment token leaks', () => {
  const grantWith = async (
    secret: string,
    soft: SoftDevice,
  ): Promise<{ answer: Answer; key: ReturnType<typeof createGrantKey> }> => {
    const key = createGrantKey();
    const ceremony = await world.announce(soft, key);
    const url = `${world.origin}/api/v1/grants`;
    const proof = await dpopProof(key, {
      method: 'POST',
      url,
      token: secret,
      issuedAt: Math.floor(world.clock() / 1000),
    });
    const headers = { authorization: `Bearer ${secret}`, dpop: proof };
    return { answer: await world.call('POST', '/api/v1/grants', { body: { ceremonyId: ceremony.id }, headers }), key };
  };
  const enrolWith = async (secret: string, soft: SoftDevice): Promise<Answer> => {
    const { answer, key } = await grantWith(secret, soft);
    if (answer.status !== 201) return answer;
    const { grant, ceremony } = answer.body as { grant: string; ceremony: never };
    const walk = { device: soft, key, grant, ceremony };
    return world.submit(walk, await world.activate(walk));
  };
  const made = async (request: object) =>
    (await api('POST', '/api/v1/provisioning-tokens', { name: 'fleet', ...request })).body as {
      token: { id: string };
      secret: string;
    };

  it('permits an enrolment, never an approval or an owner; shows its uses; ends when it is used up or revoked', async () => {
    const { token: row, secret } = await made({ maxUses: 2 });
    const first = deviceOf(await enrolWith(secret, world.newDevice()));
    expect(first).toMatchObject({ approval: 'pending', owner: null, source: 'Smallstep Agent' });
    expect(first.assurance.level).toBe('normal');
    const tokenNow = async () =>
      (
        (await api('GET', '/api/v1/provisioning-tokens')).body as {
          tokens: { id: string; uses: number; state: string; lastUsedAt: string }[];
        }
      ).tokens.find((candidate) => candidate.id === row.id);
    expect(await tokenNow()).toMatchObject({ uses: 1, state: 'active', lastUsedAt: expect.any(String) });
    deviceOf(await enrolWith(secret, world.newDevice()));
    expect(await tokenNow()).toMatchObject({ uses: 2, state: 'used-up' });
    expect(codeOf(await enrolWith(secret, world.newDevice()))).toBe('provisioning-token-refused');
    const other = await made({});
    await api('DELETE', `/api/v1/provisioning-tokens/${other.token.id}`);
    expect(codeOf(await enrolWith(other.secret, world.newDevice()))).toBe('provisioning-token-refused');
    expect((await api('GET', '/api/v1/provisioning-tokens')).text).not.toContain(secret);
  });

  it('can be bound to identifiers', async () => {
    const mine = world.newDevice();
    const { secret } = await made({ identifiers: [mine.urn.replace(/=$/, '')] });
    expect(codeOf(await enrolWith(secret, world.newDevice()))).toBe('provisioning-token-refused');
    expect(deviceOf(await enrolWith(secret, mine))).toMatchObject({ approval: 'pending' });
  });

  it('an invite is single-use, shows its states, and is useless once revoked', async () => {
    const invite = async (email: string) =>
      (await api('POST', '/api/v1/invites', { email })).body as { invite: { id: string; state: string }; link: string };
    const { invite: row, link } = await invite('guest@example.com');
    const secret = new URL(link).hash.slice(1);
    const open = () =>
      world.call('POST', '/api/v1/invites/open', { body: { secret }, headers: { origin: world.origin } });
    const state = async () =>
      (
        (await api('GET', '/api/v1/invites?limit=200')).body as { invites: { id: string; state: string }[] }
      ).invites.find((i) => i.id === row.id)?.state;
    expect(await state()).toBe('sent');
    expect((await open()).status).toBe(200);
    expect(await state()).toBe('opened');
    await api('DELETE', `/api/v1/invites/${row.id}`);
    expect(await state()).toBe('revoked');
    expect(codeOf(await open())).toBe('invite-refused');
    const again = (await api('POST', `/api/v1/invites/${row.id}/resend`)).body as {
      invite: { id: string };
      link: string;
    };
    expect(again.invite.id).not.toBe(row.id);
    world.advance(8 * 86_400_000);
    const late = new URL(again.link).hash.slice(1);
    expect(
      codeOf(
        await world.call('POST', '/api/v1/invites/open', { body: { secret: late }, headers: { origin: world.origin } }),
      ),
    ).toBe('invite-refused');
    expect((await api('GET', '/api/v1/invites?limit=200')).text).not.toContain(late);
  });
});

describe('a person leaves', () => {
  it.each([
    ['keep', { approval: 'approved', lifecycle: 'active' }],
    ['quarantine', { approval: 'approved', lifecycle: 'quarantined' }],
    [
      'block',
      { approval: 'refused', lifecycle: 'active', approvalReason: 'Its owner left.', approvalReasonCode: 'owner-left' },
    ],
  ] as const)('with the Team Setting %s', async (onPersonLeaves, expected) => {
    await withSettings({ onPersonLeaves }, async () => {
      const email = `${onPersonLeaves}@example.com`;
      const id = await enrolled(world.newDevice(), email);
      await approve(id);
      const headers = await session('owner', 'owner@example.com');
      const people = (await world.call('GET', '/api/v1/people?limit=200', { headers })).body as {
        people: { id: string; email: string; devices: number }[];
      };
      const person = people.people.find((candidate) => candidate.email === email);
      expect(person).toMatchObject({ devices: 1 });
      const left = await world.call('PATCH', `/api/v1/people/${person?.id}`, { body: { active: false }, headers });
      expect(left.body).toMatchObject({ person: { active: false }, policy: onPersonLeaves, devices: 1 });
      expect(await device(id)).toMatchObject(expected);
      await expect(world.enroll(world.newDevice(), email)).rejects.toThrow();
    });
  });

  it.each([
    ['keep', { active: false }],
    ['keep', { role: 'approver' }],
    ['revoke', { active: false }],
    ['revoke', { role: null }],
  ] as const)('an owner’s API tokens: %s, after %o', async (onTokenMakerLeaves, change) => {
    await withSettings({ onTokenMakerLeaves }, async () => {
      const owner = await session('owner', 'owner@example.com');
      const email = `maker-${onTokenMakerLeaves}-${Object.keys(change)[0]}@example.com`;
      const maker = await session('owner', email);
      const body = { name: `gateway of ${email}`, scopes: ['devices:read'] };
      const { token: made, secret } = (await world.call('POST', '/api/v1/tokens', { body, headers: maker })).body as {
        token: { id: string; orphaned: boolean };
        secret: string;
      };
      expect(made.orphaned).toBe(false);
      const read = async () => (await world.api(secret, 'GET', '/api/v1/devices')).status;
      expect(await read()).toBe(200);
      const people = await world.call('GET', `/api/v1/people?search=${email}`, { headers: owner });
      const [person] = (people.body as { people: { id: string }[] }).people;
      const left = await world.call('PATCH', `/api/v1/people/${person?.id}`, { body: change, headers: owner });
      expect(left.body).toMatchObject({
        tokens: { policy: onTokenMakerLeaves, made: [{ id: made.id, name: body.name }] },
      });
      expect(await read()).toBe(onTokenMakerLeaves === 'keep' ? 200 : 401);
      const { tokens } = (await world.call('GET', '/api/v1/tokens?limit=200', { headers: owner })).body as {
        tokens: { id: string; orphaned: boolean; revokedAt: string | null }[];
      };
      const listed = tokens.find(({ id }) => id === made.id);
      expect(listed).toMatchObject({ orphaned: true });
      expect(listed?.revokedAt === null).toBe(onTokenMakerLeaves === 'keep');
      expect(await audited(made.id, 'token.revoked')).toHaveLength(onTokenMakerLeaves === 'keep' ? 0 : 1);
    });
  });

  it('never leaves a team without an owner', async () => {
    const headers = await session('owner', 'owner@example.com');
    const people = (await world.call('GET', '/api/v1/people?limit=200', { headers })).body as {
      people: { id: string; role: string; active: boolean }[];
    };
    const owners = people.people.filter((person) => person.role === 'owner' && person.active);
    expect(owners).toHaveLength(1);
    const change = { body: { role: null }, headers };
    expect(codeOf(await world.call('PATCH', `/api/v1/people/${owners[0]?.id}`, change))).toBe('forbidden');
  });
});

describe('no EK certificate, unknown root', () => {
  it('enrols with a graded class and reasons, and is never high-assurance however it is approved', async () => {
    const bare = createSoftDevice();
    const foreign = createSoftDevice({
      maker: (await import('../../server/testing/softDevice.ts')).createMaker('Nobody Root'),
    });
    for (const [soft, ekClass] of [
      [bare, 'absent'],
      [foreign, 'unknown-root'],
    ] as const) {
      const id = await enrolled(soft);
      await approve(id);
      const view = await device(id);
      expect(view).toMatchObject({
        ekClass,
        approval: 'approved',
        attestation: 'valid',
        assurance: { level: 'normal' },
      });
      expect(view.assurance.reasons).toContainEqual(
        expect.objectContaining({ code: 'class-not-accepted', supports: false }),
      );
    }
  });
});

describe('a person without administrator rights', () => {
  it('can stop half-way and come back: an unfinished walk stores nothing and spends no invite', async () => {
    const soft = world.newDevice();
    const stopped = await world.begin(soft, 'later@example.com');
    expect(
      (await api('GET', `/api/v1/devices?search=${encodeURIComponent(soft.urn.slice(15, 40))}`)).body,
    ).toMatchObject({ devices: [] });
    // The elevation came later: the same permission still serves.
    expect(deviceOf(await world.submit(stopped, await world.activate(stopped)))).toMatchObject({
      owner: { email: 'later@example.com' },
    });
  });
});

describe('an MDM meets a manually added device', () => {
  it('is one record of layers: explicit values mask, null unmasks, and each layer is shown', async () => {
    await importByApi('MEET12345');
    await mdmLists('Jamf', [
      {
        externalId: 7,
        serial: 'meet12345',
        name: 'From Jamf',
        os: 'macOS',
        ownership: 'company',
        user: { email: 'jamf@example.com' },
      },
    ]);
    const listed = (await api('GET', '/api/v1/devices?search=meet12345')).body as { devices: Device[] };
    expect(listed.devices).toHaveLength(1);
    const id = listed.devices[0]?.id ?? '';
    expect(listed.devices[0]).toMatchObject({ name: 'From Jamf', owner: { email: 'jamf@example.com' }, os: 'macOS' });
    await api('PATCH', `/api/v1/devices/${id}`, { name: 'Reception' }, await shown(id));
    expect(await device(id)).toMatchObject({ name: 'Reception' });
    expect((await api('GET', `/api/v1/devices/${id}/values`)).body).toMatchObject({
      visible: { displayName: { value: 'Reception', from: 'explicit' }, os: { value: 'macOS', from: 'Jamf' } },
      mdm: [{ source: 'Jamf', values: { displayName: 'From Jamf' } }],
    });
    await api('PATCH', `/api/v1/devices/${id}`, { name: null }, await shown(id));
    expect(await device(id)).toMatchObject({ name: 'From Jamf', assurance: { level: 'normal' } });
  });
});

describe('approval switched off with a backlog', () => {
  it('answers how many wait, and approves none of them', async () => {
    const ids = [await enrolled(world.newDevice()), await enrolled(world.newDevice())];
    const open = { allowed: true, autoApproved: true, userBindingRequired: true };
    const answer = await api('PATCH', '/api/v1/settings', { sources: { 'End-User': open } });
    expect(answer).toMatchObject({ status: 200, body: { waiting: expect.any(Number) } });
    expect((answer.body as { waiting: number }).waiting).toBeGreaterThanOrEqual(2);
    for (const id of ids) expect(await device(id)).toMatchObject({ approval: 'pending' });
    expect(deviceOf(await world.enroll(world.newDevice()))).toMatchObject({ approval: 'approved' });
    const closed = { ...open, autoApproved: false };
    expect((await api('PATCH', '/api/v1/settings', { sources: { 'End-User': closed } })).body).toMatchObject({
      waiting: 0,
    });
  });
});

describe('the owner changes', () => {
  it('from nobody to whoever signs in first: the approval was given without them, unless the source says that it holds', async () => {
    const [careful, open] = [world.newDevice(), world.newDevice()];
    for (const soft of [careful, open]) await importByApi(soft.urn);
    const id = await enrolled(careful, 'finder@example.com');
    expect(await device(id)).toMatchObject({ owner: { email: 'finder@example.com' }, approval: 'pending' });
    expect(await audited(id, 'device.enrolled')).toMatchObject([
      { before: { approval: 'approved', owner: null }, after: { approval: 'pending' } },
    ]);
    const { sources } = await world.server.context.settings();
    const holds = { ...sources['Smallstep API'], bindingKeepsApproval: true };
    await withSettings({ sources: { ...sources, 'Smallstep API': holds } }, async () => {
      expect(deviceOf(await world.enroll(open, 'finder@example.com'))).toMatchObject({ approval: 'approved' });
    });
  });

  it('is a new binding that asks for a fresh approval, with its history kept', async () => {
    const soft = world.newDevice();
    const id = await enrolled(soft, 'before@example.com');
    await approve(id);
    expect(await device(id)).toMatchObject({ assurance: { level: 'high' } });
    await api('PATCH', `/api/v1/devices/${id}`, { owner: 'after@example.com' }, await shown(id));
    expect(await device(id)).toMatchObject({
      owner: { email: 'after@example.com' },
      approval: 'pending',
      assurance: { level: 'normal' },
    });
    const records = await audited(id, 'device.updated');
    expect(records.at(-1)).toMatchObject({ before: { approval: 'approved' }, after: { approval: 'pending' } });
    await approve(id);
    expect(await device(id)).toMatchObject({ assurance: { level: 'high' } });
  });
});

describe('duplicate or bogus serial numbers', () => {
  const withSerial = async (value: string): Promise<string> => {
    const soft = world.newDevice();
    soft.machine.serial = { value };
    return enrolled(soft);
  };

  it('placeholders identify nothing: no conflict, no merge', async () => {
    const ids = [await withSerial('To Be Filled By O.E.M.'), await withSerial('To Be Filled By O.E.M.')];
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(await device(id)).toMatchObject({ serial: null, conflictId: null });
  });

  it('a real one that two devices report is flagged and never merged', async () => {
    const [first, second] = [await withSerial('TWICE-0001'), await withSerial('TWICE-0001')];
    expect(first).not.toBe(second);
    expect(await openConflicts(first as string)).toMatchObject([{ kind: 'same-serial', candidate: { id: second } }]);
  });

  it('a machine that merely reports a serial number holds up nobody else’s device, nor tells its person of a conflict', async () => {
    const victim = world.newDevice();
    victim.machine.serial = { value: 'MINE-0001' };
    const id = await enrolled(victim);
    await withSerial('MINE-0001');
    expect(await device(id)).toMatchObject({ conflictId: expect.any(String), conflictKind: 'same-serial' });
    expect(deviceOf(await world.asDevice(victim, 'GET', '/api/v1/self'))).toMatchObject({ conflict: false });
    expect((await approve(id)).body).toMatchObject({ approval: 'approved', assurance: { level: 'high' } });
    // The claim stays there to be looked at.
    expect(await openConflicts(id)).toHaveLength(1);
  });

  it('a machine that merely reports the serial of an imported record does not take it over', async () => {
    await importByApi('VICTIM1234', { 'smallstep:identity': 'victim@example.com' });
    const [victim] = ((await api('GET', '/api/v1/devices?search=victim1234')).body as { devices: Device[] }).devices;
    const liar = await withSerial('VICTIM1234');
    expect(liar).not.toBe(victim?.id);
    expect(await device(liar)).toMatchObject({ approval: 'pending' });
    expect(await device(victim?.id ?? '')).toMatchObject({
      owner: { email: 'victim@example.com' },
      attestation: 'none',
      enrolledAt: null,
    });
  });
});

describe('a wrong clock', () => {
  it('is named, and burns neither grant nor challenge', async () => {
    const walk = await world.begin(world.newDevice());
    const url = `${world.origin}/api/v1/challenges`;
    const late = Math.floor(world.clock() / 1000) - 3600;
    const proof = await dpopProof(walk.key, { method: 'POST', url, token: walk.grant, issuedAt: late });
    const refused = await world.call('POST', '/api/v1/challenges', {
      body: {},
      headers: { authorization: `DPoP ${walk.grant}`, dpop: proof },
    });
    expect(codeOf(refused)).toBe('clock-skew');
    expect((refused.body as { advice: string }).advice).toContain('clock');
    expect(deviceOf(await world.submit(walk, await world.activate(walk)))).toMatchObject({ approval: 'pending' });
  });
});

describe('a tricked registration', () => {
  it('shows one code in app, confirm page and approval queue', async () => {
    const walk = await world.begin(world.newDevice());
    expect(walk.ceremony.code).toMatch(/^[B-Z]{3}-[B-Z]{3}$/);
    const mine = deviceOf(await world.submit(walk, await world.activate(walk)));
    expect(mine.ceremonyCode).toBe(walk.ceremony.code);
    const queue = (await api('GET', '/api/v1/devices?approval=pending&limit=200')).body as { devices: Device[] };
    expect(queue.devices.find((candidate) => candidate.id === mine.id)?.ceremonyCode).toBe(walk.ceremony.code);
  });

  it('fixes the permission to the announced device: another one cannot use it', async () => {
    const walk = await world.begin(world.newDevice());
    const other = world.newDevice();
    const attempt = world.activate({ ...walk, device: other });
    await expect(attempt).rejects.toThrow(/grant-other-identifier/);
  });
});

describe('an EK URN', () => {
  it('names one device in every spelling, imported first and enrolled later', async () => {
    const soft = world.newDevice();
    await importByApi(soft.urn.replaceAll('+', '-').replaceAll('/', '_').replace('=', ''), {
      'smallstep:identity': 'ada@example.com',
    });
    const id = await enrolled(soft);
    expect(await device(id)).toMatchObject({
      source: 'Smallstep API',
      approval: 'approved',
      assurance: { level: 'high' },
    });
    expect(createHash('sha256').update(soft.ekSpki).digest('base64')).toBe(soft.urn.slice('urn:ek:sha256:'.length));
  });
});
