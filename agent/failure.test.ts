import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AppError } from '../app/errors.ts';
import { ErrorCode, LocalErrorCode } from '../contract/index.ts';
import { NativeError, type NativeErrorCode } from '../native/errors.ts';
import { NotEnrolled } from './enrolled.ts';
import { EXIT, EXIT_MEANINGS } from './exitCodes.ts';
import { describeError } from './failure.ts';

const NATIVE = {
  'tcti-refused': 'usage',
  'tpm-library-missing': 'hardware',
  'tpm-library-untrusted': 'hardware',
  'tpm-missing': 'hardware',
  'tpm-permission': 'permission',
  'tpm-busy': 'hardware',
  'tpm-1.2': 'hardware',
  'tpm-disabled': 'hardware',
  'tpm-failure-mode': 'hardware',
  'tpm-locked-out': 'hardware',
  'tpm-auth-required': 'permission',
  'tpm-timeout': 'hardware',
  'tpm-connection-lost': 'hardware',
  'tpm-response-malformed': 'hardware',
  'tpm-command-unsupported': 'hardware',
  'tpm-command-blocked': 'permission',
  'tpm-error': 'hardware',
  'tpm-closed': 'hardware',
  'key-of-another-tpm': 'state',
  'key-file-damaged': 'state',
  'credential-of-another-key': 'hardware',
  'no-endorsement-key': 'hardware',
  'endorsement-key-unknown': 'hardware',
  'pcrs-changing': 'hardware',
  'elevation-needed': 'permission',
  'elevation-refused': 'permission',
  'state-folder-unusable': 'state',
  'service-request-refused': 'state',
  'machine-enrolled': 'permission',
  'settings-unreadable': 'state',
  'secure-enclave-unavailable': 'hardware',
  'platform-unsupported': 'hardware',
} as const satisfies Record<NativeErrorCode, keyof typeof EXIT>;

const LOCAL = {
  'server-unreachable': 'network',
  'server-not-muster': 'network',
  'server-insecure': 'network',
  'server-untrusted': 'network',
  'captive-portal': 'network',
  'browser-not-opened': 'refused',
  'sign-in-cancelled': 'interrupted',
  'sign-in-timeout': 'refused',
  'tpm-missing': 'hardware',
  'tpm-permission': 'permission',
  'tpm-busy': 'hardware',
  'tpm-locked-out': 'hardware',
  'tpm-timeout': 'hardware',
  'tpm-unsupported': 'hardware',
  'key-of-another-tpm': 'state',
  'machine-enrolled': 'permission',
  'elevation-refused': 'permission',
  'state-unreadable': 'state',
  'secret-store-unsafe': 'state',
  'policy-unreadable': 'state',
  unexpected: 'unexpected',
} as const satisfies Record<LocalErrorCode, keyof typeof EXIT>;

/** Codes of the server that are not a refusal. */
const NETWORK = ['clock-skew', 'unavailable', 'internal', 'rate-limited'];

describe('what an error becomes', () => {
  it.each(Object.entries(NATIVE))('%s of the hardware ends with %s', async (code, exit) => {
    const told = await describeError(new NativeError(code as NativeErrorCode, 'What happened.'));
    expect(told).toMatchObject({ code, message: 'What happened.', exit: EXIT[exit] });
    expect(told.advice).toMatch(/\w/);
  });

  it.each(Object.entries(LOCAL))('%s of this machine ends with %s', async (code, exit) => {
    expect(LocalErrorCode.options).toContain(code);
    const told = await describeError(new AppError(code as LocalErrorCode, 'What happened.'));
    expect(told.exit).toBe(EXIT[exit]);
    expect(told.advice).toMatch(/\w/);
  });

  it('what a server refuses is a refusal, and what it could not do is the network’s', async () => {
    for (const code of ErrorCode.options) {
      const { exit, advice } = await describeError(new AppError(code, 'What happened.'));
      expect([code, advice]).toEqual([code, expect.stringMatching(/\w/)]);
      expect([code, exit]).toEqual([code, NETWORK.includes(code) ? EXIT.network : EXIT.refused]);
    }
  });

  it('advises what a command can do: it does not try again by itself', async () => {
    const { AppError: Core, toUserError } = await import('../app/errors.ts');
    const shown = toUserError(new Core('server-unreachable', 'The connection failed.'));
    const told = await describeError(new AppError('server-unreachable', shown.detail, { advice: shown.advice }));
    expect(told.advice).toContain('muster doctor');
    expect((await describeError(new AppError('server-unreachable', 'x', { advice: 'Own advice.' }))).advice).toBe(
      'Own advice.',
    );
  });

  it('a device that is not enrolled and an error of nobody have codes of their own, and never a stack', async () => {
    expect((await describeError(new NotEnrolled())).exit).toBe(EXIT.notEnrolled);
    const unexpected = await describeError(new TypeError('x is not a function'));
    expect(unexpected.exit).toBe(EXIT.unexpected);
    expect(JSON.stringify(unexpected)).not.toMatch(/\bat \S+:\d+/);
    expect((await describeError('text')).exit).toBe(EXIT.unexpected);
  });
});

describe('exit codes', () => {
  it('are those of the documentation, each once', () => {
    const page = readFileSync(new URL('../docs/commandLine.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map(([, code]) => Number(code));
    expect(rows).toEqual(Object.values(EXIT));
    expect(new Set(rows).size).toBe(rows.length);
    expect(Object.keys(EXIT_MEANINGS)).toEqual(Object.keys(EXIT));
  });

  it('never change', () => {
    expect(Object.values(EXIT)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130]);
  });
});
