import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Role, Scope } from '../../contract/index.ts';
import { startServer, type TestServer } from './support.ts';

type Operation = { security?: Record<string, string[]>[]; 'x-roles'?: string[] };

// Who may call what, said a second time: a route that opens to somebody else fails here until this table says so too.
const READ = ['owner', 'approver', 'auditor'];
const DECIDE = ['owner', 'approver'];
const OWN = ['owner'];
type Rule = 'anyone' | 'device' | 'grant' | 'webhook' | { roles: string[]; scope: string | null };
const TABLE: Record<string, Rule> = {
  'GET /api/v1/server': 'anyone',
  'POST /api/v1/setup': 'anyone',
  'POST /api/v1/ceremonies': 'anyone',
  'POST /api/v1/grants': 'anyone',
  'POST /api/v1/invites/open': 'anyone',
  'POST /attest': 'anyone',
  'POST /secret': 'anyone',
  'POST /api/v1/challenges': 'grant',
  'POST /api/v1/enrollments': 'grant',
  'GET /api/v1/self': 'device',
  'DELETE /api/v1/self': 'device',
  'GET /api/v1/self/events': 'device',
  'POST /api/v1/self/check-in': 'device',
  'POST /api/v1/self/attestations': 'device',
  'POST /api/v1/self/aliases': 'device',
  'POST /api/v1/self/aliases/secret': 'device',
  'GET /api/v1/devices': { roles: READ, scope: 'devices:read' },
  'GET /api/v1/devices/{id}': { roles: READ, scope: 'devices:read' },
  'GET /api/v1/devices/{id}/values': { roles: READ, scope: 'devices:read' },
  'GET /api/v1/events': { roles: READ, scope: 'devices:read' },
  'PATCH /api/v1/devices/{id}': { roles: DECIDE, scope: 'devices:write' },
  'PUT /api/v1/devices/{id}/approval': { roles: DECIDE, scope: 'devices:decide' },
  'PUT /api/v1/devices/{id}/lifecycle': { roles: DECIDE, scope: 'devices:decide' },
  'DELETE /api/v1/devices/{id}': { roles: OWN, scope: 'devices:decide' },
  'POST /api/v1/decisions': { roles: DECIDE, scope: 'devices:decide' },
  'GET /api/v1/conflicts': { roles: READ, scope: 'devices:read' },
  'GET /api/v1/conflicts/{id}': { roles: READ, scope: 'devices:read' },
  'POST /api/v1/conflicts/{id}/resolution': { roles: DECIDE, scope: 'devices:decide' },
  'GET /api/v1/candidates': { roles: READ, scope: 'devices:read' },
  'POST /api/v1/candidates/{id}/resolution': { roles: DECIDE, scope: 'devices:decide' },
  'GET /api/v1/settings': { roles: READ, scope: 'settings:read' },
  'GET /api/v1/roots': { roles: READ, scope: 'settings:read' },
  'POST /api/v1/roots': { roles: OWN, scope: 'settings:write' },
  'PUT /api/v1/roots/{fingerprint}/trust': { roles: OWN, scope: 'settings:write' },
  'PATCH /api/v1/settings': { roles: OWN, scope: 'settings:write' },
  'GET /api/v1/invites': { roles: READ, scope: 'people:write' },
  'POST /api/v1/invites': { roles: DECIDE, scope: 'people:write' },
  'POST /api/v1/invites/{id}/resend': { roles: DECIDE, scope: 'people:write' },
  'DELETE /api/v1/invites/{id}': { roles: DECIDE, scope: 'people:write' },
  'GET /api/v1/provisioning-tokens': { roles: READ, scope: 'people:write' },
  'POST /api/v1/provisioning-tokens': { roles: OWN, scope: 'people:write' },
  'DELETE /api/v1/provisioning-tokens/{id}': { roles: OWN, scope: 'people:write' },
  'GET /api/v1/people': { roles: READ, scope: 'people:write' },
  'PATCH /api/v1/people/{id}': { roles: OWN, scope: null },
  'GET /api/v1/tokens': { roles: OWN, scope: null },
  'POST /api/v1/tokens': { roles: OWN, scope: null },
  'DELETE /api/v1/tokens/{id}': { roles: OWN, scope: null },
  'GET /api/v1/access': { roles: READ, scope: 'access:read' },
  'POST /api/v1/access': { roles: READ, scope: 'access:read' },
  'POST /api/v1/webhooks/step-ca': 'webhook',
  'GET /api/v1/ca-webhooks': { roles: READ, scope: 'settings:read' },
  'PUT /api/v1/ca-webhooks/{id}': { roles: OWN, scope: 'settings:write' },
  'DELETE /api/v1/ca-webhooks/{id}': { roles: OWN, scope: 'settings:write' },
  'GET /api/v1/audit': { roles: READ, scope: 'audit:read' },
  'GET /api/v1/devices/{id}/evidence': { roles: READ, scope: 'devices:read' },
  'GET /api/v1/evidence/{id}': { roles: READ, scope: 'devices:read' },
  'POST /api/v1/evidence/{id}/verification': { roles: READ, scope: 'devices:read' },
  'POST /api/v1/attestations/apple': { roles: DECIDE, scope: 'devices:write' },
  'GET /api/v1/mdm-connections': { roles: READ, scope: 'settings:read' },
  'POST /api/v1/mdm-connections/{id}/sync': { roles: OWN, scope: 'settings:write' },
  'GET /api/v1/session': { roles: READ, scope: null },
  'POST /api/v1/session/sign-out': { roles: READ, scope: null },
};
const COMPATIBLE: Record<string, Rule> = {
  'GET /api/devices': { roles: READ, scope: 'devices:read' },
  'POST /api/devices': { roles: DECIDE, scope: 'devices:write' },
  'GET /api/devices/x': { roles: READ, scope: 'devices:read' },
  'PATCH /api/devices/x': { roles: DECIDE, scope: 'devices:write' },
  'DELETE /api/devices/x': { roles: DECIDE, scope: 'devices:decide' },
  'GET /api/device-enrollment-policy': { roles: READ, scope: 'settings:read' },
  'PUT /api/device-enrollment-policy': { roles: OWN, scope: 'settings:write' },
  'GET /api/device-collections/default': { roles: READ, scope: 'devices:read' },
  'PUT /api/device-collections/default': { roles: OWN, scope: 'settings:write' },
  'DELETE /api/device-collections/default': { roles: OWN, scope: 'settings:write' },
  'POST /api/device-collections/default/x/enrollment-token': { roles: OWN, scope: 'people:write' },
  'GET /api/collections': { roles: READ, scope: 'devices:read' },
  'POST /api/collections': { roles: DECIDE, scope: 'devices:write' },
  'GET /api/collections/default/items': { roles: READ, scope: 'devices:read' },
  'GET /api/collections/default/instances/x': { roles: READ, scope: 'devices:read' },
  'PUT /api/collections/default/instances/x': { roles: DECIDE, scope: 'devices:write' },
  'DELETE /api/collections/default/instances/x': { roles: DECIDE, scope: 'devices:decide' },
  'DELETE /api/collections/other': { roles: DECIDE, scope: 'devices:decide' },
};

