import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Conflict, type Device, Evidence, EvidenceList, EvidenceVerification } from '../../contract/index.ts';
import { createClaimDevice } from '../testing/claimDevice.ts';
import { createMaker, type SoftDevice } from '../testing/softDevice.ts';
import { type Answer, codeOf, deviceOf, startWorld, type World } from '../testing/world.ts';

type OtherKey = ReturnType<SoftDevice['otherKey']>;

let world: World;
let token: string;
beforeAll(async () => {
  world = await startWorld();
  token = await world.token('devices:read', 'devices:write', 'devices:decide', 'access:read', 'audit:read');
});
afterAll(() => world.close());

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const begin = (device: SoftDevice, key: OtherKey) => world.asDevice(device, 'POST', '/api/v1/self/aliases', key.body);
const finish = (device: SoftDevice, secret: string) =>
  world.asDevice(device, 'POST', '/api/v1/self/aliases/secret', { secret });

/** The secret that a TPM with this key, and the attestation key it was made for, finds in the answer. */
function opened(answer: Answer, key: OtherKey, device: SoftDevice): string {
  if (answer.status !== 200) throw new Error(answer.text);
  const { credential, secret } = answer.body as { credential: string; secret: string };
  return base64(key.open(credential, secret, device.ak));
}

const prove = async (device: SoftDevice, key: OtherKey): Promise<Answer> =>
  finish(device, opened(await begin(device, key), key, device));
const shown = async (id: string) => (await world.api(token, 'GET', `/api/v1/devices/${id}`)).body as Device;
const approve = async (id: string) => {
  const { version } = await shown(id);
  return world.api(
    token,
    'PUT',
    `/api/v1/devices/${id}/approval`,
    { decision: 'approved' },
    { 'if-match': `"${version}"` },
  );
};
const enrolled = async (email?: string) => {
  const device = world.newDevice();
  return { device, id: deviceOf(await world.enroll(device, email)).id };
};
const allowed = async (identifier: string) =>
  (await world.api(token, 'GET', `/api/v1/access?device=${encodeURIComponent(identifier)}`)).body;

/** A walk by another endorsement key of the device's TPM, as a client would after its policy changed from RSA to ECC. */
function walkAs(device: SoftDevice, key: OtherKey): SoftDevice {
  return new Proxy(device, {
    get(target, name, receiver) {
      if (name === 'urn') return key.urn;
      if (name === 'attestBody') return () => ({ ...target.attestBody(), ...key.body });
      if (name === 'activateCredential') return (a: string, b: string) => key.open(a, b, target.ak);
      if (name === 'proof') {
        return (binding: never, chain: string[], forge = {}) =>
          target.proof(binding, chain, { identifier: key.urn, ...forge });
      }
      return Reflect.get(target, name, receiver);
    },
  });
}

