import { expect, it } from 'vitest';
import { type FileReport, listOfLate, type Report, withSecondTry, worthSecondTry } from './testReport.ts';

const file = (name: string, tests: Record<string, 'passed' | 'failed' | 'skipped'>, message = ''): FileReport => {
  const assertionResults = Object.entries(tests).map(([fullName, status]) => ({
    fullName,
    status,
    failureMessages: status === 'failed' ? [`${fullName} went wrong\n    at somewhere`] : [],
  }));
  const failed = message !== '' || Object.values(tests).includes('failed');
  return { name, status: failed ? 'failed' : 'passed', message, assertionResults };
};
const run = (testResults: FileReport[], errors: Report['errors'] = []): Report => ({ testResults, errors });
const listed = (first: Report, second: Report) =>
  listOfLate(withSecondTry(first, second).late, (name) => name.slice(1));

it('only a few failed files are tried again, and none where nobody knows what failed', () => {
  const bad = (name: string) => file(name, { one: 'failed' });
  expect(worthSecondTry(run([bad('/a'), file('/b', { one: 'passed' }), file('/c', {}, 'no import')]))).toEqual([
    '/a',
    '/c',
  ]);
  expect(worthSecondTry(run(['/a', '/b', '/c', '/d'].map(bad)))).toEqual([]);
  expect(worthSecondTry(run([file('/b', { one: 'passed' })], [{ file: '/b', message: 'x' }]))).toEqual(['/b']);
  expect(worthSecondTry(run([bad('/a')], [{ file: null, message: 'x' }]))).toEqual([]);
});

it('what passes only then is listed by name, and counts by what the second try found of its whole file', () => {
  const first = run([file('/a', { one: 'failed', two: 'passed' }), file('/b', { three: 'passed' })]);
  const second = run([file('/a', { one: 'passed', two: 'passed' })]);
  expect(withSecondTry(first, second).report).toEqual(
    run([second.testResults[0] as FileReport, first.testResults[1] as FileReport]),
  );
  expect(listed(first, second)).toEqual(['passed only at the second try: a: one (at first: one went wrong)']);
});

it('what fails twice, or fails the second time alone, has failed', () => {
  const first = run([file('/a', { one: 'failed', two: 'passed', three: 'failed' })]);
  const second = run([file('/a', { one: 'failed', two: 'failed', three: 'passed' })]);
  expect(withSecondTry(first, second).report).toEqual(second);
  expect(listed(first, second)).toEqual(['passed only at the second try: a: three (at first: three went wrong)']);
});

it('a file that could not be run, and an error that no test waited for, are listed too', () => {
  const first = run(
    [file('/a', { one: 'skipped' }, 'The hook timed out.'), file('/b', { two: 'passed' })],
    [{ file: '/b', message: 'ECONNRESET\n    at a socket' }],
  );
  const second = run([file('/a', { one: 'passed' }), file('/b', { two: 'passed' })]);
  expect(withSecondTry(first, second).report).toEqual(second);
  expect(listed(first, second)).toEqual([
    'passed only at the second try: a: the file as a whole (at first: The hook timed out.)',
    'passed only at the second try: b: the file as a whole (at first: ECONNRESET)',
  ]);
  expect(withSecondTry(first, first).report).toEqual(first);
});

it('what the second try did not reach stays as it was', () => {
  const first = run([file('/a', { one: 'failed' })], [{ file: '/a', message: 'x' }]);
  expect(withSecondTry(first, run([]))).toEqual({ report: first, late: [] });
});
