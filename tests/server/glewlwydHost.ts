import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { accessSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const PROGRAM = '/usr/bin/glewlwyd';
const SCHEMA = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3';

/** Whether Debian's package of Glewlwyd, an identity provider in C, is installed here. */
export function hasGlewlwyd(): boolean {
  try {
    for (const path of [PROGRAM, SCHEMA]) accessSync(path);
    return true;
  } catch {
    return false;
  }
}

export async function freePortOf(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const configuration = (port: number, database: string, log: string) => `
port=${port}
bind_address="127.0.0.1"
external_url="http://localhost:${port}"
login_url="login.html"
api_prefix="api"
allow_origin="*"
allow_methods="GET, POST, PUT, DELETE, OPTIONS"
allow_headers="Origin, X-Requested-With, Content-Type, Accept, Bearer, Authorization"
expose_headers="Content-Encoding, Authorization"
log_mode="file"
log_level="WARNING"
log_file="${log}"
cookie_secure=0
session_expiration=3600
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
use_secure_connection=false
secure_connection_key_file="/etc/glewlwyd/cert.key"
secure_connection_pem_file="/etc/glewlwyd/cert.pem"
secure_connection_ca_file="/etc/glewlwyd/ca.crt"
hash_algorithm="SHA512"
login_api_enabled=true
database = { type = "sqlite3"; path = "${database}"; };
`;

/** The parameters that the plugin asks for (reference: identity providers for tests). */
function plugin(issuer: string) {
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const yes = ['auth-type-code', 'auth-type-id-token', 'auth-type-refresh', 'auth-type-client'];
  const no = ['auth-type-token', 'auth-type-none', 'auth-type-password', 'auth-type-device'];
  return {
    iss: issuer,
    'jwt-type': 'rsa',
    'jwt-key-size': '256',
    key: keys.privateKey,
    cert: keys.publicKey,
    'access-token-duration': 600,
    'refresh-token-duration': 3600,
    'code-duration': 60,
    'refresh-token-rolling': true,
    ...Object.fromEntries(yes.map((name) => [`${name}-enabled`, true])),
    ...Object.fromEntries(no.map((name) => [`${name}-enabled`, false])),
    'pkce-allowed': true,
    'pkce-method-plain-allowed': false,
    'jwks-show': true,
    'email-claim': 'mandatory',
    'name-claim': 'mandatory',
    'scope-claim': 'no',
    'subject-type': 'public',
    'secret-type': 'pairwise',
    scope: [],
    claims: [
      {
        name: 'email_verified',
        'user-property': 'email_verified',
        type: 'boolean',
        'boolean-value-true': 'yes',
        'boolean-value-false': 'no',
        mandatory: true,
        'on-demand': false,
        scope: [],
      },
    ],
    'additional-parameters': [],
    'introspection-revocation-allowed': false,
    'register-client-allowed': false,
    'session-management-allowed': false,
  };
}

type Person = { username: string; email: string; name: string; verified: boolean };

/** Glewlwyd on a free port with one client and some people; everybody's password is "password". */
export async function startGlewlwyd() {
  const folder = await mkdtemp(join(tmpdir(), 'muster-glewlwyd-'));
  const port = await freePortOf();
  const base = `http://localhost:${port}`;
  const database = join(folder, 'g.db');
  const db = new DatabaseSync(database);
  db.exec(readFileSync(SCHEMA, 'utf8'));
  const row = db.prepare('select gumi_parameters as text from g_user_module_instance').get() as { text: string };
  const parameters = JSON.parse(row.text) as { 'data-format': Record<string, unknown> };
  parameters['data-format'].email_verified = {
    multiple: false,
    read: true,
    write: true,
    'profile-read': true,
    'profile-write': false,
  };
  db.prepare('update g_user_module_instance set gumi_parameters = ?').run(JSON.stringify(parameters));
  db.close();
  await writeFile(join(folder, 'g.conf'), configuration(port, database, join(folder, 'g.log')));
  const child = spawn(PROGRAM, [`--config-file=${join(folder, 'g.conf')}`], {
    stdio: 'ignore',
  });
  const close = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.kill()) await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answers(`${base}/config`);
    const admin = await signIn(base, 'admin');
    const made = async (path: string, body: unknown) => {
      const answer = await fetch(`${base}/api${path}`, {
        method: 'POST',
        headers: { cookie: admin, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    };
    for (const name of ['email', 'profile']) {
      await made('/scope/', { name, display_name: name, description: name, password_required: true, scheme: {} });
    }
    const issuer = `${base}/api/oidc`;
    await made('/mod/plugin/', {
      module: 'oidc',
      name: 'oidc',
      display_name: 'OpenID Connect',
      parameters: plugin(issuer),
    });
    return {
      base,
      issuer,
      close,
      client: (clientId: string, secret: string, redirect: string) =>
        made('/client/', {
          client_id: clientId,
          name: 'Muster',
          enabled: true,
          confidential: true,
          password: secret,
          client_secret: secret,
          redirect_uri: [redirect],
          authorization_type: ['code', 'refresh_token'],
          token_endpoint_auth_method: ['client_secret_basic'],
          scope: [],
        }),
      person: ({ username, email, name, verified }: Person) =>
        made('/user/', {
          username,
          name,
          email,
          enabled: true,
          password: 'password',
          email_verified: verified ? 'yes' : 'no',
          scope: ['g_profile', 'openid', 'email', 'profile'],
        }),
      /** What a person does in the browser at an authorization address: signs in and agrees; returns where that leads. */
      walk: async (authorization: URL, username: string, clientId: string): Promise<string> => {
        const cookie = await signIn(base, username);
        const granted = await fetch(`${base}/api/auth/grant/${clientId}`, {
          method: 'PUT',
          headers: { cookie, 'content-type': 'application/json' },
          body: JSON.stringify({ scope: 'openid email profile' }),
        });
        if (!granted.ok) throw new Error(`grant: ${granted.status} ${await granted.text()}`);
        const answer = await fetch(`${authorization.href}&g_continue`, { redirect: 'manual', headers: { cookie } });
        await answer.body?.cancel();
        return answer.headers.get('location') ?? `no redirect: ${answer.status}`;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function signIn(base: string, username: string): Promise<string> {
  const answer = await fetch(`${base}/api/auth/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: 'password' }),
  });
  if (!answer.ok) throw new Error(`sign-in of ${username}: ${answer.status}`);
  return answer.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
}

async function answers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('Glewlwyd did not start.');
}
