import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ATTRIBUTE } from '../../attestation/index.ts';
import { AK_ATTRIBUTES, eccKey, softSign } from '../../attestation/testing/softTpm.ts';
import { Challenge } from '../../contract/index.ts';
import { createGrantKey, dpopProof } from '../testing/grantKey.ts';
import type { SoftDevice } from '../testing/softDevice.ts';
import { codeOf, deviceOf, startWorld, type Walk, type World } from '../testing/world.ts';

const TEXT = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const MINUTE = 60_000;

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

/** No record of the device, by any identifier: a refused walk leaves nothing behind. */
async function expectNothingStored(device: SoftDevice) {
  const { db } = world.server.store;
  expect(await db.selectFrom('identifiers').selectAll().where('identifier', '=', device.urn).execute()).toEqual([]);
  expect(await db.selectFrom('devices').selectAll().where('permanent_identifier', '=', device.urn).execute()).toEqual(
    [],
  );
}

describe('grants', () => {
  const ask = async (walk: Pick<Walk, 'device' | 'key' | 'ceremony'>, token: string, ceremonyId = walk.ceremony.id) =>
    world.grantFor(walk.key, token, ceremonyId);

  it('need a sign-in, and the key that it is bound to', async () => {
    const device = world.newDevice();
    const key = createGrantKey();
    const ceremony = await world.announce(device, key);
    const token = await world.signIn(ceremony, key);
    expect(codeOf(await world.call('POST', '/api/v1/grants', { body: { ceremonyId: ceremony.id } }))).toBe(
      'unauthenticated',
    );
    expect(codeOf(await world.grantFor(createGrantKey(), token, ceremony.id))).toBe('proof-refused');
    expect(codeOf(await ask({ device, key, ceremony }, `${token}x`))).toBe('unauthenticated');
    const other = await world.announce(world.newDevice(), key);
    expect(codeOf(await ask({ device, key, ceremony }, token, other.id))).toBe('ceremony-expired');
    expect(codeOf(await ask({ device, key, ceremony }, token, crypto.randomUUID()))).toBe('ceremony-expired');
    expect((await ask({ device, key, ceremony }, token)).status).toBe(201);
  });

  it('are replaced by asking again, and the former one ends', async () => {
    const device = world.newDevice();
    const key = createGrantKey();
    const ceremony = await world.announce(device, key);
    const token = await world.signIn(ceremony, key);
    const [first, second] = [await ask({ device, key, ceremony }, token), await ask({ device, key, ceremony }, token)];
    const grantOf = (answer: { body: unknown }) => (answer.body as { grant: string }).grant;
    expect(codeOf(await world.withGrant(key, grantOf(first), '/api/v1/challenges', {}))).toBe('grant-expired');
    expect((await world.withGrant(key, grantOf(second), '/api/v1/challenges', {})).status).toBe(201);
  });

  it('are checked for key, method, address, hash, age and replay of the proof', async () => {
    const { key, grant } = await world.begin(world.newDevice());
    const url = `${world.origin}/api/v1/challenges`;
    const good = { method: 'POST', url, token: grant };
    const send = async (proof: string, secret = grant) =>
      codeOf(
        await world.call('POST', '/api/v1/challenges', {
          body: {},
          headers: { authorization: `DPoP ${secret}`, dpop: proof },
        }),
      );
    const now = Math.floor(world.clock() / 1000);
    expect(await send(await dpopProof(createGrantKey(), good))).toBe('proof-refused');
    expect(await send(await dpopProof(key, { ...good, method: 'GET' }))).toBe('proof-refused');
    expect(await send(await dpopProof(key, { ...good, url: `${world.origin}/api/v1/enrollments` }))).toBe(
      'proof-refused',
    );
    expect(await send(await dpopProof(key, { ...good, url: 'https://relay.example/api/v1/challenges' }))).toBe(
      'proof-refused',
    );
    expect(await send(await dpopProof(key, { ...good, token: 'other' }))).toBe('proof-refused');
    expect(await send(await dpopProof(key, { ...good, issuedAt: now - 301 }))).toBe('clock-skew');
    expect(await send(await dpopProof(key, { ...good, issuedAt: now + 302 }))).toBe('clock-skew');
    expect(await send('not a proof')).toBe('proof-refused');
    const proof = await dpopProof(key, good);
    expect(await send(proof, `${grant.slice(0, -1)}_`)).toBe('unauthenticated');
    expect(await send(proof)).toMatch(/^201/);
    expect(await send(proof)).toBe('proof-refused');
  });
});

