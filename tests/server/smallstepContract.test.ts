import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sent, sharedReference, startServer, type TestServer } from './support.ts';

type Json = Record<string, unknown>;
type Operation = { operationId: string; responses: Record<string, Json> };
type Document = { paths: Record<string, Record<string, Operation>>; components: Record<string, Record<string, Json>> };

const VERSIONS = ['2023-11-01', '2025-01-01', '2026-05-01'] as const;
type Version = (typeof VERSIONS)[number];

const urn = () => `urn:ek:sha256:${createHash('sha256').update(randomBytes(8)).digest('base64')}`;
const slug = () => `c${randomBytes(6).toString('hex')}`;
const at = (identifier: string) => encodeURIComponent(identifier);

let test: TestServer;
let readOnly: string;
let nothing: string;

/** One request that must answer with a documented status. */
type Scenario = (version: Version) => Promise<{ path: string; sent?: Sent }>;

const put = (identifier: string, data: unknown, collection = 'default') =>
  test.call(`/api/collections/${collection}/instances/${at(identifier)}`, { method: 'PUT', body: { data } });
async function added(): Promise<{ id: string; identifier: string }> {
  const identifier = urn();
  const { body } = await test.call('/api/devices', { method: 'POST', body: { permanentIdentifier: identifier } });
  return { id: (body as { id: string }).id, identifier };
}
async function collection(): Promise<string> {
  const name = slug();
  await test.call('/api/collections', { method: 'POST', body: { slug: name } });
  return name;
}
/** Removed by an administrator, not by a script: no script brings it back. */
const deleted = async () => {
  const device = await added();
  const { headers } = await test.call(`/api/v1/devices/${device.id}`);
  const sent = { method: 'PUT', body: { lifecycle: 'deleted' }, headers: { 'if-match': headers.get('etag') ?? '' } };
  await test.call(`/api/v1/devices/${device.id}/lifecycle`, sent);
  return device;
};
/** An operation with no token, and with one that lacks its scope. */
const strangers = (path: string, method = 'GET', body?: unknown): Record<string, Scenario> => {
  const sent = { method, ...(body === undefined ? {} : { body }) };
  return {
    401: async () => ({ path, sent: { ...sent, token: null } }),
    403: async () => ({ path, sent: { ...sent, token: nothing } }),
  };
};
const simple = (path: string, method = 'GET', body?: unknown): Scenario => {
  return async () => ({ path, sent: { method, ...(body === undefined ? {} : { body }) } });
};
const BAD_QUERY = '?pagination[first]=0';
const deviceScenarios = (method: 'GET' | 'PATCH' | 'DELETE', body?: unknown, tail = ''): Record<string, Scenario> => ({
  [method === 'DELETE' ? 204 : 200]: async () => {
    const { identifier } = await added();
    return { path: `/api/devices/${at(identifier)}${tail}`, sent: { method, body } };
  },
  400: simple(`/api/devices/urn%3Aek%3Asha256%3Ashort${tail}`, method, body),
  404: simple(`/api/devices/${at('never seen'.replace(' ', '-'))}${tail}`, method, body),
  ...strangers(`/api/devices/x${tail}`, method, body),
});

