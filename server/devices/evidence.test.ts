import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DER, der } from '../../attestation/der.ts';
import {
  CA_EXTENSIONS,
  caExtension,
  certificate,
  extension,
  nameExtension,
  newKey,
  permanentName,
  usageExtension,
} from '../../attestation/testing/certificates.ts';
import { AuditPage, Evidence, EvidenceList, EvidenceVerification } from '../../contract/index.ts';
import { createClaimDevice } from '../testing/claimDevice.ts';
import { codeOf, deviceOf, startWorld, type World } from '../testing/world.ts';

const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const appleRoot = certificate({
  subject: 'Apple Test Root',
  key: newKey('P-384'),
  hash: 'sha384',
  extensions: CA_EXTENSIONS,
});

let world: World;
let token: string;
beforeAll(async () => {
  world = await startWorld({ server: { appleRoots: [appleRoot.der] } });
  token = await world.token('devices:read', 'devices:write', 'devices:decide', 'access:read', 'audit:read');
});
afterAll(() => world.close());

async function approve(id: string) {
  const etag = (await world.api(token, 'GET', `/api/v1/devices/${id}`)).headers.get('etag') ?? '';
  const answer = await world.api(
    token,
    'PUT',
    `/api/v1/devices/${id}/approval`,
    { decision: 'approved' },
    { 'if-match': etag },
  );
  expect(answer.status).toBe(200);
}

describe('evidence', () => {
  it("is kept, and judged again by today's rules", async () => {
    const { id } = deviceOf(await world.enroll(world.newDevice()));
    const list = EvidenceList.parse((await world.api(token, 'GET', `/api/v1/devices/${id}/evidence`)).body);
    expect(list.evidence).toMatchObject([
      { kind: 'tpm', purpose: 'enrol', outcome: 'valid', verdict: { ekClass: 'hardware' } },
    ]);
    const one = list.evidence[0]?.id ?? '';
    expect((await world.api(token, 'GET', `/api/v1/evidence/${one}`)).body).toMatchObject({
      bytes: { origin: world.origin },
      certificates: [
        { of: 'endorsement-key', subject: 'TPM id:49465800 SLB 9670 id:0D0B' },
        { of: 'attestation-key', issuer: 'CN=Muster Attestation Issuing' },
        { of: 'attestation-key', subject: 'CN=Muster Attestation Issuing', issuer: 'CN=Muster Attestation Root' },
      ],
    });
    const verify = async () =>
      EvidenceVerification.parse((await world.api(token, 'POST', `/api/v1/evidence/${one}/verification`)).body);
    expect(await verify()).toMatchObject({
      stored: 'valid',
      outcome: 'valid',
      ekClassThen: 'hardware',
      ekClass: 'hardware',
    });
    // A root that is no longer trusted shows at once.
    const { db } = world.server.store;
    const roots = await db.selectFrom('trusted_roots').selectAll().execute();
    await db.deleteFrom('trusted_roots').execute();
    world.server.context.roots.changed();
    expect(await verify()).toMatchObject({ outcome: 'valid', ekClassThen: 'hardware', ekClass: 'unknown-root' });
    await db.insertInto('trusted_roots').values(roots).execute();
    world.server.context.roots.changed();
  });

  it('that was changed in the store does not hold', async () => {
    const { id } = deviceOf(await world.enroll(world.newDevice()));
    const { db } = world.server.store;
    const row = await db.selectFrom('evidence').selectAll().where('device_id', '=', id).executeTakeFirstOrThrow();
    const verifyWith = async (change: (bytes: Record<string, unknown>) => void) => {
      const bytes = JSON.parse(row.bytes) as Record<string, unknown>;
      change(bytes);
      await db
        .updateTable('evidence')
        .set({ bytes: JSON.stringify(bytes) })
        .where('id', '=', row.id)
        .execute();
      return (await world.api(token, 'POST', `/api/v1/evidence/${row.id}/verification`)).body;
    };
    const other = world.newDevice().urn;
    expect(await verifyWith((bytes) => Object.assign(bytes, { permanentIdentifier: other }))).toMatchObject({
      outcome: 'failed',
      code: 'ek-refused',
    });
    expect(await verifyWith((bytes) => Object.assign(bytes, { origin: 'https://relay.example' }))).toMatchObject({
      outcome: 'failed',
      code: 'binding-mismatch',
    });
    expect(await verifyWith((bytes) => Object.assign(bytes, { received: {} }))).toMatchObject({
      outcome: 'failed',
      code: 'attestation-malformed',
    });
    expect(await verifyWith((bytes) => Object.assign(bytes, { endorsement: null }))).toMatchObject({
      outcome: 'failed',
    });
    expect(await verifyWith(() => undefined)).toMatchObject({ outcome: 'valid' });
  });

  it('of a claim says that it proves nothing', async () => {
    const device = createClaimDevice('C02CLAIM0001');
    const self = deviceOf(await world.claim(device));
    expect(self).toMatchObject({ attestation: 'none', approval: 'pending', permanentIdentifier: 'C02CLAIM0001' });
    await approve(self.id);
    const approved = deviceOf(await world.asDevice(device, 'GET', '/api/v1/self'));
    expect(approved.assurance.level).toBe('normal');
    expect(approved.assurance.reasons.map(({ code }) => code)).toContain('apple-claim-only');
    const list = EvidenceList.parse((await world.api(token, 'GET', `/api/v1/devices/${self.id}/evidence`)).body);
    const answer = await world.api(token, 'POST', `/api/v1/evidence/${list.evidence[0]?.id}/verification`);
    expect(answer.body).toMatchObject({ outcome: 'valid', ekClass: null });
  });
});