describe('another endorsement key of the same TPM', () => {
  it('becomes an alias once it activated with the enrolled attestation key, and names the device from then on', async () => {
    const { device, id } = await enrolled();
    const key = device.otherKey();
    await approve(id);
    expect(await allowed(key.urn)).toMatchObject({ allow: false, reasons: [{ code: 'unknown-device' }] });
    expect(deviceOf(await prove(device, key))).toMatchObject({ id, permanentIdentifier: device.urn });
    const before = await shown(id);
    expect(before).toMatchObject({ aliases: [key.urn], approval: 'approved' });
    expect(await allowed(key.urn)).toMatchObject({ allow: true, device: { id, permanentIdentifier: device.urn } });
    // Once more changes nothing and keeps nothing.
    expect((await prove(device, key)).status).toBe(200);
    expect((await shown(id)).version).toBe(before.version);
    const page = await world.api(token, 'GET', `/api/v1/audit?subject=${id}&action=device.alias`);
    expect(page.body).toMatchObject({ records: [{ outcome: 'done', after: { alias: key.urn } }] });
  });

  it('has few beginnings open at once, and few names: keys that somebody makes up fill nothing', async () => {
    const { device, id } = await enrolled();
    const keys = Array.from({ length: 7 }, () => device.otherKey());
    const secrets: string[] = [];
    for (const key of keys) secrets.push(opened(await begin(device, key), key, device));
    const { db } = world.server.store;
    expect(await db.selectFrom('activations').select('ak_name').where('device_id', '=', id).execute()).toHaveLength(5);
    expect(codeOf(await finish(device, secrets[0] ?? ''))).toBe('secret-refused');
    for (const secret of secrets.slice(2)) expect((await finish(device, secret)).status).toBe(200);
    for (let more = 5; more < 16; more += 1) expect((await prove(device, device.otherKey())).status).toBe(200);
    expect(codeOf(await prove(device, device.otherKey()))).toBe('ek-refused');
    expect((await shown(id)).aliases).toHaveLength(16);
  });

  it('is refused beyond the hourly measure also at the end, where many were begun before', async () => {
    const { device, id } = await enrolled();
    const key = device.otherKey();
    const secret = opened(await begin(device, key), key, device);
    const { db } = world.server.store;
    const row = await db.selectFrom('evidence').selectAll().where('device_id', '=', id).executeTakeFirstOrThrow();
    for (let more = 0; more < 30; more += 1) {
      await db
        .insertInto('evidence')
        .values({ ...row, id: `${more}-${row.id}` })
        .execute();
    }
    expect(codeOf(await finish(device, secret))).toBe('rate-limited');
  });

  it('leaves evidence that today’s rules judge again', async () => {
    const { device, id } = await enrolled();
    const key = device.otherKey();
    await prove(device, key);
    const { evidence } = EvidenceList.parse((await world.api(token, 'GET', `/api/v1/devices/${id}/evidence`)).body);
    const alias = evidence.find(({ purpose }) => purpose === 'alias');
    const verify = async () =>
      EvidenceVerification.parse((await world.api(token, 'POST', `/api/v1/evidence/${alias?.id}/verification`)).body);
    expect(await verify()).toMatchObject({
      stored: 'valid',
      outcome: 'valid',
      ekClassThen: 'hardware',
      ekClass: 'hardware',
    });
    const { bytes } = Evidence.parse((await world.api(token, 'GET', `/api/v1/evidence/${alias?.id}`)).body);
    const other = world.newDevice();
    const forged = {
      ...bytes,
      permanentIdentifier: other.urn,
      endorsement: {
        ...(bytes.endorsement as object),
        ek: base64(other.ekSpki),
        ekCertificates: other.certificates.map(base64),
      },
    };
    const { db } = world.server.store;
    await db
      .updateTable('evidence')
      .set({ bytes: JSON.stringify(forged) })
      .where('id', '=', alias?.id ?? '')
      .execute();
    expect(await verify()).toMatchObject({ outcome: 'failed', code: 'ak-certificate-refused' });
  });

  it('is no alias before its secret came back, and its activation is good for nothing else', async () => {
    const { device, id } = await enrolled();
    const key = device.otherKey();
    const secret = opened(await begin(device, key), key, device);
    expect(await shown(id)).toMatchObject({ aliases: [] });
    // An activation of an enrolled device makes no certificate for anyone.
    expect(codeOf(await world.call('POST', '/secret', { body: { secret } }))).toBe('secret-refused');
    const { device: other } = await enrolled();
    expect(codeOf(await finish(other, secret))).toBe('secret-refused');
    expect(codeOf(await finish(device, base64(new Uint8Array(32))))).toBe('secret-refused');
    expect((await finish(device, secret)).status).toBe(200);
    expect(codeOf(await finish(device, secret))).toBe('secret-refused');
    // The next one is for the next key.
    const next = device.otherKey();
    const answer = await begin(device, next);
    expect(() => opened(answer, key, device)).toThrow('TPM_RC_INTEGRITY');
  });
});