const instance = '/api/collections/default/instances';
/** The full read model, as a script sends it. */
const TPM_COLLECTION = {
  slug: 'default',
  displayName: 'Our devices',
  deviceType: 'tpm',
  deviceTypeConfiguration: { attestorRoots: '-----BEGIN CERTIFICATE-----', forceCN: false },
  authorityID: '6f9e2b44-6f0e-4d1f-8f53-3b6a2f0c8a11',
};
const SCENARIOS: Record<string, Record<string, Scenario>> = {
  PostAuth: {
    400: simple('/api/auth', 'POST', { teamSlug: 'team', bundle: 'not a list' }),
    401: simple('/api/auth', 'POST', { teamSlug: 'team', bundle: [] }),
  },
  ListCollections: {
    200: simple('/api/collections'),
    400: simple(`/api/collections${BAD_QUERY}`),
    ...strangers('/api/collections'),
  },
  PostCollections: {
    201: async () => ({
      path: '/api/collections',
      sent: { method: 'POST', body: { slug: slug(), displayName: 'Laptops', more: 1 } },
    }),
    400: simple('/api/collections', 'POST', { slug: 'Not A Slug' }),
    409: simple('/api/collections', 'POST', { slug: 'default' }),
    412: simple('/api/collections', 'POST', { slug: 'checked', schemaURI: 'https://example.com/schema.json' }),
    ...strangers('/api/collections', 'POST', { slug: 'x' }),
  },
  GetCollection: {
    200: simple('/api/collections/default'),
    400: simple('/api/collections/NO'),
    404: simple('/api/collections/absent'),
    ...strangers('/api/collections/default'),
  },
  PutCollection: {
    200: async () => {
      const name = await collection();
      const body = { slug: name, displayName: 'New', instanceCount: 0, createdAt: 'x', updatedAt: 'y' };
      return { path: `/api/collections/${name}`, sent: { method: 'PUT', body } };
    },
    400: simple('/api/collections/default', 'PUT', { displayName: 7 }),
    404: simple('/api/collections/absent', 'PUT', { displayName: 'x' }),
    412: simple('/api/collections/default', 'PUT', { displayName: 'x', schemaURI: 'https://example.com/s' }),
    ...strangers('/api/collections/default', 'PUT', { displayName: 'x' }),
  },
  DeleteCollection: {
    204: async () => ({ path: `/api/collections/${await collection()}`, sent: { method: 'DELETE' } }),
    400: simple('/api/collections/default', 'DELETE'),
  },
  PutCollectionInstance: {
    200: async () => ({
      path: `${instance}/${urn()}`,
      sent: { method: 'PUT', body: { data: { 'smallstep:identity': 'carl@smallstep.com' } } },
    }),
    400: simple(`${instance}/${at(`urn:ek:sha256:${'A'.repeat(10)}`)}`, 'PUT', { data: {} }),
    409: async () => {
      const { identifier } = await deleted();
      return { path: `${instance}/${at(identifier)}`, sent: { method: 'PUT', body: { data: {} } } };
    },
    412: async () => ({ path: `${instance}/${at(urn())}`, sent: { method: 'PUT', body: { data: {} } } }),
    ...strangers(`${instance}/x`, 'PUT', { data: {} }),
  },
  GetCollectionInstance: {
    200: async () => {
      const identifier = urn();
      await put(identifier, { 'smallstep:identity': 'carl@smallstep.com', rack: 7 });
      return { path: `${instance}/${identifier}` };
    },
    400: simple(`${instance}/`),
    404: simple(`${instance}/absent`),
    ...strangers(`${instance}/absent`),
  },
  DeleteCollectionInstance: {
    204: async () => {
      const identifier = urn();
      await put(identifier, {});
      return { path: `${instance}/${at(identifier)}`, sent: { method: 'DELETE' } };
    },
    400: simple(`${instance}/%20`, 'DELETE'),
    ...strangers(`${instance}/absent`, 'DELETE'),
  },
  GetCollectionInstanceData: {
    200: async () => {
      const name = await collection();
      await put('laptop-0012', ['any', { json: null }], name);
      return { path: `/api/collections/${name}/instances/laptop-0012/data` };
    },
    400: simple(`${instance}//data`),
    404: simple(`${instance}/absent/data`),
    ...strangers(`${instance}/absent/data`),
  },
  PutCollectionInstanceData: {
    200: async () => ({ path: `${instance}/${urn()}/data`, sent: { method: 'PUT', body: { rack: 7 } } }),
    400: simple(`${instance}/laptop/data`, 'PUT', [1]),
    409: async () => {
      const { identifier } = await deleted();
      return { path: `${instance}/${identifier}/data`, sent: { method: 'PUT', body: {} } };
    },
    412: async () => ({ path: `${instance}/${at(urn())}/data`, sent: { method: 'PUT', body: {} } }),
    ...strangers(`${instance}/x/data`, 'PUT', {}),
  },
  ListCollectionInstances: {
    200: simple('/api/collections/default/items?pagination%5Bfirst%5D=2'),
    400: simple('/api/collections/default/items?pagination[after]=made-up'),
    404: simple('/api/collections/absent/items'),
    ...strangers('/api/collections/default/items'),
  },
  GetDeviceCollection: {
    200: simple('/api/device-collections/default'),
    400: simple('/api/device-collections/NO'),
    404: simple('/api/device-collections/vms'),
    ...strangers('/api/device-collections/default'),
  },
  PutDeviceCollection: {
    200: simple('/api/device-collections/default', 'PUT', TPM_COLLECTION),
    400: simple('/api/device-collections/default', 'PUT', { ...TPM_COLLECTION, deviceType: 'mainframe' }),
    409: simple('/api/device-collections/default', 'PUT', { ...TPM_COLLECTION, deviceType: 'aws-vm' }),
    ...strangers('/api/device-collections/default', 'PUT', TPM_COLLECTION),
  },
  DeleteDeviceCollection: {
    204: simple('/api/device-collections/vms', 'DELETE'),
    400: simple('/api/device-collections/NO', 'DELETE'),
    422: simple('/api/device-collections/default?purge=true', 'DELETE'),
    ...strangers('/api/device-collections/default', 'DELETE'),
  },
  PostDeviceEnrollmentToken: {
    201: async () => ({
      path: `/api/device-collections/default/${at(urn())}/enrollment-token`,
      sent: { method: 'POST', body: { title: 'for one device' } },
    }),
    400: simple('/api/device-collections/default/urn%3Aek%3Asha256%3Ashort/enrollment-token', 'POST', {}),
    404: simple('/api/device-collections/tpm/i-01234567890/enrollment-token', 'POST', {}),
    412: simple(`/api/device-collections/default/x/enrollment-token`, 'POST', {}),
    ...strangers('/api/device-collections/default/x/enrollment-token', 'POST', {}),
  },
  ListDevices: {
    200: simple('/api/devices?filters[os]=linux&filters[source][]=Smallstep%20API&sort[field]=lastSeen'),
    400: simple('/api/devices?filters[status]=perhaps'),
    ...strangers('/api/devices'),
  },
  PostDevices: {
    201: async () => ({
      path: '/api/devices',
      sent: {
        method: 'POST',
        body: {
          permanentIdentifier: urn(),
          displayId: '681',
          displayName: 'Sheldon Personal Laptop',
          serial: `7GX${randomBytes(3).toString('hex').toUpperCase()}`,
          os: 'Linux',
          ownership: 'user',
          tags: ['ubuntu24', 'ubuntu24'],
          metadata: { department: 'engineering', 'Device.ID': 'ignored' },
          user: { email: 'sheldon@example.com', displayName: 'read only' },
          future: true,
        },
      },
    }),
    400: simple('/api/devices', 'POST', { displayName: 'no identifier' }),
    409: async () => ({
      path: '/api/devices',
      sent: { method: 'POST', body: { permanentIdentifier: (await added()).identifier } },
    }),
    422: simple('/api/devices', 'POST', { permanentIdentifier: 'urn:ek:sha256:short' }),
    ...strangers('/api/devices', 'POST', { permanentIdentifier: 'x' }),
  },
  GetDevice: deviceScenarios('GET'),
  PatchDevice: {
    ...deviceScenarios('PATCH', {
      displayId: null,
      displayName: 'new',
      shared: true,
      user: { email: 'patch@example.com' },
    }),
    400: async () => ({ path: `/api/devices/${(await added()).id}`, sent: { method: 'PATCH', body: { os: 'BeOS' } } }),
  },
  DeleteDevice: deviceScenarios('DELETE'),
  PatchDeviceLifecycle: {
    ...deviceScenarios('PATCH', { status: 'quarantined' }, '/lifecycle'),
    400: async () => ({
      path: `/api/devices/${(await added()).id}/lifecycle`,
      sent: { method: 'PATCH', body: { status: 'lost' } },
    }),
    403: async () => ({
      path: '/api/devices/x/lifecycle',
      sent: { method: 'PATCH', body: { status: 'active' }, token: readOnly },
    }),
  },
  GetDeviceEnrollmentPolicy: {
    200: simple('/api/device-enrollment-policy'),
    400: async () => ({
      path: '/api/device-enrollment-policy',
      sent: { headers: { 'x-smallstep-api-version': 'yesterday' } },
    }),
    ...strangers('/api/device-enrollment-policy'),
  },
  PutDeviceEnrollmentPolicy: {
    200: simple('/api/device-enrollment-policy', 'PUT', {
      allowedSources: ['Smallstep API', 'Smallstep Agent', 'Jamf', 'End-User'],
      autoApproveSources: ['Jamf', 'Smallstep API'],
    }),
    400: simple('/api/device-enrollment-policy', 'PUT', { allowedSources: ['Nobody'], autoApproveSources: [] }),
    ...strangers('/api/device-enrollment-policy', 'PUT', { allowedSources: [], autoApproveSources: [] }),
  },
};