describe('a claim of a serial number', () => {
  it('that a record holds opens a candidate, and takes nothing of the record', async () => {
    const first = createClaimDevice('C02CLAIM0002');
    const record = deviceOf(await world.claim(first, 'ada@example.com'));
    await approve(record.id);
    const second = createClaimDevice('C02CLAIM0002');
    const candidate = deviceOf(await world.claim(second, 'bob@example.com'));
    expect(candidate).toMatchObject({ approval: 'pending', owner: { email: 'bob@example.com' } });
    expect(candidate.id).not.toBe(record.id);
    expect((await world.api(token, 'GET', `/api/v1/devices/${candidate.id}`)).body).toMatchObject({
      candidateOf: record.id,
    });
    expect(deviceOf(await world.asDevice(first, 'GET', '/api/v1/self'))).toMatchObject({
      approval: 'approved',
      conflict: false,
    });
    // The same key again is the same candidate.
    expect(deviceOf(await world.claim(second, 'bob@example.com')).id).toBe(candidate.id);
  });

  it('is refused for placeholders, TPM identifiers and forged signatures', async () => {
    expect(codeOf(await world.claim(createClaimDevice('To Be Filled By O.E.M.'.replaceAll(' ', ''))))).toBe(
      'attestation-malformed',
    );
    expect(codeOf(await world.claim(createClaimDevice(world.newDevice().urn)))).toBe('attestation-malformed');
    const forged = createClaimDevice('C02CLAIM0003');
    const other = createClaimDevice('C02CLAIM0003');
    const body = forged.body;
    const mixed = {
      ...forged,
      body: (binding: Parameters<typeof body>[0]) => ({ ...body(binding), signature: other.body(binding).signature }),
    };
    expect(codeOf(await world.claim(mixed))).toBe('binding-mismatch');
  });
});

