import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLedger } from './ledger.ts';
import { accountOf, readAdmission } from './peer.ts';

describe('whose enrolment this machine is', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-ledger-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is held by one account until it leaves, over restarts', async () => {
    const file = join(folder, 'deep', 'enrolment.json');
    const ledger = await openLedger(file);
    ledger.begin('uid:1000');
    await ledger.hold('uid:1000', 'https://a.example');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const again = await openLedger(file);
    expect(again.holding()).toMatchObject({ account: 'uid:1000', origin: 'https://a.example' });
    const refused = expect.objectContaining({ code: 'machine-enrolled' });
    expect(() => again.begin('agent')).toThrow(refused);
    expect(() => again.checkHeld('agent')).toThrow(refused);
    await expect(again.hold('agent', 'https://b.example')).rejects.toEqual(refused);
    await expect(again.release('agent')).rejects.toEqual(refused);
    again.checkHeld('uid:1000');
    await again.hold('uid:1000', 'https://b.example');
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ origin: 'https://b.example' });
    await again.release('uid:1000');
    expect((await openLedger(file)).holding()).toBeUndefined();
    again.begin('agent');
  });

  it('is not taken over by root, who acts for its holder and may end it', async () => {
    const ledger = await openLedger(undefined);
    await ledger.hold('agent', 'https://a.example');
    ledger.checkHeld('uid:0');
    await ledger.hold('uid:0', 'https://b.example');
    expect(ledger.holding()).toMatchObject({ account: 'agent', origin: 'https://a.example' });
    expect(() => ledger.begin('uid:0')).toThrow(expect.objectContaining({ code: 'machine-enrolled' }));
    await ledger.release('uid:0');
    ledger.begin('uid:1000');
  });

  it('is one enrolment at a time: a second account waits until the first is gone or took too long', async () => {
    let now = 0;
    const ledger = await openLedger(undefined, () => now);
    ledger.begin('uid:1000');
    expect(() => ledger.begin('uid:1001')).toThrow(expect.objectContaining({ code: 'tpm-busy' }));
    ledger.gone('uid:1001');
    expect(() => ledger.begin('uid:1001')).toThrow();
    ledger.gone('uid:1000');
    ledger.begin('uid:1001');
    now += 16 * 60_000;
    ledger.begin('uid:1000');
  });

  it('is not taken from under an enrolment that is under way, which root may end', async () => {
    const ledger = await openLedger(undefined);
    ledger.begin('uid:1000');
    await expect(ledger.hold('uid:1001', 'https://b.example')).rejects.toMatchObject({ code: 'tpm-busy' });
    await ledger.release('uid:1001');
    expect(() => ledger.begin('agent')).toThrow(expect.objectContaining({ code: 'tpm-busy' }));
    await ledger.release('uid:0');
    ledger.begin('agent');
    await expect(ledger.hold('uid:1000', 'https://a.example')).rejects.toMatchObject({ code: 'tpm-busy' });
    await ledger.hold('agent', 'https://c.example');
    expect(ledger.holding()).toMatchObject({ account: 'agent', origin: 'https://c.example' });
  });

  it('is not "nobody" where the file is damaged', async () => {
    const file = join(folder, 'damaged.json');
    await writeFile(file, '{"account":');
    await expect(openLedger(file)).rejects.toMatchObject({ code: 'state-folder-unusable' });
  });
});

describe('accounts that the service answers', () => {
  const admission = { own: 64_000, group: 991, firstPerson: 1000 };
  const of = (uid: number, ...groups: number[]) => accountOf({ uid, gid: uid, groups }, admission);
  it.each([
    [0, 'uid:0'],
    [1000, 'uid:1000'],
    // Directory services give people large numbers.
    [1_634_400_500, 'uid:1634400500'],
    [64_000, 'uid:64000'],
    [33, undefined],
    [999, undefined],
    [61_500, undefined],
    [65_534, undefined],
  ])('%i is %s', (uid, account) => expect(of(uid)).toBe(account));

  it('are also members of the group, as one', () => {
    expect(of(61_500, 991)).toBe('agent');
    expect(of(999, 4, 991)).toBe('agent');
    expect(accountOf({ uid: 999, gid: 991, groups: [] }, admission)).toBe('agent');
    expect(of(1000, 991)).toBe('uid:1000');
  });

  it('come from the files of the machine', async () => {
    const root = await mkdtemp(join(tmpdir(), 'muster-admission-'));
    try {
      expect(readAdmission(7, root)).toEqual({ own: 7, group: undefined, firstPerson: 1000 });
      await mkdir(join(root, 'etc'));
      await writeFile(join(root, 'etc/group'), 'root:x:0:\nnotmuster:x:5:\nmuster:x:991:anna\n');
      await writeFile(join(root, 'etc/login.defs'), '# UID_MIN 5\nUID_MIN\t\t 500\n');
      expect(readAdmission(7, root)).toEqual({ own: 7, group: 991, firstPerson: 500 });
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});
