import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startWorld, type World } from '../testing/world.ts';
import { createMailer } from './inviteMail.ts';

/** A mail server that takes one letter after the other, or answers a recipient with a refusal. */
async function startMailServer(
  refuses = false,
): Promise<{ url: string; letters: string[]; close: () => Promise<void> }> {
  const letters: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    let [data, letter, rest] = [false, '', ''];
    socket.write('220 mail.test ready\r\n');
    socket.on('data', (bytes) => {
      const lines = (rest + bytes.toString('utf8')).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (data && line === '.') {
          letters.push(letter);
          [data, letter] = [false, ''];
          socket.write('250 taken\r\n');
        } else if (data) letter += `${line}\n`;
        else if (/^DATA/i.test(line)) {
          data = true;
          socket.write('354 go on\r\n');
        } else if (/^RCPT/i.test(line) && refuses) socket.write('550 nobody here\r\n');
        else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n');
        else socket.write('250 ok\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `smtp://127.0.0.1:${port}`,
    letters,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-mail-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const letter = {
  id: 'one',
  to: 'ada@example.com',
  subject: 'Enrol',
  text: 'https://inventory.example/invite#secret\n',
};

describe('letters', () => {
  let mail: Awaited<ReturnType<typeof startMailServer>> | undefined;
  afterEach(async () => {
    await mail?.close();
    mail = undefined;
  });

  it('go to the mail server', async () => {
    mail = await startMailServer();
    const outbox = join(folder, 'unused');
    const sent = await createMailer({ smtp: mail.url, from: 'Muster <it@example.com>' }, outbox)(letter);
    expect(sent.delivery).toBe('mailed');
    expect(mail.letters[0]).toContain('https://inventory.example/invite#secret');
    expect(mail.letters[0]).toContain('From: Muster <it@example.com>');
    await expect(stat(outbox)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each(['without a mail server', 'refused by one', 'while there is none'])('wait in the outbox %s', async (how) => {
    const outbox = join(folder, how);
    if (how === 'refused by one') mail = await startMailServer(true);
    const smtp = { 'refused by one': mail?.url, 'while there is none': 'smtp://127.0.0.1:1' }[how];
    const sent = await createMailer(smtp ? { smtp } : {}, outbox)(letter);
    expect(sent.delivery).toBe(smtp ? 'failed' : 'outbox');
    const path = join(outbox, 'one.eml');
    expect(await readdir(outbox)).toEqual(['one.eml']);
    expect(await readFile(path, 'utf8')).toContain('https://inventory.example/invite#secret');
    expect((await stat(path)).mode & 0o077).toBe(0);
  });
});

describe('an invite over HTTP', () => {
  it('is mailed with a link whose secret stands in the fragment, and nothing else keeps that secret', async () => {
    const mail = await startMailServer();
    let world: World | undefined;
    try {
      world = await startWorld({ server: { mail: { smtp: mail.url } } });
      const token = await world.token('people:write', 'audit:read');
      const made = await world.api(token, 'POST', '/api/v1/invites', { email: 'Ada@Example.com' });
      expect(made).toMatchObject({ status: 201, body: { delivery: 'mailed', invite: { state: 'sent' } } });
      const link = new URL((made.body as { link: string }).link);
      expect([link.pathname, link.search]).toEqual(['/invite', '']);
      expect(mail.letters.join('').replaceAll('=\n', '')).toContain(link.hash.slice(1, 40));
      const secret = link.hash.slice(1);
      for (const path of ['/api/v1/invites', '/api/v1/audit']) {
        expect((await world.api(token, 'GET', path)).text).not.toContain(secret);
      }
      const rows = await world.server.store.db.selectFrom('invites').selectAll().execute();
      expect(JSON.stringify(rows)).not.toContain(secret);
    } finally {
      await world?.close();
      await mail.close();
    }
  });
});
