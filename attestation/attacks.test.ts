import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ATTESTATION_ERROR_CODES } from './index.ts';

const here = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
const rows = [
  ...here('ATTACKS.md').matchAll(/^\| (\d+) \| (.+?) \| (.+?) \| `([\w.]+)`: (.+?)(?: \[(.+)\])? \|$/gm),
].map(([, number, attack, outcome, file, title, case_]) => ({ number, attack, outcome, file, title, case: case_ }));
/** Source text with the quotes that a formatter may have chosen taken out of the way. */
const plain = (text: string): string => text.replaceAll("\\'", "'");

describe('the table of attacks', () => {
  it('has at least 60 rows, numbered without a gap', () => {
    expect(rows.length).toBeGreaterThanOrEqual(60);
    expect(rows.map(({ number }) => Number(number))).toEqual(rows.map((_, i) => i + 1));
    expect(
      here('ATTACKS.md')
        .split('\n')
        .filter((line) => /^\| \d/.test(line)),
    ).toHaveLength(rows.length);
  });

  it.each(rows)('row $number names a test that exists: $attack', ({ file, title, case: case_ }) => {
    const source = plain(here(file ?? ''));
    const quoted = ["'", '"', '`'].some(
      (quote) => source.includes(`(${quote}${title}${quote}`) || source.includes(`\n    ${quote}${title}${quote}`),
    );
    expect(quoted, `${file} has no test "${title}"`).toBe(true);
    if (case_) expect(source).toContain(`['${case_}'`);
  });

  it.each(rows)('row $number names codes that exist and that its file asserts', ({ file, outcome }) => {
    for (const [, code] of (outcome ?? '').matchAll(/`([a-z0-9-]+)`/g)) {
      expect(ATTESTATION_ERROR_CODES).toContain(code);
      expect(here(file ?? '')).toContain(code);
    }
  });
});

describe('error codes', () => {
  const tests = readdirSync(new URL('.', import.meta.url)).filter(
    (name) => name.endsWith('.test.ts') && name !== 'attacks.test.ts',
  );
  const asserted = new Set(
    tests.flatMap((name) =>
      [...here(name).matchAll(/toBe\(\s*'([a-z0-9-]+)',?\s*\)|^\s*\[.*'([a-z0-9-]+)'\],?$/gm)].map(
        ([, direct, table]) => direct ?? table,
      ),
    ),
  );
  it.each(ATTESTATION_ERROR_CODES)('%s is produced by a test', (code) => {
    expect(asserted).toContain(code);
  });
});