describe('attestation', () => {
  it('refuses an EK certificate of another key, and keeps a certificate that leads nowhere apart', async () => {
    const device = world.newDevice();
    const walk = await world.begin(device);
    const foreign = { ...device.attestBody(), ekCerts: world.newDevice().certificates.map(TEXT) };
    expect(codeOf(await world.withGrant(walk.key, walk.grant, '/attest', foreign))).toBe('ek-certificate-mismatch');
    await expectNothingStored(device);
  });

  it('refuses attestation keys that could sign anything', async () => {
    const device = world.newDevice();
    const walk = await world.begin(device);
    for (const missing of [
      ATTRIBUTE.RESTRICTED,
      ATTRIBUTE.FIXED_TPM,
      ATTRIBUTE.FIXED_PARENT,
      ATTRIBUTE.SENSITIVE_DATA_ORIGIN,
    ]) {
      const body = device.attestBody(eccKey({ attributes: AK_ATTRIBUTES & ~missing }, 'P-256', true));
      expect(codeOf(await world.withGrant(walk.key, walk.grant, '/attest', body))).toBe('ak-refused');
    }
    await expectNothingStored(device);
  });

  it('refuses a creation signed by another key, and bytes that are no structure', async () => {
    const device = world.newDevice();
    const walk = await world.begin(device);
    const body = device.attestBody();
    const attest = Buffer.from(body.params.createAttestation, 'base64');
    const forged = {
      ...body,
      params: { ...body.params, createSignature: TEXT(softSign(eccKey({}, 'P-256', true), attest)) },
    };
    expect(codeOf(await world.withGrant(walk.key, walk.grant, '/attest', forged))).toBe('attestation-signature');
    const broken = { ...body, params: { ...body.params, public: TEXT(device.ak.bytes.slice(0, -3)) } };
    expect(codeOf(await world.withGrant(walk.key, walk.grant, '/attest', broken))).toBe('attestation-malformed');
    expect(codeOf(await world.withGrant(walk.key, walk.grant, '/attest', { ek: body.ek }))).toBe('invalid-request');
    const noKey = { params: body.params };
    expect(codeOf(await world.withGrant(walk.key, walk.grant, '/attest', noKey))).toBe('invalid-request');
    expect(codeOf(await world.withGrant(walk.key, walk.grant, '/attest', { ...body, ek: 'AAAA' }))).toBe(
      'attestation-malformed',
    );
  });

  it('serves a grant for its own device only', async () => {
    const walk = await world.begin(world.newDevice());
    const other = world.newDevice();
    expect(codeOf(await world.withGrant(walk.key, walk.grant, '/attest', other.attestBody()))).toBe(
      'grant-other-identifier',
    );
  });

  it('serves strangers only for what the inventory holds, and tells them nothing of the rest', async () => {
    const unknown = world.newDevice();
    expect(codeOf(await world.call('POST', '/attest', { body: unknown.attestBody() }))).toBe('ek-unknown');
    const known = world.newDevice();
    deviceOf(await world.enroll(known));
    // As deployed clients send it: no content type, a version before the path.
    const response = await fetch(`${world.origin}/1.0/attest`, {
      method: 'POST',
      body: new Blob([JSON.stringify(known.attestBody())]),
    });
    expect(response.status).toBe(200);
    const { credential, secret } = (await response.json()) as { credential: string; secret: string };
    const plain = TEXT(known.activateCredential(credential, secret));
    const activated = await fetch(`${world.origin}/1.0/secret`, {
      method: 'POST',
      body: new Blob([JSON.stringify({ secret: plain })]),
    });
    expect(activated.status).toBe(200);
    expect(((await activated.json()) as { chain: string[] }).chain).toHaveLength(2);
  });

  it('spends a secret once, takes none of another TPM, and none under another grant', async () => {
    const [one, two] = [await world.begin(world.newDevice()), await world.begin(world.newDevice())];
    const answer = await world.withGrant(one.key, one.grant, '/attest', one.device.attestBody());
    const { credential, secret } = answer.body as { credential: string; secret: string };
    expect(() => two.device.activateCredential(credential, secret)).toThrow();
    const plain = TEXT(one.device.activateCredential(credential, secret));
    expect(codeOf(await world.withGrant(one.key, one.grant, '/secret', { secret: TEXT(randomBytes(32)) }))).toBe(
      'secret-refused',
    );
    expect(codeOf(await world.withGrant(two.key, two.grant, '/secret', { secret: plain }))).toBe('secret-refused');
    expect(codeOf(await world.call('POST', '/secret', { body: { secret: plain } }))).toBe('secret-refused');
    expect((await world.withGrant(one.key, one.grant, '/secret', { secret: plain })).status).toBe(200);
    const replayed = await world.withGrant(one.key, one.grant, '/secret', { secret: plain });
    expect(codeOf(replayed)).toBe('secret-refused');
    expect((replayed.body as { message: string }).message).not.toBe('');
  });

  it('lets a secret grow old', async () => {
    const walk = await world.begin(world.newDevice());
    const answer = await world.withGrant(walk.key, walk.grant, '/attest', walk.device.attestBody());
    const { credential, secret } = answer.body as { credential: string; secret: string };
    world.advance(5 * MINUTE + 1000);
    const plain = TEXT(walk.device.activateCredential(credential, secret));
    expect(codeOf(await world.withGrant(walk.key, walk.grant, '/secret', { secret: plain }))).toBe('secret-refused');
  });

  it('keeps few activations open for one key', async () => {
    const walk = await world.begin(world.newDevice());
    for (let i = 0; i < 8; i += 1) await world.withGrant(walk.key, walk.grant, '/attest', walk.device.attestBody());
    const open = await world.server.store.db
      .selectFrom('activations')
      .selectAll()
      .where('permanent_identifier', '=', walk.device.urn)
      .execute();
    expect(open).toHaveLength(5);
  });
});