describe('access', () => {
  const ask = async (device: string, level = '') =>
    (await world.api(token, 'GET', `/api/v1/access?device=${encodeURIComponent(device)}${level}`)).body;

  it('follows a decision at once, with reasons, by identifier, id and certificate', async () => {
    const device = world.newDevice();
    const { id } = deviceOf(await world.enroll(device));
    expect(await ask(device.urn)).toMatchObject({ allow: false, reasons: [{ code: 'not-approved' }] });
    await approve(id);
    expect(await ask(device.urn)).toMatchObject({
      allow: true,
      level: 'high',
      reasons: [],
      device: { owner: 'ada@example.com' },
    });
    expect(await ask(id)).toMatchObject({ allow: true });
    const leaf = certificate({ extensions: [nameExtension(permanentName(device.urn))] });
    const byCertificate = (bytes: Uint8Array) =>
      world.api(token, 'POST', '/api/v1/access', { certificate: base64(bytes) });
    expect((await byCertificate(leaf.der)).body).toMatchObject({ allow: true, device: { id } });
    const two = certificate({ extensions: [nameExtension(permanentName(device.urn), permanentName('other'))] });
    expect((await byCertificate(two.der)).body).toMatchObject({ allow: false });
    expect((await byCertificate(certificate().der)).body).toMatchObject({
      allow: false,
      reasons: [{ code: 'unknown-device' }],
    });
    expect(codeOf(await byCertificate(new Uint8Array([1, 2, 3])))).toBe('invalid-request');
  });

  it('asks for high assurance unless told otherwise', async () => {
    const claimed = deviceOf(await world.claim(createClaimDevice('C02CLAIM0004')));
    await approve(claimed.id);
    expect(await ask(claimed.id)).toMatchObject({ allow: false, device: { assurance: 'normal' } });
    expect(await ask(claimed.id, '&level=normal')).toMatchObject({ allow: true });
    expect(await ask('urn:ek:sha256:nothing')).toMatchObject({ allow: false, device: null });
    expect(await ask(world.newDevice().urn, '&level=normal')).toMatchObject({ allow: false, device: null });
  });
});

describe("Apple's attestation", () => {
  const APPLE = '1.2.840.113635.100.8.';
  const attestationOf = (serial: string, nonce: Uint8Array, key = newKey('P-384')) =>
    certificate({
      subject: 'leaf',
      issuer: appleRoot,
      key,
      hash: 'sha384',
      extensions: [
        caExtension(undefined, false),
        usageExtension(0xf0),
        extension(`${APPLE}9.1`, ascii(serial)),
        extension(`${APPLE}11.1`, nonce),
        extension(`${APPLE}13.1`, der(DER.INTEGER, new Uint8Array([0]))),
        extension(`${APPLE}13.2`, ascii('Full Security')),
        extension(`${APPLE}13.3`, der(DER.INTEGER, new Uint8Array([0]))),
      ],
    }).der;
  const submit = (serial: string, nonce: Uint8Array, der: Uint8Array) =>
    world.api(token, 'POST', '/api/v1/attestations/apple', {
      channel: 'mdm',
      serial,
      certificates: [base64(der)],
      nonce: base64(nonce),
    });
  const nonceOf = (value: number) => new Uint8Array(32).fill(value);

  it('makes an imported device high-assurance, once, and for its own serial and nonce only', async () => {
    const serial = 'C02APPLE0001';
    const put = await world.api(token, 'PUT', `/api/collections/default/instances/${serial}`, {
      data: { 'smallstep:identity': 'ada@example.com' },
    });
    expect(put.status).toBe(200);
    const der = attestationOf(serial, nonceOf(1));
    expect(codeOf(await submit('C02APPLE0002', nonceOf(1), attestationOf('C02APPLE0002', nonceOf(1))))).toBe(
      'not-found',
    );
    expect(codeOf(await submit(serial, nonceOf(2), der))).toBe('apple-attestation-refused');
    expect(codeOf(await submit(serial, nonceOf(1), attestationOf('C02APPLE0009', nonceOf(1))))).toBe(
      'apple-attestation-refused',
    );
    expect((await submit(serial, nonceOf(1), der)).body).toMatchObject({
      attestation: 'valid',
      secureBoot: 'on',
      assurance: { level: 'high' },
    });
    expect(codeOf(await submit(serial, nonceOf(1), der))).toBe('apple-attestation-refused');
  });

  it('is judged again by today’s rules and roots, at the instant it was judged, against the nonce that was asked with', async () => {
    const serial = 'C02APPLE0004';
    await world.api(token, 'PUT', `/api/collections/default/instances/${serial}`, { data: {} });
    const { id } = (await submit(serial, nonceOf(4), attestationOf(serial, nonceOf(4)))).body as { id: string };
    const { evidence } = EvidenceList.parse((await world.api(token, 'GET', `/api/v1/devices/${id}/evidence`)).body);
    const path = `/api/v1/evidence/${evidence[0]?.id}`;
    const verify = async () =>
      EvidenceVerification.parse((await world.api(token, 'POST', `${path}/verification`)).body);
    const good = { stored: 'valid', outcome: 'valid', code: null, ekClassThen: 'hardware', ekClass: 'hardware' };
    expect(await verify()).toMatchObject(good);
    const { bytes } = Evidence.parse((await world.api(token, 'GET', path)).body);
    expect(bytes).toMatchObject({
      version: 2,
      serial,
      judgedAt: expect.any(Number),
      request: { nonce: base64(nonceOf(4)) },
    });
    const { db } = world.server.store;
    const rewrite = async (change: object) => {
      const changed = JSON.stringify({ ...bytes, ...change });
      await db
        .updateTable('evidence')
        .set({ bytes: changed })
        .where('id', '=', evidence[0]?.id ?? '')
        .execute();
      return verify();
    };
    const request = bytes.request as object;
    const refused = { outcome: 'failed', code: 'apple-attestation-refused' };
    expect(await rewrite({ request: { ...request, nonce: base64(nonceOf(5)) } })).toMatchObject(refused);
    expect(await rewrite({ serial: 'C02APPLE0005' })).toMatchObject(refused);
    // Its certificates were not good yet, or no longer, at another instant.
    for (const judgedAt of [0, Date.UTC(2200, 0)]) expect(await rewrite({ judgedAt })).toMatchObject(refused);
    // What was stored before the instant had a field of its own.
    expect(await rewrite({ version: 1, serial: undefined, judgedAt: undefined })).toMatchObject(good);
    expect(await rewrite({ request: { channel: 'mdm' } })).toMatchObject({
      outcome: 'failed',
      code: 'attestation-malformed',
    });
  });

  it('does not lift a mere claim', async () => {
    const serial = 'C02APPLE0003';
    const self = deviceOf(await world.claim(createClaimDevice(serial)));
    await approve(self.id);
    expect(codeOf(await submit(serial, nonceOf(3), attestationOf(serial, nonceOf(3))))).toBe('device-conflict');
  });
});

