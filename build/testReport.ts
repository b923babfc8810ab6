import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** What vitest's JSON reporter writes, as far as it is read here; `errors` stand in a file of their own beside it. */
export type Result = { status: string; fullName: string; failureMessages: string[] };
export type FileReport = { name: string; status: string; message: string; assertionResults: Result[] };
/** An error that no test waited for: of the file that ran when it came, where that is known. */
export type LooseError = { file: string | null; message: string };
export type Report = { testResults: FileReport[]; errors: LooseError[] };
/** A test that failed at first and passed at the second try: `name` is null where its file itself had failed. */
export type Late = { file: string; name: string | null; reason: string };

const errorsOf = (path: string): string => `${path}.errors`;

/** A reporter of vitest that writes, beside the report at `path`, the errors that the JSON reporter leaves out. */
export const looseErrors = (path: string) => ({
  onTestRunEnd(_files: unknown, errors: readonly { message?: string; VITEST_TEST_PATH?: string }[]): void {
    const loose = errors.map(({ message = '', VITEST_TEST_PATH: file = null }): LooseError => ({ file, message }));
    writeFileSync(errorsOf(path), JSON.stringify(loose));
  },
});

export function readReport(path: string): Report {
  const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as Pick<Report, 'testResults'>;
  return { testResults, errors: JSON.parse(readFileSync(errorsOf(path), 'utf8')) as LooseError[] };
}

export function removeReport(path: string): void {
  for (const file of [path, errorsOf(path)]) rmSync(file, { force: true });
}

/** More files than these do not fail by bad luck: then something is broken, and a second try would only hide how much. */
export const MOST_TRIED_AGAIN = 3;

/** The files that failed, as absolute paths; none where too many did, or where nobody knows what failed. */
export function worthSecondTry({ testResults, errors }: Report): string[] {
  if (errors.some(({ file }) => file === null)) return [];
  const failed = testResults.filter(({ status }) => status === 'failed').map(({ name }) => name);
  const files = [...new Set([...failed, ...errors.flatMap(({ file }) => file ?? [])])];
  return files.length <= MOST_TRIED_AGAIN ? files : [];
}

/** The first run with its failed files as the second run, in processes of their own, found them; and what passed only then. */
export function withSecondTry(first: Report, second: Report): { report: Report; late: Late[] } {
  const again = new Map(second.testResults.map((file) => [file.name, file]));
  const late = first.testResults.flatMap((before): Late[] => {
    const after = again.get(before.name);
    if (!after) return [];
    const passed = (name: string) =>
      after.assertionResults.some(({ fullName, status }) => fullName === name && status === 'passed');
    const tests = before.assertionResults
      .filter(({ status, fullName }) => status === 'failed' && passed(fullName))
      .map(({ fullName, failureMessages }) => lateOf(before.name, fullName, failureMessages[0]));
    const loose = first.errors.filter(({ file }) => file === before.name).map(({ message }) => message);
    const whole = isBroken(before) ? [before.message, ...loose] : loose;
    if (after.status === 'failed') return tests;
    return [...tests, ...whole.map((message) => lateOf(before.name, null, message))];
  });
  const report = {
    testResults: first.testResults.map((file) => again.get(file.name) ?? file),
    errors: [...first.errors.filter(({ file }) => !again.has(file ?? '')), ...second.errors],
  };
  return { report, late };
}

const lateOf = (file: string, name: string | null, message = ''): Late => ({
  file,
  name,
  reason: message.split('\n')[0] ?? '',
});

/** A file that failed without a test of it that did: it could not be loaded, or what is done before or after its tests failed. */
export const isBroken = ({ status, assertionResults }: FileReport): boolean =>
  status === 'failed' && assertionResults.every((result) => result.status !== 'failed');

/** What is printed of the tests that passed only at the second try: to be mended, though this run is not refused for them. */
export function listOfLate(late: readonly Late[], shown: (file: string) => string): string[] {
  return late.map(
    ({ file, name, reason }) =>
      `passed only at the second try: ${shown(file)}: ${name ?? 'the file as a whole'} (at first: ${reason})`,
  );
}