/** Documented answers that this server has no occasion for. 500 is the property run's: it must never come. */
const NO_OCCASION: Record<string, Record<string, string>> = {
  PostAuth: {
    201: 'client certificates are not exchanged for tokens',
    403: 'nobody gets as far',
  },
};

const documents = VERSIONS.map((version) => ({ version, path: sharedReference(`openapi/smallstep-${version}.json`) }));

/** The documents' own mistakes (their section 8): `oneOf` with an empty schema stands for "or null". */
function mended(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(mended);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mended(inner)])) as Json;
  const options = Array.isArray(fields.oneOf) ? (fields.oneOf as Json[]) : [];
  // Nor do gcpVM and tpm exclude each other: neither requires anything.
  if (options.some((option) => Object.keys(option).length === 0 || String(option.$ref).endsWith('/tpm'))) {
    return { ...fields, oneOf: undefined, anyOf: fields.oneOf };
  }
  return fields;
}

function checks(document: Document) {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
  (formats as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addSchema({ $id: 'doc', ...(JSON.parse(JSON.stringify(mended(document))) as Json) });
  const known = new Map<string, ValidateFunction>();
  return (schema: Json) => {
    const text = JSON.stringify(mended(schema)).replaceAll('"#/', '"doc#/');
    const compiled = known.get(text) ?? ajv.compile(JSON.parse(text) as Json);
    known.set(text, compiled);
    return (body: unknown) => {
      const valid = compiled(body);
      return valid ? null : ajv.errorsText(compiled.errors);
    };
  };
}

beforeAll(async () => {
  test = await startServer();
  readOnly = await test.tokenWith(['devices:read', 'devices:write']);
  nothing = await test.tokenWith(['audit:read']);
});
afterAll(() => test.close());

describe.each(documents)('OpenAPI document $version', ({ version, path }) => {
  it.skipIf(!path)(
    'answers every operation as documented, with every status it names (needs the shared OpenAPI documents)',
    async () => {
      const document = JSON.parse(readFileSync(path ?? '', 'utf8')) as Document;
      const validator = checks(document);
      const faults: string[] = [];
      let answered = 0;
      for (const operation of Object.values(document.paths).flatMap((item) => Object.values(item))) {
        if (!operation?.operationId) continue;
        const scenarios = SCENARIOS[operation.operationId];
        for (const [status, response] of Object.entries(operation.responses)) {
          if (status === '500' || NO_OCCASION[operation.operationId]?.[status]) continue;
          const name = `${operation.operationId} ${status}`;
          const scenario = scenarios?.[status];
          if (!scenario) {
            faults.push(`${name}: no request provokes it`);
            continue;
          }
          const closed = status === '412' && /Instance|Token/.test(operation.operationId);
          if (closed) await allowApi(false);
          const { path: target, sent } = await scenario(version);
          const requestId = randomBytes(6).toString('hex');
          const received = await test.call(target, {
            ...sent,
            headers: { 'x-smallstep-api-version': version, 'x-request-id': requestId, ...sent?.headers },
          });
          if (closed) await allowApi(true);
          answered += 1;
          // Before 409 was documented, 422 said that a device exists.
          if (String(received.status) !== status)
            faults.push(`${name}: answered ${received.status} ${received.text.slice(0, 200)}`);
          if (received.headers.get('x-request-id') !== requestId) faults.push(`${name}: does not reflect X-Request-Id`);
          if (received.headers.get('x-smallstep-api-version') !== version)
            faults.push(`${name}: does not reflect the version`);
          faults.push(...bodyFaults(name, document, validator, response, received));
        }
      }
      expect(faults).toEqual([]);
      expect(answered).toBeGreaterThan(20);
    },
  );
});

const allowApi = (allowed: boolean) =>
  test.call('/api/v1/settings', {
    method: 'PATCH',
    body: {
      sources: {
        'Smallstep API': { allowed, autoApproved: true, userBindingRequired: false },
        'Smallstep Agent': { allowed, autoApproved: false, userBindingRequired: false },
      },
    },
  });

function bodyFaults(
  name: string,
  document: Document,
  validator: ReturnType<typeof checks>,
  response: Json,
  received: { headers: Headers; body: unknown; text: string },
): string[] {
  const reference = (response.$ref as string | undefined)?.split('/').at(-1);
  const meant = reference ? document.components.responses?.[reference] : response;
  const schema = (meant?.content as Record<string, { schema?: Json }> | undefined)?.['application/json']?.schema;
  const faults: string[] = [];
  if (schema) {
    const fault = validator(schema)(received.body);
    if (fault) faults.push(`${name}: ${fault}: ${received.text.slice(0, 200)}`);
  } else if (meant?.content === undefined && received.text !== '') faults.push(`${name}: has a body`);
  for (const header of Object.keys((meant?.headers ?? {}) as Record<string, Json>)) {
    const required = header === 'X-Created-At' || header === 'X-Updated-At';
    if (required && !Date.parse(received.headers.get(header) ?? '')) faults.push(`${name}: lacks ${header}`);
  }
  return faults;
}

describe('the compatible mount', () => {
  it('takes an EK URN percent-encoded, raw, with bare slashes, unpadded and URL-safe, for one device', async () => {
    let identifier = urn();
    while (!/\/.*\//.test(identifier) || !identifier.includes('+')) identifier = urn();
    await put(identifier, { 'smallstep:identity': 'one@example.com' });
    const spellings = [
      at(identifier),
      identifier,
      identifier.replaceAll('/', '%2F'),
      identifier.replaceAll('+', '-').replaceAll('/', '_').replace('=', ''),
    ];
    for (const spelling of spellings) {
      for (const tail of ['', '/data']) {
        const { status, body } = await test.call(`${instance}/${spelling}${tail}`);
        expect(status, spelling).toBe(200);
        expect(JSON.stringify(body)).toContain('one@example.com');
      }
      expect((await test.call(`/api/devices/${spelling}`)).body).toMatchObject({ permanentIdentifier: identifier });
      const token = `/api/device-collections/default/${spelling}/enrollment-token`;
      expect(await test.call(token, { method: 'POST', body: {} }), spelling).toMatchObject({
        status: 201,
        body: { title: `Enrolment token for ${identifier}` },
      });
    }
    expect(
      (await test.call(`/api/device-collections/default/${at(identifier)}`, { method: 'POST', body: {} })).status,
    ).toBe(404);
  });

  it('chooses the version by header or media type, and refuses what is not part of it', async () => {
    const ask = (headers: Record<string, string>) => test.call('/api/devices?pagination[first]=1', { headers });
    expect(
      (await ask({ accept: 'application/vnd.smallstep.v2025-01-01+json' })).headers.get('x-smallstep-api-version'),
    ).toBe('2025-01-01');
    expect((await ask({})).headers.get('x-smallstep-api-version')).toBe('2026-05-01');
    expect((await ask({ 'x-smallstep-api-version': '2023-11-01' })).status).toBe(404);
    expect(await ask({ 'x-smallstep-api-version': 'yesterday' })).toMatchObject({
      status: 400,
      body: { message: expect.any(String) },
    });
  });

  it('hides `shared` from 2025-01-01, and ignores it there', async () => {
    const { id } = await added();
    const old = { 'x-smallstep-api-version': '2025-01-01' };
    expect(
      (await test.call(`/api/devices/${id}`, { method: 'PATCH', body: { shared: true }, headers: old })).body,
    ).not.toHaveProperty('shared');
    expect((await test.call(`/api/devices/${id}`)).body).toMatchObject({ shared: false });
    expect((await test.call(`/api/devices/${id}`, { method: 'PATCH', body: { shared: true } })).body).toMatchObject({
      shared: true,
    });
  });

  it('answers errors of the framework as { message } too', async () => {
    const oversized = { method: 'PUT', body: { data: 'x'.repeat(300_000) } };
    const form = { method: 'PUT', body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    for (const [path, sent, status] of [
      ['/api/nothing', {}, 404],
      ['/api/devices/%zz', {}, 400],
      [`/api/collections/${'x'.repeat(600)}`, {}, 413],
      [`${instance}/x`, oversized, 413],
      [`${instance}/x`, form, 400],
      [`${instance}/x`, { method: 'PUT', body: '{"data":' }, 400],
      [`${instance}/x`, { method: 'PUT', body: '{"data":{"__proto__":{}}}' }, 400],
    ] as const) {
      const received = await test.call(path, sent);
      expect(received.status, path.slice(0, 80)).toBe(status);
      expect(received.body, path.slice(0, 80)).toEqual({ message: expect.any(String) });
      expect(received.headers.get('content-type')).toMatch(/^application\/json/);
    }
  });

  it('reads JSON whatever the body is called, as `curl -d` sends it; a session of the console only as JSON', async () => {
    const path = `${instance}/${at(urn())}`;
    const session = await test.session('owner');
    const body = JSON.stringify({ data: { 'smallstep:identity': 'carl@smallstep.com' } });
    for (const type of [
      'application/x-www-form-urlencoded',
      'text/plain;charset=UTF-8',
      'application/json; charset=utf-8',
    ]) {
      const sent = { method: 'PUT', body, headers: { 'content-type': type } };
      expect((await test.call(path, sent)).status, type).toBe(200);
      const bySession = await test.call(path, { ...sent, token: null, headers: { ...session, 'content-type': type } });
      expect(bySession.status, type).toBe(type.startsWith('application/json') ? 200 : 415);
    }
    const bare = { method: 'PUT', headers: { authorization: `Bearer ${test.token}` }, body: Buffer.from(body) };
    expect((await fetch(test.server.origin + path, bare)).status).toBe(200);
  });

  it('gives back the request id that a client chose, and names the version that has the route', async () => {
    for (const id of ['abcdef', 'run 7/step:3', '"quoted"']) {
      const received = await test.call('/api/devices/none', { headers: { 'x-request-id': id } });
      expect(received.headers.get('x-request-id')).toBe(id);
    }
    const long = await test.call('/api/devices/none', { headers: { 'x-request-id': 'x'.repeat(200) } });
    expect(long.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
    const unknown = await test.call('/api/collections/none', { token: null });
    expect([unknown.status, unknown.headers.get('x-smallstep-api-version')]).toEqual([401, '2023-11-01']);
  });

  it('walks a list by X-Next-Cursor, each device once, while devices are added', async () => {
    const wanted = new Set<string>();
    for (let i = 0; i < 7; i += 1) wanted.add((await added()).id);
    for (const query of ['sort[field]=enrolledAt', 'sort[field]=source&sort[ascending]=true', 'sort[field]=lastSeen']) {
      const seen: string[] = [];
      let after: string | null = null;
      do {
        const cursor: string = after === null ? '' : `&pagination[after]=${after}`;
        const page = await test.call(`/api/devices?pagination[first]=3&${query}${cursor}`);
        expect(page.status).toBe(200);
        seen.push(...(page.body as { id: string }[]).map((device) => device.id));
        after = page.headers.get('x-next-cursor');
        if (seen.length < 9) await added();
      } while (after !== null);
      expect(new Set(seen).size).toBe(seen.length);
      for (const id of wanted) expect(seen).toContain(id);
    }
    const other = await test.call('/api/devices?pagination[first]=1');
    const cursor = other.headers.get('x-next-cursor');
    expect((await test.call(`/api/devices?filters[os]=Linux&pagination[after]=${cursor}`)).status).toBe(400);
  });

  it('filters by every documented filter', async () => {
    const { id } = await added();
    await test.call(`/api/devices/${id}`, {
      method: 'PATCH',
      body: { os: 'visionOS', ownership: 'user', user: { email: 'filter@example.com' } },
    });
    const ids = async (query: string) =>
      ((await test.call(`/api/devices?pagination[first]=1000&${query}`)).body as { id: string }[]).map((d) => d.id);
    for (const query of [
      'filters[operatingSystem][]=visionOS',
      'filters[ownership]=user',
      'filters[source]=Smallstep%20API',
      'filters[assurance]=normal',
      'filters[status]=ok',
      'filters[onlyPendingApproval]=false',
    ]) {
      expect(await ids(query), query).toContain(id);
    }
    for (const query of [
      'filters[os]=Linux',
      'filters[ownership]=company',
      'filters[source]=Jamf',
      'filters[assurance]=high',
      'filters[status]=error',
      'filters[onlyPendingApproval]=true',
      'filters[onlyUnassigned]=true',
      'filters[onlyManaged]=true',
    ]) {
      expect(await ids(query), query).not.toContain(id);
    }
  });

  it('masks and unmasks with PATCH', async () => {
    const { id } = await added();
    const patch = (body: unknown) => test.call(`/api/devices/${id}`, { method: 'PATCH', body });
    expect((await patch({ displayName: 'mine', tags: ['a'], metadata: { k: 'v' } })).body).toMatchObject({
      displayName: 'mine',
      tags: ['a'],
    });
    const { body } = await patch({ displayName: null, tags: null, metadata: null, user: { email: null } });
    for (const field of ['displayName', 'tags', 'metadata', 'user']) expect(body).not.toHaveProperty(field);
  });

  it('keeps any JSON in other collections, bounded in size and depth', async () => {
    const name = slug();
    const path = `/api/collections/${name}/instances/10.24.25.28`;
    for (const data of [null, 0, 'text', [1, [2]], { image: 'nginx:latest' }]) {
      expect(await test.call(path, { method: 'PUT', body: { data } })).toMatchObject({
        status: 200,
        body: { id: '10.24.25.28', data },
      });
    }
    const deep = `{"data":${'['.repeat(5000)}${']'.repeat(5000)}}`;
    expect((await test.call(path, { method: 'PUT', body: deep })).status).toBe(400);
    expect((await test.call(path, { method: 'PUT', body: {} })).status).toBe(400);
    await test.call(`/api/collections/${name}`, { method: 'DELETE' });
    expect((await test.call(path)).status).toBe(404);
  });
});