describe('what is no alias', () => {
  it('the key of another TPM: it does not open what was made for this one’s attestation key', async () => {
    const { device, id } = await enrolled();
    const foreign = world.newDevice();
    const key = foreign.otherKey();
    const answer = await begin(device, key);
    // A TPM finds its own attestation key's name in the credential, or nothing.
    expect(() => opened(answer, key, foreign)).toThrow('TPM_RC_INTEGRITY');
    expect(await shown(id)).toMatchObject({ aliases: [] });
  });

  it('a key that a maker never certified, beside one that has a certificate', async () => {
    const { device } = await enrolled();
    expect(codeOf(await begin(device, device.otherKey(createMaker('Unknown Root'))))).toBe('ek-refused');
    const bare = { ...device.otherKey(), body: { ek: device.otherKey().body.ek, ekCerts: [] } };
    expect(codeOf(await begin(device, bare))).toBe('ek-refused');
    const swapped = device.otherKey();
    const mixed = { ...swapped, body: { ...swapped.body, ekCerts: device.otherKey().body.ekCerts } };
    expect(codeOf(await begin(device, mixed))).toBe('ek-certificate-mismatch');
  });

  it('the key that names the device, a key that is none, or any key of a device without a TPM', async () => {
    const { device } = await enrolled();
    const own = { ...device.otherKey(), body: { ek: base64(device.ekSpki), ekCerts: device.certificates.map(base64) } };
    expect(codeOf(await begin(device, own))).toBe('ek-refused');
    const none = { ...device.otherKey(), body: { ek: 'AAAA', ekCerts: [] } };
    expect(codeOf(await begin(device, none))).toBe('attestation-malformed');
    const mac = createClaimDevice('C02ALIAS0001');
    deviceOf(await world.claim(mac));
    const { body } = device.otherKey();
    expect(codeOf(await world.asDevice(mac, 'POST', '/api/v1/self/aliases', body))).toBe('ak-refused');
  });

  it('any key of a quarantined device, or one begun before a reinstall', async () => {
    const { device, id } = await enrolled();
    const key = device.otherKey();
    const secret = opened(await begin(device, key), key, device);
    const lifecycle = async (lifecycle: string) =>
      world.api(
        token,
        'PUT',
        `/api/v1/devices/${id}/lifecycle`,
        { lifecycle },
        { 'if-match': `"${(await shown(id)).version}"` },
      );
    await lifecycle('quarantined');
    expect(codeOf(await begin(device, key))).toBe('device-quarantined');
    expect(codeOf(await finish(device, secret))).toBe('device-quarantined');
    await lifecycle('active');
    const before = opened(await begin(device, key), key, device);
    device.reinstall();
    deviceOf(await world.enroll(device));
    expect(codeOf(await finish(device, before))).toBe('ak-refused');
    expect((await prove(device, key)).status).toBe(200);
  });

  it('a key of a class that may not enrol at all', async () => {
    const { device } = await enrolled();
    await world.change({ refusedClasses: ['hardware'] });
    try {
      expect(codeOf(await begin(device, device.otherKey()))).toBe('ek-refused');
    } finally {
      await world.change({ refusedClasses: [] });
    }
  });

  it('another one after an hour’s worth of attestations', async () => {
    const { device, id } = await enrolled();
    const { db } = world.server.store;
    const row = await db.selectFrom('evidence').selectAll().where('device_id', '=', id).executeTakeFirstOrThrow();
    for (let i = 0; i < 30; i += 1) {
      await db
        .insertInto('evidence')
        .values({ ...row, id: crypto.randomUUID() })
        .execute();
    }
    expect(codeOf(await begin(device, device.otherKey()))).toBe('rate-limited');
  });
});

