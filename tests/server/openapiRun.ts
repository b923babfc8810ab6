import { randomUUID } from 'node:crypto';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import fc from 'fast-check';
import { Role, Scope } from '../../contract/index.ts';
import { startServer, type TestServer } from './support.ts';

type Json = Record<string, unknown>;
type Parameter = { name: string; in: 'query' | 'path' | 'header'; schema: Json; required?: boolean };
type Operation = {
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Json }> };
  responses: Record<string, { content?: Record<string, { schema: Json }> }>;
};
export type Route = { method: string; path: string; operation: Operation; compatible: boolean };

/** Streams end when their reader leaves: an answer of theirs is its head. */
const STREAMS = ['/api/v1/events', '/api/v1/self/events'];

const ATTESTATION_CA = ['/attest', '/secret'];

/** The compatible mount is not in our own document: its operations, with bodies in the vendor's shapes. */
const any = { type: ['object', 'array', 'string', 'number', 'boolean', 'null'] };
const COMPATIBLE: [string, string, Json?][] = [
  ['GET', '/api/collections'],
  [
    'POST',
    '/api/collections',
    { type: 'object', properties: { slug: { type: 'string' }, displayName: { type: 'string' } }, required: ['slug'] },
  ],
  ['GET', '/api/collections/{slug}'],
  [
    'PUT',
    '/api/collections/{slug}',
    { type: 'object', properties: { displayName: { type: 'string' } }, required: ['displayName'] },
  ],
  ['DELETE', '/api/collections/{slug}'],
  ['GET', '/api/collections/{slug}/items'],
  ['GET', '/api/collections/{slug}/instances/{id}'],
  [
    'PUT',
    '/api/collections/{slug}/instances/{id}',
    { type: 'object', properties: { data: { type: 'object' } }, required: ['data'] },
  ],
  ['DELETE', '/api/collections/{slug}/instances/{id}'],
  ['GET', '/api/collections/{slug}/instances/{id}/data'],
  ['PUT', '/api/collections/{slug}/instances/{id}/data', any],
  ['GET', '/api/device-collections/{slug}'],
  [
    'PUT',
    '/api/device-collections/{slug}',
    {
      type: 'object',
      properties: {
        displayName: { type: 'string' },
        deviceType: { enum: ['tpm', 'aws-vm'] },
        deviceTypeConfiguration: { type: 'object', properties: { forceCN: { type: 'boolean' } } },
      },
      required: ['displayName', 'deviceType', 'deviceTypeConfiguration'],
    },
  ],
  ['DELETE', '/api/device-collections/{slug}'],
  [
    'POST',
    '/api/device-collections/default/{id}/enrollment-token',
    { type: 'object', properties: { title: { type: 'string' } } },
  ],
  ['GET', '/api/devices'],
  [
    'POST',
    '/api/devices',
    {
      type: 'object',
      properties: {
        permanentIdentifier: { type: 'string' },
        displayName: { type: 'string' },
        serial: { type: 'string' },
        os: { enum: ['Linux', 'Windows', 'macOS'] },
        tags: { type: 'array', items: { type: 'string' } },
        metadata: { type: 'object', additionalProperties: { type: 'string' } },
        user: { type: 'object', properties: { email: { type: 'string', format: 'email' } }, required: ['email'] },
      },
      required: ['permanentIdentifier'],
    },
  ],
  ['GET', '/api/devices/{id}'],
  [
    'PATCH',
    '/api/devices/{id}',
    { type: 'object', properties: { displayName: { type: ['string', 'null'] }, shared: { type: 'boolean' } } },
  ],
  ['DELETE', '/api/devices/{id}'],
  [
    'PATCH',
    '/api/devices/{id}/lifecycle',
    { type: 'object', properties: { status: { enum: ['active', 'quarantined', 'deleted'] } }, required: ['status'] },
  ],
  ['GET', '/api/device-enrollment-policy'],
  [
    'PUT',
    '/api/device-enrollment-policy',
    {
      type: 'object',
      properties: {
        allowedSources: { type: 'array', items: { enum: ['Jamf', 'Smallstep API', 'End-User'] } },
        autoApproveSources: { type: 'array', items: { enum: ['Jamf'] } },
      },
      required: ['allowedSources', 'autoApproveSources'],
    },
  ],
  ['POST', '/api/auth', any],
];

