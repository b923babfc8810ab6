import { describe, expect, it } from 'vitest';
import { type ManagedSource, openManagedSettings, parseLayers } from './managedSettings.ts';
import type { Logger } from './ports.ts';

type Read = Awaited<ReturnType<ManagedSource['read']>>;

const machine = (values: unknown, location = '/etc') => ({ scope: 'machine' as const, location, values });
const person = (values: unknown) => ({ scope: 'person' as const, location: 'HKCU', values });
const found = (values: unknown): Read => ({ kind: 'read', layers: [machine(values)] });
const nothing: Read = { kind: 'read', layers: [] };

function logger() {
  const lines: string[] = [];
  const write = (message: string, fields: Record<string, unknown> = {}) => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { lines, log: { info: write, warn: write, error: write } satisfies Logger };
}

/** A source whose answers the test sets, and that counts how many looks run at once. */
function sourceOf(first: Read | Error) {
  let answer = first;
  let running = 0;
  const counts = { reads: 0, most: 0, watchers: 0 };
  let changed = () => {};
  const source: ManagedSource = {
    carrier: 'file',
    async read() {
      counts.reads++;
      counts.most = Math.max(counts.most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      if (answer instanceof Error) throw answer;
      return answer;
    },
    watch(listener) {
      changed = listener;
      counts.watchers++;
      return () => counts.watchers--;
    },
  };
  return { source, counts, change: () => changed(), answer: (next: Read | Error) => (answer = next) };
}

describe('settings out of what a carrier holds', () => {
  it.each([
    ['enforced', { LogLevel: 'debug' }, { LogLevel: 'debug' }],
    ['a default', { Defaults: { LogLevel: 'warn' } }, { Defaults: { LogLevel: 'warn' } }],
    [
      'both',
      { LogLevel: 'debug', Defaults: { LogLevel: 'warn' } },
      { LogLevel: 'debug', Defaults: { LogLevel: 'warn' } },
    ],
  ])('takes %s', (_name, values, profile) => {
    expect(parseLayers([machine(values)], 'file')).toEqual({ profile, problems: [] });
  });

  it('costs one setting for one mistake, and names it without its value', () => {
    const token = 'muster_provision_short';
    const { profile, problems } = parseLayers(
      [machine({ ServerUrl: 'https://muster.example', LogLevel: 'loud', ProvisioningToken: token, Colour: 'red' })],
      'file',
    );
    expect(profile).toEqual({ ServerUrl: 'https://muster.example' });
    expect(problems.map(({ name }) => name)).toEqual(['LogLevel', 'ProvisioningToken', 'Colour']);
    expect(JSON.stringify(problems)).not.toContain(token);
  });

  it('refuses plain http, except to this machine', () => {
    const urls = ['http://muster.example', 'http://127.0.0.1:8080', 'http://localhost.evil.example', 'ftp://x'];
    const accepted = urls.filter((url) => parseLayers([machine({ ServerUrl: url })], 'file').problems.length === 0);
    expect(accepted).toEqual(['http://127.0.0.1:8080']);
  });

  it('takes 1 and 0 for a boolean from the registry only, and names there without regard to case', () => {
    const values = { startatlogin: 1, DEFAULTS: { LOGLEVEL: 'warn' } };
    expect(parseLayers([machine(values)], 'registry')).toEqual({
      profile: { StartAtLogin: true, Defaults: { LogLevel: 'warn' } },
      problems: [],
    });
    expect(parseLayers([machine({ StartAtLogin: 2 })], 'registry').problems).toHaveLength(1);
    expect(parseLayers([machine({ StartAtLogin: 1 })], 'file').problems).toHaveLength(1);
    expect(parseLayers([machine({ startAtLogin: true })], 'file').problems).toHaveLength(1);
  });

  it('does not let a policy of the person decide where the machine enrols, nor a default be a token', () => {
    const values = { ServerUrl: 'https://evil.example', LogLevel: 'debug' };
    expect(parseLayers([person(values)], 'registry')).toMatchObject({
      profile: { LogLevel: 'debug' },
      problems: [{ name: 'ServerUrl' }],
    });
    const token = `muster_provision_${'a'.repeat(32)}`;
    expect(parseLayers([machine({ Defaults: { ProvisioningToken: token } })], 'file')).toMatchObject({
      profile: {},
      problems: [{ name: 'Defaults.ProvisioningToken' }],
    });
  });

  it('names Defaults that is not a group of settings', () => {
    expect(parseLayers([machine({ Defaults: 'x' })], 'file').problems).toMatchObject([{ name: 'Defaults' }]);
  });
});

describe('settings that follow the machine', () => {
  it('knows the settings when it opens, and tells each change once', async () => {
    const { source, change, answer } = sourceOf(found({ LogLevel: 'debug' }));
    const settings = await openManagedSettings(source, logger().log);
    expect(settings.effective('LogLevel', 'error')).toBe('debug');
    expect(settings.strengths()).toEqual({ logLevel: 'enforced' });
    const seen: unknown[] = [];
    settings.subscribe(({ profile }) => seen.push(profile));
    change();
    await settings.refresh();
    expect(seen).toEqual([]);
    answer(found({ Defaults: { LogLevel: 'warn' } }));
    change();
    await settings.refresh();
    expect(seen).toEqual([{ Defaults: { LogLevel: 'warn' } }]);
    expect(settings.effective('LogLevel', 'error')).toBe('error');
    expect(settings.effective('LogLevel')).toBe('warn');
    settings.close();
  });

  it('clears what is gone', async () => {
    const { source, answer } = sourceOf(found({ StartAtLogin: true }));
    const settings = await openManagedSettings(source, logger().log);
    answer(nothing);
    await settings.refresh();
    expect(settings.current()).toEqual({ profile: {}, problems: [] });
    expect(settings.effective('StartAtLogin')).toBe(false);
    settings.close();
  });

  it.each([
    ['fails', new Error('disk on fire')],
    ['finds a file that others may write', { kind: 'refused', location: '/etc/x', reason: 'mode' } as const],
  ])('keeps what was known when a look %s, and logs it once', async (_name, failure) => {
    const { source, answer } = sourceOf(found({ Team: 'example' }));
    const { log, lines } = logger();
    const settings = await openManagedSettings(source, log);
    answer(failure);
    await settings.refresh();
    await settings.refresh();
    expect(settings.current()).toMatchObject({ profile: { Team: 'example' }, problems: [{ name: null }] });
    expect(lines).toHaveLength(1);
    settings.close();
  });

  it('clears what can no longer be understood, and logs it', async () => {
    const { source, answer } = sourceOf(found({ Team: 'example' }));
    const { log, lines } = logger();
    const settings = await openManagedSettings(source, log);
    answer({ kind: 'malformed', location: '/etc/x', reason: 'It is not a JSON object.' });
    await settings.refresh();
    expect(settings.current().profile).toEqual({});
    expect(lines.join()).toContain('not a JSON object');
    settings.close();
  });

  it('goes on looking when one who follows fails', async () => {
    const { source, answer } = sourceOf(nothing);
    const { log, lines } = logger();
    const settings = await openManagedSettings(source, log);
    const seen: unknown[] = [];
    settings.subscribe(() => {
      throw new Error('broken follower');
    });
    settings.subscribe(({ profile }) => seen.push(profile));
    answer(found({ Team: 'a' }));
    await settings.refresh();
    answer(found({ Team: 'b' }));
    await settings.refresh();
    expect(seen).toEqual([{ Team: 'a' }, { Team: 'b' }]);
    expect(lines.filter((line) => line.includes('broken follower'))).toHaveLength(2);
    settings.close();
  });

  it('never looks twice at once, and one waiting look serves all who ask', async () => {
    const { source, counts, change } = sourceOf(nothing);
    const settings = await openManagedSettings(source, logger().log);
    for (let i = 0; i < 50; i++) change();
    await settings.refresh();
    expect(counts.most).toBe(1);
    expect(counts.reads).toBeLessThanOrEqual(3);
    settings.close();
    expect(counts.watchers).toBe(0);
  });
});