let test: TestServer;
let operations: Record<string, Operation>;
beforeAll(async () => {
  test = await startServer();
  const { body } = await test.call('/api/openapi.json', { token: null });
  const { paths } = body as { paths: Record<string, Record<string, Operation>> };
  operations = Object.fromEntries(
    Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation]),
    ),
  );
});
afterAll(() => test.close());

describe('who may call what', () => {
  it('is said for every operation of the OpenAPI document, and agrees with it', () => {
    expect(Object.keys(operations).sort()).toEqual(Object.keys(TABLE).sort());
    for (const [name, rule] of Object.entries(TABLE)) {
      const { security = [], 'x-roles': roles } = operations[name] ?? {};
      const schemes = security.flatMap((one) => Object.keys(one));
      if (typeof rule === 'string') {
        expect(roles, name).toBeUndefined();
        if (rule !== 'anyone') expect(schemes, name).toContain(rule);
        continue;
      }
      expect(roles, name).toEqual(rule.roles);
      expect(security.find((one) => one.token)?.token ?? null, name).toEqual(rule.scope === null ? null : [rule.scope]);
    }
  });

  it('holds for every role, every scope and nobody on every route', async () => {
    const tokens = new Map<string, string>();
    for (const scope of Scope.options) tokens.set(scope, await test.tokenWith([scope]));
    const faults: string[] = [];
    for (const [name, rule] of Object.entries({ ...TABLE, ...COMPATIBLE })) {
      if (typeof rule === 'string') continue;
      const [method = '', template = ''] = name.split(' ');
      const path = template.replace('{id}', crypto.randomUUID());
      // Streams would stay open; the rule is the same mechanism, and is compared above.
      if (path === '/api/v1/events') continue;
      const body = method === 'GET' || method === 'DELETE' ? {} : { body: {} };
      const status = async (headers: Record<string, string>, token: string | null = null) =>
        (await test.call(path, { method, ...body, headers, token })).status;
      const check = (who: string, answered: number, allowed: boolean, refusal: number) => {
        if (allowed ? answered === 401 || answered === 403 : answered !== refusal)
          faults.push(`${name} as ${who}: ${answered}`);
      };
      check('nobody', await status({}), false, 401);
      check('a false token', await status({}, test.token.replace(/.$/, '!')), false, 401);
      for (const role of Role.options) {
        check(role, await status(await test.session(role)), rule.roles.includes(role), 403);
        const session = await test.session(role);
        if (method !== 'GET')
          check(`${role} from another site`, await status({ ...session, 'sec-fetch-site': 'cross-site' }), false, 403);
      }
      for (const [scope, token] of tokens) check(scope, await status({}, token), rule.scope === scope, 403);
    }
    expect(faults).toEqual([]);
  });
});