describe('the audit', () => {
  it('is read by pages, newest first, and filtered', async () => {
    const { id } = deviceOf(await world.enroll(world.newDevice()));
    await approve(id);
    const page = AuditPage.parse((await world.api(token, 'GET', `/api/v1/audit?subject=${id}`)).body);
    expect(page.records.map((record) => record.action)).toEqual(['device.approved', 'device.enrolled']);
    const first = AuditPage.parse((await world.api(token, 'GET', '/api/v1/audit?limit=2')).body);
    const second = AuditPage.parse((await world.api(token, 'GET', `/api/v1/audit?limit=2&cursor=${first.next}`)).body);
    expect(first.records[1]?.previousHash).toBe(second.records[0]?.hash);
    expect(codeOf(await world.api(token, 'GET', `/api/v1/audit?outcome=done&cursor=${first.next}`))).toBe(
      'invalid-request',
    );
    expect(JSON.stringify(page)).not.toContain('muster_');
  });

  it('is filtered by who, by kind of action and by time, and names its subjects', async () => {
    const device = deviceOf(await world.enroll(world.newDevice('audited')));
    await approve(device.id);
    const ask = async (query: Record<string, string>) =>
      AuditPage.parse((await world.api(token, 'GET', `/api/v1/audit?${new URLSearchParams(query)}`)).body).records;
    const [approval] = await ask({ subject: device.id, action: 'device.approved' });
    expect(approval?.subject).toEqual({ type: 'device', id: device.id, name: device.name });
    const { name = null, id = null } = approval?.actor ?? {};
    for (const actor of [id, name?.toUpperCase()]) {
      const found = await ask({ subject: device.id, actor: actor ?? 'nobody' });
      expect(found.map((record) => record.action)).toEqual(['device.approved']);
    }
    expect(await ask({ subject: device.id, actor: 'somebody.else@example.com' })).toEqual([]);
    expect(await ask({ subject: device.id, action: 'device.*' })).toHaveLength(2);
    expect(await ask({ subject: device.id, action: 'd_vice.*' })).toEqual([]);
    const at = approval?.at ?? '';
    const later = new Date(Date.parse(at) + 1).toISOString();
    expect(await ask({ subject: device.id, from: at, to: at, action: 'device.approved' })).toHaveLength(1);
    expect(await ask({ subject: device.id, from: later })).toEqual([]);
  });
});