describe('refusals and conflicts cover aliases', () => {
  it('a refusal: no grant’s holder enrols by an alias of a refused device', async () => {
    const { device, id } = await enrolled();
    const key = device.otherKey();
    await prove(device, key);
    const { version } = await shown(id);
    await world.api(
      token,
      'PUT',
      `/api/v1/devices/${id}/approval`,
      { decision: 'refused', reason: 'Stolen.' },
      { 'if-match': `"${version}"` },
    );
    const walk = await world.begin(walkAs(device, key));
    expect(codeOf(await world.withGrant(walk.key, walk.grant, '/attest', walk.device.attestBody()))).toBe(
      'device-refused',
    );
    const stranger = await world.call('POST', '/attest', { body: walkAs(device, key).attestBody() });
    expect(codeOf(stranger)).toBe('ek-unknown');
    const put = await world.api(token, 'PUT', `/api/collections/default/instances/${encodeURIComponent(key.urn)}`, {
      data: {},
    });
    expect(put.body).toMatchObject({ id: device.urn });
    expect(await shown(id)).toMatchObject({ approval: 'refused' });
  });

  it('another person who enrols by an alias: a conflict over the record', async () => {
    const { device, id } = await enrolled('ada@example.com');
    const key = device.otherKey();
    await prove(device, key);
    expect(codeOf(await world.enroll(walkAs(device, key), 'bob@example.com'))).toBe('device-conflict');
    const conflict = (await world.api(token, 'GET', `/api/v1/conflicts/${(await shown(id)).conflictId}`))
      .body as Conflict;
    expect(conflict).toMatchObject({
      kind: 'other-owner',
      claimant: { email: 'bob@example.com', identifier: key.urn },
    });
    expect(await allowed(key.urn)).toMatchObject({ allow: false });
  });

  it('the owner may enrol by an alias, reinstalled too, and attest again by it', async () => {
    const { device, id } = await enrolled();
    const key = device.otherKey();
    await prove(device, key);
    device.reinstall();
    const again = walkAs(device, key);
    const walk = await world.begin(again);
    const chain = await world.activate(walk);
    expect(deviceOf(await world.submit(walk, chain))).toMatchObject({ id, approval: 'pending' });
    expect(await shown(id)).toMatchObject({ permanentIdentifier: device.urn, conflictId: null });
    const { challenge } = (await world.asDevice(device, 'POST', '/api/v1/challenges', {})).body as {
      challenge: string;
    };
    const proof = again.proof({ origin: world.origin, challenge, boundTo: device.keyId() }, chain);
    expect(deviceOf(await world.asDevice(device, 'POST', '/api/v1/self/attestations', { proof }))).toMatchObject({
      id,
      attestation: 'valid',
    });
  });

  it('a key that names another record: a conflict over both, joined by an administrator', async () => {
    const { device, id } = await enrolled();
    await approve(id);
    const key = device.otherKey();
    const put = await world.api(token, 'PUT', `/api/collections/default/instances/${encodeURIComponent(key.urn)}`, {
      data: { 'smallstep:identity': 'ada@example.com' },
    });
    expect(put.status).toBe(200);
    const answer = await begin(device, key);
    // Before it is proven, nothing tells that the inventory holds it.
    expect(answer.status).toBe(200);
    expect(codeOf(await finish(device, opened(answer, key, device)))).toBe('device-conflict');
    expect(codeOf(await prove(device, key))).toBe('device-conflict');
    expect(await allowed(device.urn)).toMatchObject({ allow: false, reasons: [{ code: 'conflict' }] });
    expect(await allowed(key.urn)).toMatchObject({ allow: false });
    const { conflicts } = (await world.api(token, 'GET', '/api/v1/conflicts')).body as { conflicts: Conflict[] };
    const conflict = conflicts.find(({ candidate }) => candidate?.id === id);
    expect(conflict).toMatchObject({
      kind: 'other-record',
      device: { permanentIdentifier: key.urn },
      resolutions: ['merge', 'replace', 'reject'],
    });
    const etag = (await world.api(token, 'GET', `/api/v1/conflicts/${conflict?.id}`)).headers.get('etag') ?? '';
    const merged = await world.api(
      token,
      'POST',
      `/api/v1/conflicts/${conflict?.id}/resolution`,
      { resolution: 'merge' },
      { 'if-match': etag },
    );
    expect(merged.status).toBe(200);
    expect(await shown(id)).toMatchObject({
      permanentIdentifier: device.urn,
      aliases: [key.urn],
      approval: 'approved',
    });
    expect(await allowed(key.urn)).toMatchObject({ allow: true, device: { id } });
    // What an administrator joined does not speak for the TPM until it proves itself.
    expect((await prove(device, key)).status).toBe(200);
  });

  it('a forgotten device gives its aliases free', async () => {
    const { device, id } = await enrolled();
    const key = device.otherKey();
    await prove(device, key);
    const { db } = world.server.store;
    await world.server.store.write(async (trx) => {
      const { forgetDevice } = await import('../inventory/lifecycle.ts');
      const row = await trx.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
      await forgetDevice(trx, world.clock(), row, {
        actor: { type: 'server', id: null, name: 'test' },
        requestId: null,
      });
    });
    expect(await db.selectFrom('identifiers').selectAll().where('identifier', '=', key.urn).execute()).toEqual([]);
  });
});
