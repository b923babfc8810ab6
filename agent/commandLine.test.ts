import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { has } from '../native/testing/tools.ts';
import { commandName } from './command.ts';
import { completionScript } from './commands/completion.ts';
import { manPage } from './commands/man.ts';
import { parsePcrs } from './commands/tpmQuote.ts';
import { COMMANDS } from './commandTable.ts';
import { EXIT } from './exitCodes.ts';
import { OUTPUTS } from './schemas.ts';
import { runMuster } from './testing.ts';

describe('muster', () => {
  it('shows a newcomer what there is, and where to begin', async () => {
    for (const args of [[], ['--help'], ['help'], ['-h']]) {
      const { code, out, err } = await runMuster([...args]);
      expect(code).toBe(EXIT.ok);
      expect(err).toBe('');
      expect(out).toMatch(/Usage: muster COMMAND/);
      expect(out).toContain('muster doctor');
      for (const { path, hidden } of COMMANDS) expect(out.includes(`  ${path.join(' ')} `)).toBe(!hidden);
    }
  });

  it('has a version', async () => {
    expect(await runMuster(['--version'])).toMatchObject({ code: EXIT.ok, out: 'muster 0.1.0\n' });
  });

  it.each(
    COMMANDS.map((command) => [commandName(command), command] as const),
  )('%s explains itself', async (_, command) => {
    const { code, out } = await runMuster([...command.path, '--help']);
    expect(code).toBe(EXIT.ok);
    expect(out).toContain(command.summary);
    for (const option of command.options) expect(out).toContain(`--${option.name}`);
    expect(out.split('\n').every((line) => line.length <= 100)).toBe(true);
    const handler = await command.load();
    expect(handler).toBeTypeOf('function');
  });

  it.each([
    [['frobnicate'], 'no command "frobnicate"'],
    [['tpmm'], 'There is no command "tpmm". Did you mean muster tpm?'],
    [['help', 'tpm', 'frobnicate'], 'no command "tpm frobnicate"'],
    [['tpm', 'inf'], 'Did you mean muster tpm info?'],
    [['server', 'roots'], 'Say which: muster server roots update, muster server roots import.'],
    [['server', 'frobnicate'], 'does not take "frobnicate"'],
    [['--json', 'tpm', 'info'], 'The command comes first'],
    [['help', 'frobnicate'], 'no command "frobnicate"'],
    [['server', 'roots', 'import', 'a', 'b'], 'takes one FILE, and no "b"'],
    [['server', 'verify-evidence', 'a', '--id', 'b'], 'not both'],
    [['server', 'sync'], 'Give --store'],
    [['server', 'profile'], 'Give --settings'],
    [['logs'], 'muster logs bundle'],
    [['tpm', '--finger'], 'Did you mean --fingerprint?'],
    [['tpm', '--fingerprint=yes'], 'takes no value'],
    [['tpm', '--fingerprint', '--tcti'], '--tcti needs a value'],
    [['tpm', 'info', 'extra'], 'does not take "extra"'],
    [['tpm', 'info', '--tcti', 'a', '--tcti', 'b'], 'given twice'],
    [['tpm'], 'muster tpm --fingerprint'],
    [['completion'], 'needs SHELL'],
    [['completion', 'tcsh'], 'bash, zsh, fish'],
    [['tpm', 'quote', '--pcrs', '24'], 'PCRs from 0 to 23'],
    [['tpm', 'quote', '--challenge', 'xyz'], 'hexadecimal'],
    [['schema', 'nothing'], 'There is no JSON output'],
    [['status', '--state', 'relative'], 'absolute path'],
    [['enroll', '--state', '/nonexistent-muster'], 'address of the server'],
  ])('%j is refused with exit code 2 and a hint', async (args, hint) => {
    const { code, out, err } = await runMuster([...args]);
    expect({ code, out }).toEqual({ code: EXIT.usage, out: '' });
    expect(err).toContain(hint);
    expect(err).not.toContain('    at ');
  });

  it('a mistake of the command line is JSON too where JSON is asked for', async () => {
    const { code, err } = await runMuster(['tpm', 'info', 'extra', '--json']);
    expect(code).toBe(EXIT.usage);
    expect(OUTPUTS.error.parse(JSON.parse(err)).error).toMatchObject({
      code: 'usage',
      message: expect.stringContaining('"extra"'),
      advice: expect.stringContaining('muster --help'),
    });
  });

  it.each([
    [['logs', 'bundle', '--output', '/nonexistent-muster/x'], EXIT.state, 'cannot be written'],
    [['enroll', '--server', 'https://127.0.0.1:9', '--token-file', tmpdir()], EXIT.state, 'is a folder'],
    [
      ['enroll', '--server', 'https://127.0.0.1:9', '--invite-file', '/nonexistent-muster'],
      EXIT.state,
      'cannot be read',
    ],
    [['enroll', '--server', 'http://inventory.example'], EXIT.network, 'Use an https address'],
    [['tpm', 'activate', '--request', '/nonexistent-muster', '--answer', '/x'], EXIT.usage, 'cannot be read'],
  ])('%j says what is wrong with what it names', async (args, exit, hint) => {
    const { code, err } = await runMuster([...args]);
    expect(err).toContain(hint);
    expect(err).not.toContain('did not expect');
    expect(code).toBe(exit);
  });

  it.each([
    ['swtpm:host=127.0.0.1,port=1', EXIT.hardware],
    ['cmd:id', EXIT.usage],
  ])('a TPM at %s that cannot be had is one sentence, advice and an exit code', async (tcti, exit) => {
    const plain = await runMuster(['tpm', '--fingerprint', '--tcti', tcti]);
    expect(plain).toMatchObject({ code: exit, out: '' });
    expect(plain.err.trim().split('\n')).toHaveLength(2);
    const json = await runMuster(['tpm', '--fingerprint', '--json', '--tcti', tcti]);
    expect(OUTPUTS.error.parse(JSON.parse(json.err)).error.advice.length).toBeGreaterThan(0);
    const debug = await runMuster(['tpm', '--fingerprint', '--debug', '--tcti', tcti]);
    expect(debug.err).toContain('    at ');
  });

  it('prints a schema for every output', async () => {
    for (const name of Object.keys(OUTPUTS)) {
      const { code, out } = await runMuster(['schema', ...name.replace(' --fingerprint', '').split(' ')]);
      expect(code).toBe(EXIT.ok);
      expect(JSON.parse(out).$schema).toContain('json-schema.org');
    }
  });

  it('reads lists of PCRs', () => {
    expect(parsePcrs('0-3,7, 7,2')).toEqual([0, 1, 2, 3, 7]);
    for (const text of ['', '3-1', '0-24', 'a', '1,,2']) expect(() => parsePcrs(text)).toThrow('not a list of PCRs');
  });
});