describe('enrolment', () => {
  it('needs the grant in time, once', async () => {
    const late = await world.begin(world.newDevice());
    const chain = await world.activate(late);
    world.advance(16 * MINUTE);
    expect(codeOf(await world.withGrant(late.key, late.grant, '/api/v1/challenges', {}))).toBe('grant-expired');
    const walk = await world.begin(world.newDevice());
    const own = await world.activate(walk);
    deviceOf(await world.submit(walk, own));
    expect(codeOf(await world.withGrant(walk.key, walk.grant, '/api/v1/challenges', {}))).toBe('grant-used');
    expect(chain).toHaveLength(2);
    await expectNothingStored(late.device);
  });

  it('refuses an old, a foreign and a spent challenge', async () => {
    const walk = await world.begin(world.newDevice());
    const chain = await world.activate(walk);
    const challengeOf = async (of: Walk) =>
      Challenge.parse((await world.withGrant(of.key, of.grant, '/api/v1/challenges', {})).body).challenge;
    expect(codeOf(await world.submit(walk, chain, { challenge: TEXT(randomBytes(32)) }))).toBe('challenge-refused');
    const foreign = await challengeOf(await world.begin(world.newDevice()));
    expect(codeOf(await world.submit(walk, chain, { challenge: foreign }))).toBe('challenge-refused');
    const spent = await challengeOf(walk);
    expect(codeOf(await world.submit(walk, chain, { challenge: spent, changedPcr: 3 }))).toBe('quote-mismatch');
    expect(codeOf(await world.submit(walk, chain, { challenge: spent }))).toBe('challenge-refused');
    const old = await challengeOf(walk);
    world.advance(5 * MINUTE + 1000);
    expect(codeOf(await world.submit(walk, chain, { challenge: old }))).toBe('challenge-refused');
    await expectNothingStored(walk.device);
  });

  it('refuses proofs made for another server, challenge or device', async () => {
    const walk = await world.begin(world.newDevice());
    const chain = await world.activate(walk);
    expect(codeOf(await world.submit(walk, chain, { origin: 'https://relay.example' }))).toBe('binding-mismatch');
    expect(codeOf(await world.submit(walk, chain, { boundChallenge: TEXT(randomBytes(32)) }))).toBe('binding-mismatch');
    expect(codeOf(await world.submit(walk, chain, { identifier: world.newDevice().urn }))).toBe('binding-mismatch');
    await expectNothingStored(walk.device);
  });

  it('refuses a device key that the attestation key did not certify', async () => {
    const walk = await world.begin(world.newDevice());
    const chain = await world.activate(walk);
    const forged = await world.submit(walk, chain, { certifyWith: eccKey({}, 'P-256', true) });
    expect(codeOf(forged)).toBe('device-key-refused');
    await expectNothingStored(walk.device);
  });

  it('refuses a changed, a foreign and an expired certificate of the attestation key', async () => {
    const walk = await world.begin(world.newDevice());
    const [leaf = '', issuer = ''] = await world.activate(walk);
    const bytes = Buffer.from(leaf, 'base64');
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    expect(codeOf(await world.submit(walk, [TEXT(bytes), issuer]))).toBe('ak-certificate-refused');
    expect(codeOf(await world.submit(walk, [issuer]))).toBe('ak-certificate-refused');
    expect(codeOf(await world.submit(walk, [leaf, leaf]))).toBe('ak-certificate-refused');
    const other = await world.begin(world.newDevice());
    const otherChain = await world.activate(other);
    expect(codeOf(await world.submit(walk, otherChain))).toBe('ak-certificate-refused');
    walk.device.reinstall();
    expect(codeOf(await world.submit(walk, [leaf, issuer]))).toBe('ak-certificate-refused');
    await expectNothingStored(walk.device);
  });

  it('refuses fields that the contract does not know', async () => {
    const walk = await world.begin(world.newDevice());
    const answer = await world.withGrant(walk.key, walk.grant, '/api/v1/enrollments', {
      kind: 'tpm',
      machine: {},
      proof: {},
      extra: 1,
    });
    expect(codeOf(answer)).toBe('invalid-request');
    expect((answer.body as { errors: unknown[] }).errors.length).toBeGreaterThan(0);
  });

  it('audits each refusal with its code', async () => {
    const rows = await world.server.store.db
      .selectFrom('audit')
      .select('code')
      .where('outcome', '=', 'refused')
      .where('action', '=', 'device.enrolled')
      .execute();
    const codes = new Set(rows.map((row) => row.code));
    for (const code of [
      'challenge-refused',
      'binding-mismatch',
      'device-key-refused',
      'ak-certificate-refused',
      'quote-mismatch',
    ]) {
      expect(codes).toContain(code);
    }
  });
});
