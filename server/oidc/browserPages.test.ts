import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInvite } from '../setUp.ts';
import { ensureUserByEmail } from '../store/users.ts';
import { createBrowser } from '../testing/browser.ts';
import { createGrantKey, dpopProof } from '../testing/grantKey.ts';
import { authorization, startWorld, type World } from '../testing/world.ts';

// Without an identity provider: an invite says who signs in.

let world: World;
beforeAll(async () => {
  world = await startWorld({ settings: { selfEnrolment: false } });
});
afterAll(() => world.close());

const inviteFor = (email: string) => createInvite(world.server.store, { email }, world.clock());
async function browserWith(secret: string, language = 'en') {
  const opened = await world.call('POST', '/api/v1/invites/open', {
    body: { secret },
    headers: { origin: world.origin },
  });
  return createBrowser(world.origin, opened.headers.getSetCookie(), { 'accept-language': language });
}
async function announced(name: string) {
  const key = createGrantKey();
  const ceremony = await world.announce(world.newDevice(name), key);
  return { key, ceremony };
}
/** A device that asks for a code, with an invite of its own where one is given. */
async function asked(invite?: string) {
  const { key, ceremony } = await announced('somebody-elses');
  const body = { client_id: 'agent', scope: 'openid', ceremony: ceremony.id, dpop_jkt: key.thumbprint };
  const started = await fetch(`${world.origin}/oidc/device/auth`, {
    method: 'POST',
    body: new URLSearchParams({ ...body, ...(invite === undefined ? {} : { invite }) }),
  });
  const { user_code, device_code } = (await started.json()) as { user_code: string; device_code: string };
  const poll = async () => {
    const url = `${world.origin}/oidc/token`;
    const form = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code, client_id: 'agent' };
    const headers = { dpop: await dpopProof(key, { method: 'POST', url }) };
    const answer = await fetch(url, { method: 'POST', headers, body: new URLSearchParams(form) });
    return ((await answer.json()) as { error?: string; error_description?: string }).error_description;
  };
  return { ceremony, user_code, poll };
}
type Browser = ReturnType<typeof createBrowser>;
async function typed(browser: Browser, user_code: string, answer: 'confirm' | 'abort' = 'confirm') {
  const form = await browser.open('/oidc/device');
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
  const compared = await browser.submit('/oidc/device', { xsrf, user_code });
  const choice: Record<string, string> = { confirm: 'yes', ...(answer === 'abort' ? { abort: 'yes' } : {}) };
  return { form, compared, page: await browser.submit('/oidc/device', { xsrf, user_code, ...choice }) };
}

describe('a browser that was led to the code of a foreign device', () => {
  it('is asked anew who signs in: nobody is enrolled in the name that came with the code', async () => {
    const mallory = await asked((await inviteFor('mallory@example.com')).secret);
    const browser = await browserWith((await inviteFor('ada@example.com')).secret);
    expect((await typed(browser, mallory.user_code)).page.text).toContain('mallory@example.com');
    // Ada leaves that page, and enrols her own device.
    const { key, ceremony } = await announced('ada-laptop');
    const page = await browser.open(authorization(world.origin, ceremony, key).path);
    expect(page.text).toContain('ada-laptop');
    expect(page.text).toContain('ada@example.com');
    expect(page.text).not.toContain('mallory');
    // So does one who types the code of her own machine.
    const own = await asked();
    const { page: confirm } = await typed(browser, own.user_code);
    expect(confirm.text).toContain('ada@example.com');
    expect(confirm.text).not.toContain('mallory');
  });

  it('can say that it is not theirs, and the device learns it', async () => {
    const device = await asked((await inviteFor('mallory@example.com')).secret);
    const browser = createBrowser(world.origin);
    const { compared, page } = await typed(browser, device.user_code, 'abort');
    expect(compared.text).toContain('No, stop');
    expect(page.text).toContain('Nothing was enrolled.');
    expect(await device.poll()).toBe('End-User aborted interaction');
    expect((await typed(browser, device.user_code)).page.text).toContain('was used');
  });
});

describe('a browser that prefers German', () => {
  const german = () => createBrowser(world.origin, [], { 'accept-language': 'de-DE,de;q=0.9' });

  it('reads German on every page of a device’s code', async () => {
    const device = await asked((await inviteFor('bob@example.com')).secret);
    const browser = german();
    const { form, compared, page } = await typed(browser, device.user_code);
    expect(form.text).toContain('Code Ihres Geräts eingeben');
    expect(compared.text).toContain('Zeigt das Gerät diesen Code?');
    expect(page.text).toContain('Bestätigen Sie Ihr Gerät');
    const end = await browser.submit(`${page.path}/decision`, { decision: 'accept' });
    expect(end.text).toContain('Das Gerät macht von selbst weiter.');
    for (const { text } of [form, compared, page, end]) expect(text).toContain('<html lang="de">');
    expect((await typed(german(), 'BBBBBBBB')).page.text).toContain('Dieser Code ist nicht bekannt');
    const late = await browser.submit(`${page.path}/decision`, { decision: 'accept' });
    expect([late.status, late.text]).toEqual([410, expect.stringContaining('Diese Seite wurde schon benutzt')]);
  });

  it('reads why a sign-in ended, which the command line is told by its code', async () => {
    const device = await asked();
    const { page } = await typed(german(), device.user_code);
    expect(page.text).toContain('Diese Einladung kann nicht benutzt werden.');
    expect(page.text).not.toContain('access_denied');
    expect(await device.poll()).toBe('invite-refused');
    expect((await german().open('/console/sign-in')).text).toContain('noch kein Identity Provider verbunden');
    expect((await german().open('/oidc/auth?client_id=desktop')).text).toContain('kann nicht weitergehen');
  });

  it('reads invite and set-up in German', async () => {
    const invite = await german().open('/invite');
    expect(invite.text).toContain('Ein Gerät bei Team registrieren');
    expect(invite.text).toContain('data-opened="Diese Einladung gilt {email}. Sie bleibt in diesem Browser."');
    expect((await german().open('/setup')).text).toContain('Sie werden Eigentümer:in dieses Inventars.');
  });
});

describe('the page of an invite that is loaded again', () => {
  it('finds the invite in the browser, and says where there is none', async () => {
    const look = async (cookie: string) => {
      const headers = { origin: world.origin, cookie };
      return world.call('POST', '/api/v1/invites/open', { body: {}, headers });
    };
    const made = await inviteFor('eve@example.com');
    const browser = await browserWith(made.secret);
    const cookie = [...browser.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
    expect((await look(cookie)).body).toMatchObject({ email: 'eve@example.com' });
    expect((await look('')).body).toMatchObject({ code: 'invite-refused' });
    const { db } = world.server.store;
    const records = await db.selectFrom('audit').select('action').where('subject_id', '=', made.id).execute();
    expect(records.filter(({ action }) => action === 'invite.opened')).toHaveLength(1);
  });

  it('tells a person who left that their invite no longer signs them in', async () => {
    const { secret } = await inviteFor('gone@example.com');
    const browser = await browserWith(secret);
    await world.server.store.write(async (trx) => {
      const user = await ensureUserByEmail(trx, 1, { email: 'gone@example.com' });
      await trx.updateTable('users').set({ active: 0 }).where('id', '=', user.id).execute();
    });
    const { key, ceremony } = await announced('gone-laptop');
    const end = await browser.open(authorization(world.origin, ceremony, key).path);
    expect(end.callback?.searchParams.get('error_description')).toBe('sign-in-failed');
  });
});
