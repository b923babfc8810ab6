import { createInvite } from '../../server/setUp.ts';
import { createBrowser } from '../../server/testing/browser.ts';
import type { World } from '../../server/testing/world.ts';

/** The cookies of a browser in which a new invite for this address was opened. */
export async function openedInvite(world: World, email = 'ada@example.com'): Promise<string[]> {
  const invite = await createInvite(world.server.store, { email }, Date.now());
  const opened = await world.call('POST', '/api/v1/invites/open', {
    body: { secret: invite.secret },
    headers: { origin: world.origin },
  });
  return opened.headers.getSetCookie();
}

/** A person who types the code of a device and confirms; answers the page that they confirmed on. */
export async function confirmAt(
  world: World,
  shown: { url: string; userCode: string },
  cookies: string[] = [],
): Promise<string> {
  const browser = createBrowser(world.origin, cookies);
  const typed = await browser.open(new URL(shown.url).pathname);
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(typed.text)?.[1] ?? '';
  await browser.submit('/oidc/device', { xsrf, user_code: shown.userCode });
  const page = await browser.submit('/oidc/device', { xsrf, user_code: shown.userCode, confirm: 'yes' });
  await browser.submit(`${page.path}/decision`, { decision: 'accept' });
  return page.text;
}

/** What `muster enroll` shows on standard error: where to go, and what to type. */
export function shownBy(err: string): { url: string; userCode: string } {
  const [, url = '', userCode = ''] = /browser[^\n]*\n\s+(\S+)\n[^\n]*code:\n\s+(\S+)\n/.exec(err) ?? [];
  return { url, userCode };
}
