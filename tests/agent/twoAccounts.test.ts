import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { askService, collectSerials, connectTpmService } from '../../native/index.ts';
import { has } from '../../native/testing/tools.ts';
import { createProvisioningToken } from '../../server/store/provisioningTokens.ts';
import { startWorld, type World } from '../../server/testing/world.ts';
import { confirmAt, openedInvite } from './atTheBrowser.ts';

const [SERVICE, AGENT, PERSON, GROUP] = [61_301, 61_302, 54_321, 4_242];
const host = (name: string) => fileURLToPath(new URL(`../hosts/${name}.ts`, import.meta.url));

type Ended = {
  signedIn: boolean;
  device?: { id: string; permanentIdentifier: string; owner: string };
  error?: { code: string; message: string; advice: string };
  left?: boolean;
};

describe.skipIf(!has('swtpm') || process.getuid?.() !== 0 || process.platform !== 'linux')(
  'the agent and a person on one machine, as two accounts (needs swtpm, root)',
  () => {
    let folder: string;
    let software: SoftwareTpm;
    let world: World;
    let service: ChildProcess | undefined;
    let token: string;
    const socket = () => join(folder, 'run', 'tpm.sock');

    const startService = async () => {
      const [run, keep] = [join(folder, 'run'), join(folder, 'keep')];
      await mkdir(run, { recursive: true, mode: 0o755 });
      await mkdir(keep, { recursive: true, mode: 0o700 });
      const ledger = join(keep, 'enrolment.json');
      const parts = { socket: socket(), tcti: software.tcti, uid: SERVICE, group: GROUP, ledger };
      service = spawn(process.execPath, [host('tpmService'), JSON.stringify(parts)], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const died = once(service, 'exit').then(() => Promise.reject(new Error('The service ended.')));
      died.catch(() => undefined);
      if (service.stdout) await Promise.race([once(service.stdout, 'data'), died]);
    };
    const stopService = async () => {
      const ending = service;
      service = undefined;
      if (!ending || ending.exitCode !== null) return;
      const ended = once(ending, 'exit');
      ending.stdin?.end();
      await ended;
    };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'muster-two-'));
      await chmod(folder, 0o755);
      [software, world] = await Promise.all([startSoftwareTpm({ folder: join(folder, 'tpm') }), startWorld()]);
      token = (
        await world.server.store.write((trx) =>
          createProvisioningToken(trx, Date.now(), {
            name: 'test',
            identifiers: null,
            maxUses: null,
            expiresAt: Date.now() + 3_600_000,
            actor: { type: 'server', id: null, name: 'test' },
            requestId: null,
          }),
        )
      ).secret;
      await startService();
    });
    afterAll(async () => {
      service?.kill('SIGKILL');
      await world?.close();
      await software?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    const as = async (uid: number, how: { email?: string; token?: string; leave?: boolean } = {}): Promise<Ended> => {
      const groups = uid === AGENT ? [GROUP] : [];
      const state = join(folder, `state-${uid}`);
      const { email, token, leave = false } = how;
      const parts = { socket: socket(), uid, groups, origin: world.origin, state, leave, token };
      const child = spawn(process.execPath, [host('enrolAs'), JSON.stringify(parts)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        const ended: Ended = { signedIn: false };
        for await (const line of createInterface({ input: child.stdout })) {
          const { signIn, ...rest } = JSON.parse(line) as Ended & { signIn?: { url: string; userCode: string } };
          if (signIn) {
            ended.signedIn = true;
            await confirmAt(world, signIn, await openedInvite(world, email));
          }
          Object.assign(ended, rest);
        }
        return ended;
      } finally {
        child.kill('SIGKILL');
      }
    };
    const devices = () => world.server.store.db.selectFrom('devices').select(['id', 'permanent_identifier']).execute();
    const conflicts = () => world.server.store.db.selectFrom('conflicts').select('id').execute();

    it('the command itself runs as the service: root-only serials for everyone, and an end when it is told', async () => {
      const [path, state] = [join(folder, 'command.sock'), join(folder, 'command')];
      const bin = fileURLToPath(new URL('../../agent/bin/muster.mjs', import.meta.url));
      const command = spawn(process.execPath, [bin, 'service', '--socket', path, '--state', state], {
        stdio: ['ignore', 'inherit', 'pipe'],
      });
      try {
        let told = '';
        command.stderr?.on('data', (chunk) => {
          told += chunk;
        });
        await expect.poll(() => told).toContain(path);
        expect(
          await askService(
            (client) => client.readSerials(),
            () => connectTpmService(path),
          ),
        ).toEqual(await collectSerials());
        const ended = once(command, 'exit');
        command.kill('SIGTERM');
        expect(await ended).toEqual([0, null]);
      } finally {
        command.kill('SIGKILL');
      }
    });

    it('are one device of one TPM: the second is told before it signs in, also after a restart of the service', async () => {
      const agent = await as(AGENT, { token });
      expect(agent).toMatchObject({ signedIn: false, device: { id: expect.any(String) } });
      for (const again of [false, true]) {
        if (again) {
          await stopService();
          await startService();
        }
        const person = await as(PERSON, { email: 'ada@example.com' });
        expect(person).toMatchObject({
          signedIn: false,
          error: {
            code: 'machine-enrolled',
            message: expect.stringContaining('the Muster agent'),
            advice: expect.stringContaining('IT'),
          },
        });
      }
      expect(await devices()).toEqual([
        { id: agent.device?.id, permanent_identifier: agent.device?.permanentIdentifier },
      ]);
      expect(await conflicts()).toEqual([]);
    });

    it('and the person enrols once the agent has left', async () => {
      expect(await as(AGENT, { leave: true })).toMatchObject({ left: true });
      const person = await as(PERSON, { email: 'ada@example.com' });
      expect(person).toMatchObject({ signedIn: true, device: { owner: 'ada@example.com' } });
      expect(await as(AGENT, { token })).toMatchObject({
        signedIn: false,
        error: { code: 'machine-enrolled', message: expect.stringContaining('another account') },
      });
      expect(await devices()).toHaveLength(1);
    });
  },
);