const bodyOf = (schema: Json) => ({ requestBody: { content: { 'application/json': { schema } } } });

export function routesOf(document: { paths: Record<string, Record<string, Operation>> }): Route[] {
  const own = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
      compatible: false,
    })),
  );
  const compatible = COMPATIBLE.map(([method, path, schema]) => ({
    method,
    path,
    compatible: true,
    operation: { responses: {}, ...(schema ? bodyOf(schema) : {}) },
  }));
  return [...own, ...compatible];
}

const HOSTILE_TEXT = [
  '',
  '\0',
  '\u202e\ud800',
  '../../etc/passwd',
  "' or 1=1 --",
  '%00%2f%zz',
  'x'.repeat(5000),
  '<script>alert(1)</script>',
  '__proto__',
  '😀'.repeat(64),
  '-1',
  'null',
];
const hostile = fc.oneof(
  fc.constantFrom<unknown>(...HOSTILE_TEXT, null, true, -1, 1e308, 2 ** 53, [], {}, [[[[[]]]]], {
    a: { b: {} },
  }),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

/** Values of a JSON schema as the document uses it; mostly valid, which is all that reaching deep code asks. */
function arbitraryOf(document: Json, schema: Json, depth = 0): fc.Arbitrary<unknown> {
  if (schema.$ref) {
    const name = String(schema.$ref).split('/').at(-1) ?? '';
    const target = ((document.components as Json).schemas as Record<string, Json>)[name];
    return arbitraryOf(document, target ?? {}, depth + 1);
  }
  const options = (schema.oneOf ?? schema.anyOf) as Json[] | undefined;
  if (options) return fc.oneof(...options.map((option) => arbitraryOf(document, option, depth + 1)));
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...(schema.enum as unknown[]));
  const type = Array.isArray(schema.type) ? undefined : schema.type;
  if (Array.isArray(schema.type))
    return fc.oneof(...schema.type.map((one) => arbitraryOf(document, { ...schema, type: one }, depth + 1)));
  switch (type) {
    case 'object': {
      const properties = (schema.properties ?? {}) as Record<string, Json>;
      const required = (schema.required ?? []) as string[];
      const known = fc.record(
        Object.fromEntries(
          Object.entries(properties).map(([key, inner]) => [key, arbitraryOf(document, inner, depth + 1)]),
        ),
        { requiredKeys: required as never[] },
      );
      return known as fc.Arbitrary<unknown>;
    }
    case 'array': {
      const minLength = Number(schema.minItems ?? 0);
      const items = arbitraryOf(document, (schema.items ?? {}) as Json, depth + 1);
      return fc.array(items, { minLength, maxLength: Math.max(minLength, Math.min(3, Number(schema.maxItems ?? 3))) });
    }
    case 'integer':
    case 'number':
      return fc.integer({ min: Number(schema.minimum ?? 0), max: Math.min(Number(schema.maximum ?? 1000), 1_000_000) });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'string':
      return textOf(schema);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

/** A few texts of each pattern, made once: generating from a pattern anew costs more than the request it is for. */
const samples = new Map<string, string[]>();
function samplesOf(pattern: string, maxLength: number): string[] {
  const known = samples.get(pattern);
  if (known) return known;
  let made = ['x'];
  try {
    made = fc.sample(fc.stringMatching(new RegExp(pattern), { size: 'xsmall' }), { numRuns: 6, seed: 1 });
  } catch {
    // Look-arounds are beyond the generator: such a field then gets an invalid text, which is a case too.
  }
  const texts = made.map((text) => text.slice(0, maxLength));
  samples.set(pattern, texts);
  return texts;
}

function textOf(schema: Json): fc.Arbitrary<string> {
  if (schema.format === 'uuid') return fc.constantFrom(randomUUID(), randomUUID());
  if (schema.format === 'email') return fc.constantFrom('carl@smallstep.com', 'ada@example.com', 'x@y.zz');
  if (schema.format === 'date-time') return fc.constant('2026-01-02T03:04:05Z');
  if (schema.pattern) return fc.constantFrom(...samplesOf(String(schema.pattern), Number(schema.maxLength ?? 200)));
  return fc.string({
    minLength: Number(schema.minLength ?? 0),
    maxLength: Math.min(Number(schema.maxLength ?? 40), 40),
  });
}

/** Replaces, drops or adds something somewhere in a value. */
const mutated = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .tuple(value, hostile, fc.nat(20), fc.constantFrom('replace', 'drop', 'add', 'whole'))
    .map(([body, bad, at, how]) => {
      if (how === 'whole' || typeof body !== 'object' || body === null) return bad;
      const entries = Object.entries(body);
      if (how === 'add' || entries.length === 0) return { ...body, unexpected: bad };
      const index = at % entries.length;
      return Object.fromEntries(
        entries.flatMap(([key, inner], i) => (i !== index ? [[key, inner]] : how === 'drop' ? [] : [[key, bad]])),
      );
    });

const RAW = [
  '{',
  '[]]',
  '"',
  '{"a":1,"a":2}',
  '{"__proto__":{"x":1}}',
  `${'['.repeat(20_000)}`,
  '\ufeff{}',
  'null',
  '\0',
];

export type Principals = Record<string, Record<string, string>>;

export async function principalsOf(test: TestServer): Promise<Principals> {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const principals: Principals = {
    nobody: {},
    'wrong token': bearer(test.token.replace(/.$/, '!')),
    'not a token': { authorization: 'Basic Zm9vOmJhcg==' },
    'a false grant': { authorization: 'DPoP x', dpop: 'eyJhbGciOiJub25lIn0.e30.' },
    'a false signature': { signature: 'muster=:AAAA:', 'signature-input': 'muster=("@method");created=1;keyid="x"' },
    'every scope': bearer(test.token),
  };
  for (const scope of Scope.options) principals[`token ${scope}`] = bearer(await test.tokenWith([scope]));
  for (const role of Role.options)
    principals[`session ${role}`] = await test.session(role, `${role}-${randomUUID()}@example.com`);
  return principals;
}

type Call = {
  route: Route;
  principal: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
};

/** The same requests in every run, so that a change is refused for what it changed; MUSTER_TEST_SEED=N asks others. */
const SEED = Number(process.env.MUSTER_TEST_SEED ?? 1);

/** Sends `requests` requests; returns what was wrong, one line each. */
export async function run(
  requests: number,
  seed = SEED,
): Promise<{ faults: string[]; sent: number; statuses: Map<number, number> }> {
  const test = await startServer();
  const faults: string[] = [];
  const statuses = new Map<number, number>();
  let sent = 0;
  try {
    const document = (await test.call('/api/openapi.json', { token: null })).body as Json & {
      paths: Record<string, Record<string, Operation>>;
    };
    const routes = routesOf(document);
    const validate = validatorOf(document);
    const ids = await pool(test);
    let principals = await principalsOf(test);
    const names = Object.keys(principals);
    const calls = callOf(document, routes, names, ids);
    await fc
      .assert(
        fc.asyncProperty(calls, async (call) => {
          // Requests sign out, revoke and remove people: those who ask are made anew now and then.
          if (sent > 0 && sent % 500 === 0) principals = await principalsOf(test);
          sent += 1;
          const headers = { ...principals[call.principal], ...call.headers };
          const fault = await sendOne(test, call, headers, validate, statuses);
          if (fault) faults.push(`${call.route.method} ${call.path.slice(0, 160)} as ${call.principal}: ${fault}`);
          if (faults.length > 20) throw new Error('enough');
        }),
        { numRuns: requests, endOnFailure: true, seed },
      )
      .catch((error: unknown) => {
        if (faults.length === 0) throw error;
      });
    return { faults, sent, statuses };
  } finally {
    await test.close();
  }
}

/** Identifiers that exist, by the part of the path that they belong to, so that requests reach more than "not found". */
type Pool = { devices: string[]; conflicts: string[]; invites: string[]; 'provisioning-tokens': string[] };

async function pool(test: TestServer): Promise<Pool> {
  const ids: string[] = [];
  for (let index = 0; index < 12; index += 1) {
    const serial = `SERIAL${10_000 + (index % 10)}`;
    const identifier = index < 6 ? serial : `thing-${index}`;
    await test.call(`/api/collections/default/instances/${identifier}`, {
      method: 'PUT',
      body: { data: { 'smallstep:identity': 'carl@smallstep.com' } },
    });
    const { body } = await test.call(`/api/devices/${identifier}`);
    const id = (body as { id: string }).id;
    // Equal serial numbers open conflicts, which are resolvable then.
    await test.call(`/api/devices/${id}`, { method: 'PATCH', body: { serial: `SAME${index % 4}00001` } });
    ids.push(id, identifier);
  }
  const conflicts = await test.call('/api/v1/conflicts?limit=200');
  const made = async (path: string, body: Json): Promise<string[]> => {
    const answer = (await test.call(`/api/v1/${path}`, { method: 'POST', body })).body as Record<
      string,
      { id: string }
    >;
    return Object.values(answer).flatMap((value) => (value?.id ? [value.id] : []));
  };
  return {
    devices: ids,
    conflicts: (conflicts.body as { conflicts: { id: string }[] }).conflicts.map((conflict) => conflict.id),
    invites: await made('invites', { email: 'guest@example.com' }),
    'provisioning-tokens': await made('provisioning-tokens', { name: 'fleet' }),
  };
}

function idsFor(path: string, ids: Pool): string[] {
  const kind = path.match(/^\/api\/v1\/(conflicts|invites|provisioning-tokens)\//)?.[1] as keyof Pool | undefined;
  return kind ? ids[kind] : ids.devices;
}

function callOf(document: Json, routes: Route[], principals: string[], ids: Pool): fc.Arbitrary<Call> {
  const powerful = fc.constantFrom(...principals.filter((name) => /every|session/.test(name)));
  const callTo = (route: Route): fc.Arbitrary<Call> => {
    const schema = route.operation.requestBody?.content['application/json']?.schema;
    const body = schema ? arbitraryOf(document, schema) : fc.constant(undefined);
    const text = fc.oneof(
      { weight: 4, arbitrary: body.map(print) },
      { weight: 3, arbitrary: mutated(body).map(print) },
      { weight: 1, arbitrary: fc.constantFrom(...RAW) },
    );
    const segment = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...idsFor(route.path, ids)) },
      { weight: 1, arbitrary: fc.constantFrom(...Object.values(ids).flat()) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(...HOSTILE_TEXT, 'default', 'laptops', 'urn:ek:sha256:short').map(encode),
      },
      { weight: 1, arbitrary: fc.constantFrom('%zz', '%2e%2e%2f', '%00', '..', '.', '//', 'a%2Fdata', '%F0%28') },
    );
    const slug = fc.oneof({ weight: 3, arbitrary: fc.constant('default') }, { weight: 1, arbitrary: segment });
    const holes = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => (name === 'slug' ? slug : segment));
    const queries = (route.operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
    const known = fc.record(Object.fromEntries(queries.map((q) => [q.name, arbitraryOf(document, q.schema)])), {
      requiredKeys: [],
    });
    const bracketed = fc.constantFrom(
      'pagination[first]=1',
      'pagination[after]=x.y',
      'filters[source]=Jamf&sort[field]=lastSeen',
      'filters[status]=ok&filters[assurance]=high',
      'filters[[]]=1&[]=&%5B=%zz',
      `a=${'b'.repeat(9000)}`,
    );
    const query = fc.oneof(
      { weight: 5, arbitrary: fc.constant('') },
      {
        weight: 3,
        arbitrary: known.map((values) =>
          new URLSearchParams(Object.entries(values).map(([k, v]) => [k, String(v)])).toString(),
        ),
      },
      { weight: 1, arbitrary: bracketed },
    );
    const extra = fc.record(
      {
        'if-match': fc.oneof(
          { weight: 6, arbitrary: fc.nat(6).map((n) => `"${n}"`) },
          { weight: 1, arbitrary: fc.constantFrom('*', 'W/"1"', '"x"', '1') },
        ),
        'x-smallstep-api-version': fc.constantFrom('2023-11-01', '2025-01-01', '2026-05-01', 'x'),
        accept: fc.constantFrom('application/json', 'application/vnd.smallstep.v2025-01-01+json', 'text/html', ''),
        'content-type': fc.constantFrom(
          'text/plain',
          'application/xml',
          'application/json; charset=utf-16',
          'application/vnd.smallstep.v2025-01-01+json',
          'multipart/form-data',
        ),
        'x-request-id': fc.constantFrom('abc', 'x'.repeat(300), '<>'),
      },
      { requiredKeys: ['if-match'] },
    );
    const rarely = fc.integer({ min: 0, max: 5 });
    return fc
      .record({
        principal: fc.oneof(
          { weight: 6, arbitrary: powerful },
          { weight: 2, arbitrary: fc.constantFrom(...principals) },
        ),
        segments: fc.tuple(...holes),
        query,
        extra,
        rarely,
        body: text,
      })
      .map(({ principal, segments, query: search, extra: more, rarely: dice, body: sentBody }) => {
        let index = 0;
        const path = route.path.replace(/\{\w+\}/g, () => segments[index++] ?? 'x');
        const { 'content-type': type, ...rest } = more as Record<string, string>;
        const headers: Record<string, string> = {
          ...(schema ? { 'content-type': dice === 0 && type ? type : 'application/json' } : {}),
          ...rest,
        };
        return {
          route,
          principal,
          path: search ? `${path}?${search}` : path,
          headers,
          body: schema ? (sentBody ?? '') : undefined,
        };
      });
  };
  // Made once for each route: making them anew for each request costs more than the requests.
  return fc.oneof(...routes.map(callTo));
}

