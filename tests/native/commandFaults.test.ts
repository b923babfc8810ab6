import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../agent/exitCodes.ts';
import { OUTPUTS } from '../../agent/schemas.ts';
import { type Ran, runMuster } from '../../agent/testing.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { type Fault, type FaultyProxy, startFaultyProxy } from '../../native/testing/faultyProxy.ts';
import { has } from '../../native/testing/tools.ts';
import { listLoaded } from '../../native/tpm/handles.ts';
import { openTpm } from '../../native/tpm/open.ts';
import type { Tpm } from '../../native/tpm/tpm.ts';

const FAULTS: Fault[] = [
  { kind: 'truncate', bytes: 7 },
  { kind: 'garble' },
  { kind: 'drop' },
  { kind: 'garble', from: 6 },
  { kind: 'fail', responseCode: 0x0f0 },
  { kind: 'garble', from: 0 },
  { kind: 'fail', responseCode: 0x101 },
  { kind: 'truncate', bytes: 12 },
  { kind: 'fail', responseCode: 0x921 },
  { kind: 'fail', responseCode: 0x922, times: 3 },
  { kind: 'fail', responseCode: 0x9a2 },
];
/** What a command may end with when the TPM misbehaves: never "unexpected", never a wrong answer called done. */
const TYPED: readonly number[] = [EXIT.hardware, EXIT.permission, EXIT.state];

/** Every command that asks the TPM; `step` leaves some of the places out where keys take long. */
const VERBS: { name: keyof typeof OUTPUTS; args: string[]; step: number }[] = [
  { name: 'tpm --fingerprint', args: ['tpm', '--fingerprint'], step: 1 },
  { name: 'tpm info', args: ['tpm', 'info'], step: 1 },
  { name: 'tpm ek', args: ['tpm', 'ek'], step: 1 },
  { name: 'tpm ek', args: ['tpm', 'ek', '--all'], step: 13 },
  { name: 'tpm quote', args: ['tpm', 'quote'], step: 1 },
  { name: 'tpm quote', args: ['tpm', 'quote', '--rsa'], step: 7 },
  { name: 'identity', args: ['identity'], step: 1 },
  { name: 'doctor', args: ['doctor'], step: 3 },
];

describe.skipIf(!has('swtpm'))('muster on a TPM that misbehaves (needs swtpm)', () => {
  let folder: string;
  let software: SoftwareTpm;
  let proxy: FaultyProxy;
  let direct: Tpm;
  const loaded = () => direct.work((scope) => listLoaded((request) => scope.run(request)));
  const muster = (args: string[]): Promise<Ran> =>
    runMuster([...args, '--json', '--tcti', proxy.tcti, ...(args[0] === 'doctor' ? ['--state', folder] : [])]);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-commands-'));
    software = await startSoftwareTpm({ folder });
    proxy = await startFaultyProxy(software.port);
    direct = await openTpm({ tcti: software.tcti, inProcess: true });
  });
  afterAll(async () => {
    await direct?.close();
    await proxy?.stop();
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(VERBS)('$args: every failure is typed, and no object stays in the TPM', async ({ name, args, step }) => {
    const before = await loaded();
    proxy.arm(Number.POSITIVE_INFINITY, { kind: 'drop' });
    const right = await muster(args);
    OUTPUTS[name].parse(JSON.parse(right.out));
    const commands = proxy.commands();
    let failures = 0;
    for (let nth = 1; nth <= commands; nth += step) {
      const fault = FAULTS[((nth - 1) / step) % FAULTS.length] as Fault;
      const where = `${JSON.stringify(fault)} at command ${nth} of ${commands}`;
      proxy.arm(nth, fault);
      const { code, out, err } = await muster(args);
      if (name === 'doctor') {
        expect([EXIT.ok, EXIT.checkFailed], where).toContain(code);
        OUTPUTS.doctor.parse(JSON.parse(out));
      } else if (code === EXIT.ok) {
        expect(err, where).toBe('');
        OUTPUTS[name].parse(JSON.parse(out));
      } else {
        failures += 1;
        expect(TYPED, `${where}: ${err}`).toContain(code);
        expect(out, where).toBe('');
        const { error } = JSON.parse(err) as { error: Record<string, string> };
        expect(error, where).toEqual({
          code: expect.stringMatching(/^tpm-|^key-|^no-endorsement-key$|^pcrs-changing$|^endorsement-key-unknown$/),
          message: expect.stringMatching(/\.$|\)$/),
          advice: expect.stringMatching(/\w/),
        });
        expect(err, where).not.toMatch(/\n\s+at |urn:ek|sha256:/);
      }
      expect(await loaded(), where).toEqual(before);
    }
    if (name !== 'doctor') expect(failures).toBeGreaterThan(0);
    proxy.arm(Number.POSITIVE_INFINITY, { kind: 'drop' });
    expect((await muster(args)).code).toBe(right.code);
  }, 180_000);

  it('a TPM that falls silent ends the command in time, with words and an exit code', async () => {
    proxy.arm(2, { kind: 'delay', ms: 8_000 });
    const { code, out, err } = await muster(['tpm', '--fingerprint']);
    expect({ code, out }).toEqual({ code: EXIT.hardware, out: '' });
    expect(JSON.parse(err)).toMatchObject({
      error: { code: 'tpm-timeout', message: expect.stringContaining('5 seconds') },
    });
  });
});
