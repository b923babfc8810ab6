import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../agent/exitCodes.ts';
import { OUTPUTS } from '../../agent/schemas.ts';
import { runMuster } from '../../agent/testing.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { has } from '../../native/testing/tools.ts';
import { createInvite } from '../../server/setUp.ts';
import { startWorld, type World } from '../../server/testing/world.ts';
import { confirmAt, openedInvite, shownBy } from './atTheBrowser.ts';

/** A person who types the code that the command line shows; with an invite in the browser where the device sent none. */
async function atTheBrowser(world: World, shown: string, withInvite = true): Promise<string> {
  return confirmAt(world, shownBy(shown), withInvite ? await openedInvite(world) : []);
}

describe.skipIf(!has('swtpm'))('muster enrols a software TPM over HTTP (needs swtpm)', () => {
  let folder: string;
  let software: SoftwareTpm;
  let world: World;
  let place: string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-agent-enroll-'));
    [software, world] = await Promise.all([startSoftwareTpm({ folder }), startWorld()]);
    place = ['--tcti', software.tcti, '--state', join(folder, 'client')];
  });
  afterAll(async () => {
    await world?.close();
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('by the device flow, and knows afterwards what it is', async () => {
    let page: Promise<string> | undefined;
    const enrolled = await runMuster(
      ['enroll', '--server', world.origin, '--device-flow', '--json', ...place],
      (err) => {
        if (err.includes('has to show this code')) page ??= atTheBrowser(world, err);
      },
    );
    expect(enrolled.err).not.toContain('muster: ');
    expect(enrolled.code).toBe(EXIT.pending);
    const device = OUTPUTS.enroll.parse(JSON.parse(enrolled.out));
    const { out: urn } = await runMuster(['tpm', '--fingerprint', ...place.slice(0, 2)]);
    expect(device).toMatchObject({
      permanentIdentifier: urn.trim(),
      approval: 'pending',
      owner: { email: 'ada@example.com' },
    });
    expect(await page).toContain(/show this code for the device: (\S+)/.exec(enrolled.err)?.[1] ?? 'no code');

    const status = await runMuster(['status', '--json', ...place]);
    expect(status.code).toBe(EXIT.pending);
    expect(OUTPUTS.status.parse(JSON.parse(status.out))).toMatchObject({
      enrolled: true,
      online: true,
      server: world.origin,
    });

    const approve = await world.token('devices:decide', 'devices:read');
    const shown = await world.api(approve, 'GET', `/api/v1/devices/${device.id}`);
    const etag = { 'if-match': `"${(shown.body as { version: number }).version}"` };
    const decided = await world.api(
      approve,
      'PUT',
      `/api/v1/devices/${device.id}/approval`,
      { decision: 'approved' },
      etag,
    );
    expect(decided.status, decided.text).toBe(200);
    expect((await runMuster(['status', ...place])).code).toBe(EXIT.ok);
  });

  it('attests again, and its keys pass the doctor', async () => {
    const { code, out, err } = await runMuster(['attest', '--json', ...place]);
    expect(err).toBe('');
    expect(code).toBe(EXIT.ok);
    expect(OUTPUTS.attest.parse(JSON.parse(out)).attestation).toBe('valid');
    const doctor = OUTPUTS.doctor.parse(JSON.parse((await runMuster(['doctor', '--json', ...place])).out));
    for (const id of ['keys', 'server', 'clock', 'state']) {
      expect(doctor.checks.find((item) => item.id === id)).toMatchObject({ status: 'pass' });
    }
    for (const [ahead, status] of [
      [60_000, 'warn'],
      [540_000, 'fail'],
    ] as const) {
      world.advance(ahead);
      const { checks } = OUTPUTS.doctor.parse(JSON.parse((await runMuster(['doctor', '--json', ...place])).out));
      expect(checks).toContainEqual(
        expect.objectContaining({ id: 'clock', status, remedy: expect.stringContaining('clock') }),
      );
    }
    world.advance(-600_000);
  });

  it('says in words that the keys belong to another TPM', async () => {
    const other = await startSoftwareTpm({ folder: join(folder, 'other') });
    try {
      const moved = ['--tcti', other.tcti, ...place.slice(2)];
      const { code, err } = await runMuster(['attest', ...moved]);
      expect(code).toBe(EXIT.state);
      expect(err).toMatch(/belongs? to another/);
      const doctor = OUTPUTS.doctor.parse(JSON.parse((await runMuster(['doctor', '--json', ...moved])).out));
      expect(doctor.checks.find(({ id }) => id === 'keys')).toMatchObject({
        status: 'fail',
        remedy: expect.stringContaining('unenroll'),
      });
      // What is advised works: on a copy of the state, so that the enrolment itself goes on.
      const copy = join(folder, 'copy');
      await cp(join(folder, 'client'), copy, { recursive: true });
      const there = ['--tcti', other.tcti, '--state', copy];
      expect(await runMuster(['unenroll', '--yes', '--json', ...there])).toEqual({
        code: EXIT.ok,
        out: '{"enrolled":false}\n',
        err: expect.stringMatching(/server was not told .*another TPM/),
      });
      expect((await runMuster(['status', ...there])).code).toBe(EXIT.notEnrolled);
    } finally {
      await other.stop();
    }
  });

  it('a damaged state is told, and reset by what is advised', async () => {
    const damaged = ['--tcti', software.tcti, '--state', join(folder, 'damaged')];
    await mkdir(join(folder, 'damaged'), { mode: 0o700 });
    await writeFile(join(folder, 'damaged', 'enrollment.json'), '{', { mode: 0o600 });
    for (const command of ['status', 'attest', 'enroll']) {
      const { code, err } = await runMuster([
        command,
        ...(command === 'enroll' ? ['--server', world.origin] : []),
        ...damaged,
      ]);
      expect([command, code, err]).toEqual([command, EXIT.state, expect.stringContaining('muster unenroll')]);
    }
    const { checks } = OUTPUTS.doctor.parse(JSON.parse((await runMuster(['doctor', '--json', ...damaged])).out));
    expect(checks.find(({ id }) => id === 'state')).toMatchObject({
      status: 'fail',
      remedy: expect.stringContaining('muster unenroll'),
    });
    expect(await runMuster(['unenroll', '--yes', ...damaged])).toMatchObject({
      code: EXIT.ok,
      out: expect.stringContaining('removed'),
    });
    expect((await runMuster(['status', ...damaged])).code).toBe(EXIT.notEnrolled);
  });

  it('leaves', async () => {
    expect((await runMuster(['unenroll', ...place])).code).toBe(EXIT.usage);
    expect(await runMuster(['unenroll', '--yes', ...place])).toMatchObject({ code: EXIT.ok });
    expect((await runMuster(['status', ...place])).code).toBe(EXIT.notEnrolled);
  });

  it('comes back with an invite from a file; the browser holds none, and nothing says the secret', async () => {
    const invite = await createInvite(world.server.store, { email: 'ada@example.com' }, Date.now());
    const file = join(folder, 'invite');
    await writeFile(file, `${world.origin}/invite#${invite.secret}\n`, { mode: 0o600 });
    let page: Promise<string> | undefined;
    const enrolled = await runMuster(
      ['enroll', '--server', world.origin, '--invite-file', file, '--debug', '--json', ...place],
      (err) => {
        if (err.includes('has to show this code')) page ??= atTheBrowser(world, err, false);
      },
    );
    expect(enrolled.code, enrolled.err).toBe(EXIT.pending);
    expect(await page).toContain('ada@example.com');
    expect(enrolled.err + enrolled.out).not.toContain(invite.secret);
    expect(enrolled.err).not.toContain('open its link');
    // The log of a whole enrolment names neither this device nor this person.
    const { permanentIdentifier } = OUTPUTS.enroll.parse(JSON.parse(enrolled.out));
    for (const native of [permanentIdentifier, permanentIdentifier.slice(14), 'ada@example.com', hostname()])
      if (native.length > 4) expect(enrolled.err).not.toContain(native);
    const kept = await readdir(join(folder, 'client'), { recursive: true, withFileTypes: true });
    for (const entry of kept.filter((found) => found.isFile()))
      expect(await readFile(join(entry.parentPath, entry.name), 'utf8')).not.toContain(invite.secret);
    const used = () =>
      world.server.store.db.selectFrom('invites').select('used_at').where('id', '=', invite.id).executeTakeFirst();
    expect((await used())?.used_at).not.toBeNull();
    expect((await runMuster(['unenroll', '--yes', ...place])).code).toBe(EXIT.ok);
    // Used: refused before anybody types a code.
    const again = await runMuster(['enroll', '--server', world.origin, '--invite-file', file, ...place]);
    expect(again.code).toBe(EXIT.refused);
    expect(again.err).not.toContain('has to show this code');
  });

  it('with a provisioning token that the server does not know is refused, and nothing is left behind', async () => {
    const file = join(folder, 'token');
    await writeFile(file, 'muster_provision_abcdefghijklmnop1234\n');
    const { code, err } = await runMuster(['enroll', '--server', world.origin, '--token-file', file, ...place]);
    expect(code).toBe(EXIT.refused);
    expect(err).not.toContain('abcdefghijklmnop1234');
    expect((await runMuster(['status', ...place])).code).toBe(EXIT.notEnrolled);
  });
});
