import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAdministrator } from '../../server/index.ts';
import { createBrowser } from '../../server/testing/browser.ts';
import { createGrantKey } from '../../server/testing/grantKey.ts';
import { authorization, startWorld, type World } from '../../server/testing/world.ts';
import { freePortOf, hasGlewlwyd, startGlewlwyd } from './glewlwydHost.ts';

/** The provider sends whoever is not signed in to its sign-in page, which leads back to where they were going. */
const authorizationAt = (page: URL): URL => new URL(page.searchParams.get('callback_url') ?? page);

describe.skipIf(!hasGlewlwyd())('sign-in through an independent identity provider (needs glewlwyd)', () => {
  let idp: Awaited<ReturnType<typeof startGlewlwyd>>;
  let world: World;
  beforeAll(async () => {
    idp = await startGlewlwyd();
    const port = await freePortOf();
    const identityProvider = {
      issuer: idp.issuer,
      clientId: 'muster',
      clientSecret: '0123456789abcdefghijklmnop',
      allowInsecureLoopback: true,
    };
    world = await startWorld({ server: { identityProvider, port }, settings: { selfEnrolment: true } });
    await idp.client('muster', '0123456789abcdefghijklmnop', `${world.origin}/sign-in/callback`);
    await idp.person({ username: 'ada', email: 'ada@example.com', name: 'Ada', verified: true });
    await idp.person({ username: 'eve', email: 'eve@example.com', name: 'Eve', verified: false });
    await createAdministrator(world.server.store, { email: 'ada@example.com', role: 'owner' });
  });
  afterAll(async () => {
    await world?.close();
    await idp?.close();
  });

  it('opens a session of the console for an administrator', async () => {
    const browser = createBrowser(world.origin);
    const away = await browser.open('/console/sign-in');
    expect(away.url.origin).toBe(idp.base);
    expect(authorizationAt(away.url).searchParams.get('code_challenge_method')).toBe('S256');
    const back = await idp.walk(authorizationAt(away.url), 'ada', 'muster');
    expect(new URL(back).origin).toBe(world.origin);
    await browser.open(back);
    const session = browser.cookies.get('muster-session');
    expect(session).toBeDefined();
    const answer = await world.call('GET', '/api/v1/session', {
      headers: { cookie: `muster-session=${session?.value}` },
    });
    expect(answer.body).toMatchObject({ user: { email: 'ada@example.com', displayName: 'Ada' }, role: 'owner' });
    const replay = await createBrowser(world.origin).open(back);
    expect(replay.status).toBeGreaterThanOrEqual(400);
  });

  it('leads an enrolment to the confirm page, and refuses an address that it did not verify', async () => {
    for (const [username, shown] of [
      ['ada', true],
      ['eve', false],
    ] as const) {
      const key = createGrantKey();
      const ceremony = await world.announce(world.newDevice('laptop'), key);
      const browser = createBrowser(world.origin);
      const away = await browser.open(authorization(world.origin, ceremony, key).path);
      const back = await idp.walk(authorizationAt(away.url), username, 'muster');
      const page = await browser.open(back);
      if (shown) expect(page.text).toContain(ceremony.code);
      else expect(page.text).not.toContain(ceremony.code);
      if (!shown)
        expect(page.callback?.searchParams.get('error') ?? page.status).toSatisfy(
          (value) => value === 'access_denied' || Number(value) >= 400,
        );
    }
  });
});
