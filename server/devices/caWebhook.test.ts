import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rotateKeyEncryptionKey } from '../keys/rotation.ts';
import { newSecret } from '../store/ids.ts';
import type { SoftDevice } from '../testing/softDevice.ts';
import { type Answer, codeOf, deviceOf, startWorld, type World } from '../testing/world.ts';

const PATH = '/api/v1/webhooks/step-ca';
let world: World;
let token: string;
beforeAll(async () => {
  world = await startWorld();
  token = await world.token(
    'devices:read',
    'devices:write',
    'devices:decide',
    'settings:read',
    'settings:write',
    'audit:read',
  );
});
afterAll(() => world.close());

type Webhook = { id: string; secret: string };
async function enter(level?: 'normal' | 'high'): Promise<Webhook> {
  const webhook = { id: randomUUID(), secret: randomBytes(64).toString('base64') };
  const body = { name: 'step-ca', secret: webhook.secret, ...(level ? { level } : {}) };
  const answer = await world.api(token, 'PUT', `/api/v1/ca-webhooks/${webhook.id}`, body);
  expect(answer.status, answer.text).toBe(200);
  expect(answer.text).not.toContain(webhook.secret);
  return webhook;
}

/** What step-ca sends: no content type, and a signature over the bytes. */
async function ask(
  webhook: Webhook,
  question: object,
  change: Record<string, string> = {},
  sent?: string,
): Promise<Answer> {
  const body = JSON.stringify({
    timestamp: new Date(world.clock()).toISOString(),
    provisionerName: 'acme-da',
    ...question,
  });
  const signature = createHmac('sha256', Buffer.from(webhook.secret, 'base64')).update(body).digest('hex');
  const headers = { 'x-smallstep-webhook-id': webhook.id, 'x-smallstep-signature': signature, ...change };
  // Bytes, since fetch would give a text a content type.
  const response = await fetch(world.origin + PATH, { method: 'POST', body: Buffer.from(sent ?? body), headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as unknown };
}
const attested = (identifier: string, more: object = {}) => ({
  attestationData: { permanentIdentifier: identifier },
  ...more,
});

async function enrolled(): Promise<{ soft: SoftDevice; id: string }> {
  const soft = world.newDevice('laptop');
  return { soft, id: deviceOf(await world.enroll(soft, 'ada@example.com')).id };
}
async function decide(id: string, body: object, what = 'approval'): Promise<void> {
  const { headers } = await world.api(token, 'GET', `/api/v1/devices/${id}`);
  const answer = await world.api(token, 'PUT', `/api/v1/devices/${id}/${what}`, body, {
    'if-match': headers.get('etag') ?? '',
  });
  expect(answer.status, answer.text).toBe(200);
}

describe('the question of step-ca', () => {
  let webhook: Webhook;
  beforeEach(async () => {
    webhook = await enter();
  });

  it('is answered from the facts as they are at that moment', async () => {
    const { soft, id } = await enrolled();
    const question = () => ask(webhook, attested(soft.urn));
    expect((await question()).body).toMatchObject({ allow: false, error: { code: 'not-approved' } });
    await decide(id, { decision: 'approved' });
    const allowed = await question();
    expect(allowed).toMatchObject({ status: 200, body: { allow: true } });
    expect(allowed.body).toEqual({
      allow: true,
      data: {
        id,
        permanentIdentifier: soft.urn,
        name: 'laptop',
        owner: 'ada@example.com',
        ownership: null,
        shared: false,
        assurance: 'high',
      },
    });
    await decide(id, { lifecycle: 'quarantined' }, 'lifecycle');
    expect((await question()).body).toMatchObject({ allow: false, error: { code: 'not-active' } });
    await decide(id, { lifecycle: 'active' }, 'lifecycle');
    expect((await question()).body).toMatchObject({ allow: true });
    await decide(id, { decision: 'refused', reason: 'Sold.' });
    expect((await question()).body).toMatchObject({
      allow: false,
      error: { code: 'not-approved', message: expect.any(String) },
    });
  });

  it('asks for high assurance unless the webhook says otherwise', async () => {
    const identifier = `urn:ek:sha256:${randomBytes(32).toString('base64')}`;
    const path = `/api/collections/default/instances/${encodeURIComponent(identifier)}`;
    await world.api(token, 'PUT', path, { data: { 'smallstep:identity': 'carl@smallstep.com' } });
    expect((await ask(webhook, attested(identifier))).body).toMatchObject({
      allow: false,
      error: { code: 'attestation-none' },
    });
    const lenient = await enter('normal');
    expect((await ask(lenient, attested(identifier))).body).toMatchObject({
      allow: true,
      data: { owner: 'carl@smallstep.com' },
    });
  });

  it('counts what was attested, and nothing that the client wrote', async () => {
    const { soft, id } = await enrolled();
    await decide(id, { decision: 'approved' });
    const names = { x509CertificateRequest: { subject: { commonName: soft.urn }, dnsNames: [soft.urn.toLowerCase()] } };
    expect((await ask(webhook, names)).body).toMatchObject({ allow: false, error: { code: 'not-attested' } });
    for (const identifier of ['unknown', id, `urn:smallstep:device:serial:x`, 'a b', '']) {
      expect((await ask(webhook, attested(identifier))).body, identifier).toMatchObject({
        allow: false,
        error: { code: 'unknown-device' },
      });
    }
    const sans = (value: string) => ({ x509Certificate: { sans: [{ type: 'permanentIdentifier', value }] } });
    expect((await ask(webhook, attested(soft.urn, sans(soft.urn)))).body).toMatchObject({ allow: true });
    expect((await ask(webhook, attested(soft.urn, sans('another')))).body).toMatchObject({
      allow: false,
      error: { code: 'other-identifier' },
    });
    expect((await ask(webhook, attested(soft.urn, { x509Certificate: { sans: null } }))).body).toMatchObject({
      allow: true,
    });
  });

  it('is heard only with the signature of a webhook that was entered', async () => {
    const question = attested('x');
    const refusals = [
      ask({ ...webhook, id: randomUUID() }, question),
      ask({ ...webhook, secret: randomBytes(64).toString('base64') }, question),
      ask(webhook, question, { 'x-smallstep-signature': '' }),
      ask(webhook, question, { 'x-smallstep-signature': 'zz' }),
      ask(webhook, question, {}, '{"timestamp":"2026-01-01T00:00:00Z"}'),
      ask(webhook, question, {}, 'not json'),
      world.call('POST', PATH, { body: {} }),
    ];
    for (const refusal of await Promise.all(refusals)) expect(codeOf(refusal)).toBe('unauthenticated');
    const other = await enter();
    expect(codeOf(await ask({ id: other.id, secret: webhook.secret }, question))).toBe('unauthenticated');
  });

  it('may be sent twice, but not kept', async () => {
    const question = { timestamp: new Date(world.clock()).toISOString(), ...attested('x') };
    expect((await ask(webhook, question)).status).toBe(200);
    expect((await ask(webhook, question)).status).toBe(200);
    const old = { ...question, timestamp: new Date(world.clock() - 301_000).toISOString() };
    expect(codeOf(await ask(webhook, old))).toBe('clock-skew');
    expect(codeOf(await ask(webhook, { timestamp: 'now' }))).toBe('invalid-request');
  });

  it('is recorded where it is refused, and what was refused', async () => {
    await ask(webhook, attested('somebody-else'));
    const { body } = await world.api(token, 'GET', '/api/v1/audit?action=certificate.asked&limit=1');
    expect(body).toMatchObject({
      records: [
        {
          actor: { id: webhook.id, name: 'step-ca' },
          outcome: 'refused',
          code: 'unknown-device',
          after: { permanentIdentifier: 'somebody-else', provisioner: 'acme-da' },
        },
      ],
    });
  });
});

describe('the webhooks of certificate authorities', () => {
  const path = (id: string) => `/api/v1/ca-webhooks/${id}`;

  it('are entered, changed without their secret, given a new one, and removed', async () => {
    const webhook = await enter();
    const change = { name: 'The CA', level: 'normal' };
    expect((await world.api(token, 'PUT', path(webhook.id), change)).body).toMatchObject({ ...change, id: webhook.id });
    expect((await ask(webhook, attested('x'))).status).toBe(200);
    const secret = randomBytes(64).toString('base64');
    await world.api(token, 'PUT', path(webhook.id), { ...change, secret });
    expect(codeOf(await ask(webhook, attested('x')))).toBe('unauthenticated');
    expect((await ask({ id: webhook.id, secret }, attested('x'))).status).toBe(200);
    const { webhooks } = (await world.api(token, 'GET', '/api/v1/ca-webhooks')).body as { webhooks: { id: string }[] };
    expect(webhooks.find(({ id }) => id === webhook.id)).toMatchObject({ ...change, lastUsedAt: expect.any(String) });
    expect((await world.api(token, 'DELETE', path(webhook.id))).status).toBe(204);
    expect(codeOf(await ask({ id: webhook.id, secret }, attested('x')))).toBe('unauthenticated');
    expect(codeOf(await world.api(token, 'DELETE', path(webhook.id)))).toBe('not-found');
  });

  it('are refused without a secret, with one that is none, and with fields that nobody knows', async () => {
    for (const body of [
      { name: 'x' },
      { name: 'x', secret: newSecret('api') },
      { name: 'x', secret: 'AAAA' },
      { name: '', secret: 'A'.repeat(88) },
      { name: 'x', secret: 'A'.repeat(88), url: 'https://x' },
    ]) {
      expect(codeOf(await world.api(token, 'PUT', path(randomUUID()), body))).toBe('invalid-request');
    }
    expect(codeOf(await world.api(token, 'PUT', path('a%20b'), { name: 'x', secret: 'A'.repeat(88) }))).toBe(
      'invalid-request',
    );
  });

  it('keep their secrets sealed, over a rotation of the key-encryption key too', async () => {
    const own = await startWorld();
    try {
      const secret = randomBytes(64);
      const owner = await own.token('settings:write');
      await own.api(owner, 'PUT', path('w1'), { name: 'x', secret: secret.toString('base64') });
      const stored = async () =>
        (await own.server.store.db.selectFrom('ca_webhooks').select('secret').executeTakeFirstOrThrow()).secret;
      const before = await stored();
      expect(Buffer.from(before).includes(secret.toString('base64url').slice(0, 20))).toBe(false);
      expect(Buffer.from(own.server.context.unseal('ca-webhook:w1', before))).toEqual(secret);
      await rotateKeyEncryptionKey(own.server.store, own.folder, own.clock(), {});
      expect(await stored()).not.toBe(before);
      expect(() => own.server.context.unseal('ca-webhook:w1', before)).not.toThrow();
      await own.restart();
      expect(Buffer.from(own.server.context.unseal('ca-webhook:w1', await stored()))).toEqual(secret);
    } finally {
      await own.close();
    }
  });
});