const print = (value: unknown): string => JSON.stringify(value) ?? '';
const encode = (text: string): string => {
  try {
    return encodeURIComponent(text).slice(0, 900);
  } catch {
    return '%ED%A0%80';
  }
};

async function sendOne(
  test: TestServer,
  call: Call,
  headers: Record<string, string>,
  validate: ReturnType<typeof validatorOf>,
  statuses: Map<number, number>,
): Promise<string | null> {
  const { route } = call;
  const controller = new AbortController();
  const attempt = () =>
    fetch(test.server.origin + call.path, {
      method: route.method,
      headers,
      redirect: 'manual',
      signal: controller.signal,
      ...(call.body === undefined ? {} : { body: call.body }),
    });
  // A kept-alive connection may be closed just then, which says nothing about the request: it gets one more try.
  const response = await attempt().catch(attempt);
  statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
  if (STREAMS.includes(route.path) && response.status === 200) {
    controller.abort();
    return null;
  }
  const text = await response.text();
  if (response.status >= 500)
    return `answered ${response.status}: ${text.slice(0, 300)} to ${call.body?.slice(0, 300)}`;
  const type = response.headers.get('content-type') ?? '';
  if (!response.headers.get('x-request-id')) return 'has no X-Request-Id';
  // A path like `..` leads elsewhere before it is sent: the answer is that other route's.
  const elsewhere = !matches(route.path, new URL(response.url).pathname);
  if (elsewhere) return response.status < 500 ? null : 'failed elsewhere';
  if (response.status >= 400) {
    if (route.compatible) {
      const message = type.startsWith('application/json')
        ? (JSON.parse(text) as { message?: unknown }).message
        : undefined;
      return typeof message === 'string' ? null : `is not { message }: ${response.status} ${text.slice(0, 200)}`;
    }
    if (!type.startsWith('application/problem+json'))
      return `is no problem document: ${response.status} ${type} ${text.slice(0, 200)}`;
    const { message, ...problem } = JSON.parse(text) as Json;
    // Stock clients of the attestation CA read `message`, so its two routes answer both.
    if (message !== undefined && !ATTESTATION_CA.includes(route.path))
      return `has a member "message": ${text.slice(0, 200)}`;
    return validate({ $ref: '#/components/schemas/Problem' }, problem);
  }
  if (route.compatible || response.status === 304) return null;
  const documented = route.operation.responses[String(response.status)];
  if (!documented) return `answers ${response.status}, which is not documented`;
  const schema = documented.content?.['application/json']?.schema;
  if (schema) return validate(schema, JSON.parse(text));
  return null;
}

const matches = (template: string, path: string): boolean =>
  new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{\w+\}/g, '.+')}$`).test(path);

function validatorOf(document: Json) {
  const ajv = new Ajv2020({ strict: false, validateFormats: true });
  (formats as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addSchema({ $id: 'doc', ...document });
  const compiled = new Map<string, ValidateFunction>();
  return (schema: Json, body: unknown): string | null => {
    const text = JSON.stringify(schema).replaceAll('"#/', '"doc#/');
    const check = compiled.get(text) ?? ajv.compile(JSON.parse(text) as Json);
    compiled.set(text, check);
    return check(body) ? null : `does not match its schema: ${ajv.errorsText(check.errors)}`;
  };
}