describe('what is generated from the command table', () => {
  const page = manPage(COMMANDS, '0.1.0');

  it('the manual page names every command, option and exit code', () => {
    for (const { path, options } of COMMANDS) {
      expect(page).toContain(`muster ${path.join(' ').replaceAll('-', '\\-')}`);
      for (const { name } of options) expect(page).toContain(`\\-\\-${name.replaceAll('-', '\\-')}`);
    }
    for (const code of Object.values(EXIT)) expect(page).toContain(`.B ${code}\n`);
  });

  it.skipIf(!has('mandoc') && !has('groff'))(
    'the manual page is understood by a formatter (needs groff or mandoc)',
    () => {
      const run = has('mandoc')
        ? spawnSync('mandoc', ['-T', 'lint', '-W', 'error'], { input: page, encoding: 'utf8' })
        : spawnSync('groff', ['-man', '-ww', '-Tascii'], { input: page, encoding: 'utf8' });
      expect(run.stderr.replace(/.*cannot adjust line.*\n/g, '')).toBe('');
      expect(run.status).toBe(0);
    },
  );

  it.skipIf(!has('bash'))('bash completes commands, words below them and options (needs bash)', () => {
    const complete = (...words: string[]) => {
      const script = `${completionScript(COMMANDS, 'bash')}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _muster; echo "\${COMPREPLY[*]}"`;
      return spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout.trim().split(' ');
    };
    expect(complete('muster', 'st')).toEqual(['status']);
    expect(complete('muster', 'tpm', 'i')).toEqual(['info']);
    expect(complete('muster', 'tpm', 'ek', '--p')).toEqual(['--pem']);
    expect(complete('muster', 'logs', '')).toEqual(['bundle']);
    expect(complete('muster', 'completion', 'z')).toEqual(['zsh']);
  });

  it.each(['bash', 'zsh', 'fish', 'powershell'])('%s knows every command and option', (shell) => {
    const script = completionScript(COMMANDS, shell);
    for (const { path, options, hidden } of COMMANDS)
      for (const name of hidden ? [] : [...path, ...options.map((option) => option.name)])
        expect(script).toContain(name);
    expect(script).not.toContain('activate');
  });

  for (const [shell, ...options] of [
    ['bash', '-n'],
    ['zsh', '-n'],
    ['fish', '--no-execute'],
  ] as const) {
    it.skipIf(!has(shell))(`${shell} understands its script (needs ${shell})`, () => {
      const folder = mkdtempSync(join(tmpdir(), 'muster-completion-'));
      try {
        const file = join(folder, 'script');
        writeFileSync(file, completionScript(COMMANDS, shell));
        const run = spawnSync(shell, [...options, file], { encoding: 'utf8' });
        expect({ status: run.status, err: run.stderr }).toEqual({ status: 0, err: '' });
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  it.skipIf(!has('fish'))('fish completes commands, words below them and options (needs fish)', () => {
    const complete = (line: string) =>
      spawnSync('fish', ['--no-config', '-c', `${completionScript(COMMANDS, 'fish')}\ncomplete -C '${line}'`], {
        encoding: 'utf8',
      })
        .stdout.trim()
        .split('\n')
        .map((text) => text.split('\t')[0]);
    expect(complete('muster st')).toEqual(['status']);
    expect(complete('muster tpm i')).toEqual(['info']);
    expect(complete('muster tpm ek --p')).toEqual(['--pem']);
    expect(complete('muster server roots u')).toEqual(['update']);
  });

  it.skipIf(!has('pwsh'))('PowerShell completes commands, words below them and options (needs pwsh)', () => {
    const complete = (line: string) => {
      const ask = `(TabExpansion2 '${line}' ${line.length}).CompletionMatches | ForEach-Object CompletionText`;
      const run = spawnSync('pwsh', ['-NoProfile', '-Command', `${completionScript(COMMANDS, 'powershell')}\n${ask}`], {
        encoding: 'utf8',
      });
      return run.stdout.trim().split(/\r?\n/);
    };
    expect(complete('muster st')).toEqual(['status']);
    expect(complete('muster tpm i')).toEqual(['info']);
    expect(complete('muster tpm ek --p')).toEqual(['--pem']);
  });
});
