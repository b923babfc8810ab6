import { spawn } from 'node:child_process';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerInfo } from '../contract/index.ts';
import { has } from '../native/testing/tools.ts';
import { inviteFrom, readInvite } from './invite.ts';
import { runMuster } from './testing.ts';

const SECRET = `muster_invite_${'a1B2'.repeat(11).slice(0, 43)}_xyzxyz`;
const SERVER = 'https://inventory.example';

const values = (file?: string) => ({
  flags: new Set<string>(),
  texts: new Map(file === undefined ? [] : [['invite-file', file]]),
  rest: [],
});
const context = {
  out: () => undefined,
  err: () => undefined,
  isTerminal: false,
  signal: new AbortController().signal,
  version: '0',
};
const info = (signIn: ServerInfo['signIn']) => ({ signIn }) as ServerInfo;
const NEEDED = info({ identityProvider: false, selfEnrolment: false, invites: true });

describe('an invite', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-invite-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const file = async (text: string, mode = 0o600) => {
    const path = join(folder, `invite-${crypto.randomUUID()}`);
    await writeFile(path, text, { mode });
    await chmod(path, mode);
    return path;
  };

  it('is the secret or its link, of this server', () => {
    for (const text of [SECRET, ` ${SECRET}\n`, `#${SECRET}`, `${SERVER}/invite#${SECRET}`])
      expect(readInvite(text, SERVER)).toBe(SECRET);
    for (const text of ['', 'hello', `${SERVER}/invite`, `${SERVER}/other#${SECRET}`, SECRET.replace('invite', 'api')])
      expect(readInvite(text, SERVER)).toBeUndefined();
    expect(() => readInvite(`https://elsewhere.example/invite#${SECRET}`, SERVER)).toThrow('another server');
  });

  it('comes from a file that is the account’s alone', async () => {
    const from = async (path: string) => inviteFrom(values(path), context, SERVER).source(NEEDED, context.signal);
    expect(await from(await file(`${SERVER}/invite#${SECRET}\n`))).toBe(SECRET);
    const told = (code: string) => expect.objectContaining({ code });
    for (const mode of [0o640, 0o604, 0o620, 0o666])
      await expect(file(SECRET, mode).then(from)).rejects.toEqual(told('state-unreadable'));
    await expect(from(join(folder, 'absent'))).rejects.toEqual(told('state-unreadable'));
    await expect(file('x'.repeat(5000)).then(from)).rejects.toEqual(told('state-unreadable'));
    await expect(file('nothing').then(from)).rejects.toThrow('does not hold an invite');
  });

  it.skipIf(process.getuid?.() !== 0)('does not come from a file of somebody else (needs root)', async () => {
    const path = await file(SECRET);
    await chown(path, 12_345, 12_345);
    expect(() => inviteFrom(values(path), context, SERVER)).toThrow('read or changed by others');
  });

  it('is not asked for where nobody sits at a terminal', async () => {
    const invite = inviteFrom(values(), context, SERVER);
    expect(await invite.source(NEEDED, context.signal)).toBeUndefined();
    expect(invite.sent()).toBe(false);
  });

  it('is no argument, and stands in no message', async () => {
    const path = await file(SECRET.slice(0, -3));
    for (const args of [
      ['enroll', '--invite', SECRET],
      ['enroll', SECRET],
      ['enroll', '--server', SERVER, '--invite-file', path, '--token-file', path],
    ]) {
      const { code, out, err } = await runMuster([...args, '--state', join(folder, 'state')]);
      expect(code).toBe(2);
      expect(out).toBe('');
      expect(err).not.toContain(SECRET.slice(0, -3));
    }
  });
});

describe.skipIf(!has('script'))('at a terminal, the prompt for an invite (needs script)', () => {
  /** Runs the prompt behind a terminal of its own, and types each answer when it is asked. */
  const atTerminal = async (signIn: ServerInfo['signIn'], typed: string[]) => {
    const module = fileURLToPath(new URL('./invite.ts', import.meta.url));
    const program = `import { inviteFrom } from ${JSON.stringify(module)};
const context = { err: (text) => process.stderr.write(text), signal: new AbortController().signal };
const source = inviteFrom({ flags: new Set(), texts: new Map(), rest: [] }, context, ${JSON.stringify(SERVER)}).source;
const ask = () => source({ signIn: ${JSON.stringify(signIn)} }, context.signal);
try { const invite = await ask(); process.stdout.write('length=' + String(invite?.length ?? 'none') + ' again=' + String((await ask()) === invite) + ' END'); }
catch (error) { process.stdout.write('code=' + error.code + ' END'); }
process.exit(0);`;
    const run = `'${process.execPath}' --input-type=module -e "$PROGRAM"`;
    const child = spawn('script', ['-qec', run, '/dev/null'], { env: { ...process.env, PROGRAM: program } });
    let seen = '';
    const answers = [...typed];
    try {
      return await new Promise<string>((resolve, reject) => {
        child.stdout.on('data', (chunk) => {
          seen += String(chunk);
          if (seen.includes('END')) resolve(seen);
          else if (seen.split('in the browser): ').length - 1 > typed.length - answers.length) {
            child.stdin.write(answers.shift() ?? '\r');
          }
        });
        child.on('error', reject);
        // Not 'exit': what it printed last may arrive after that.
        child.on('close', () => resolve(seen));
      });
    } finally {
      child.kill('SIGKILL');
    }
  };
  const needed = NEEDED.signIn;

  it('takes a link, shows nothing of it, and asks once', async () => {
    const seen = await atTerminal(needed, ['hello\r', `${SERVER}/invite#${SECRET}\r`]);
    expect(seen).toContain('neither an invite');
    expect(seen).toContain(`length=${SECRET.length} again=true`);
    expect(seen).not.toContain('muster_invite');
    expect(seen).not.toContain('hello');
  });

  it('takes Enter for "opened in the browser", and an interruption for an end', async () => {
    expect(await atTerminal(needed, ['\r'])).toContain('length=none again=true');
    expect(await atTerminal(needed, ['\u0003'])).toContain('code=sign-in-cancelled');
  });

  it('is not there where people may enrol without one', async () => {
    const seen = await atTerminal({ identityProvider: true, selfEnrolment: true, invites: true }, []);
    expect(seen).toContain('length=none');
    expect(seen).not.toContain('Invite (');
  });
});
