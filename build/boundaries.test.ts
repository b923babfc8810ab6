import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { breachesOf, checkBoundaries, circlesOf } from './boundaries.ts';

const root = '/house';

test.each([
  ['app/a.ts', "import { x } from '../contract/index.ts'", 0],
  ['app/a.ts', "import type { X } from '../attestation/index.ts'", 0],
  ['app/a.ts', "import { x } from '../attestation/index.ts'", 1],
  ['app/a.ts', "import { x } from '../native/index.ts'", 1],
  ['attestation/a.ts', "import { x } from '../contract/index.ts'", 1],
  ['native/a.ts', "import koffi from 'koffi'", 0],
  ['server/a.ts', "import koffi from 'koffi'", 1],
  ['renderer/a.tsx', "import { readFileSync } from 'node:fs'", 1],
  ['contract/a.ts', "import { createHash } from 'node:crypto'", 1],
  ['renderer/screens/a.tsx', "import { x } from '../../ui/index.ts'", 0],
  ['server/routes/a.ts', "const x = await import('../../native/index.ts')", 1],
  ['server/a.ts', "export { x } from '../demo/main.ts'", 1],
  ['main/a.ts', "import { app } from 'electron'", 0],
  ['app/a.ts', "import { app } from 'electron'", 1],
  ['server/a.test.ts', "import { x } from '../demo/softwareTpm.ts'", 0],
])('%s: %s breaks %i rules', (file, text, count) => {
  expect(breachesOf(`${root}/${file}`, text, root)).toHaveLength(count);
});

test('a breach says which room may import what', () => {
  const [breach] = breachesOf(`${root}/app/a.ts`, "import { x } from '../server/index.ts'", root);
  expect(breach?.why).toBe('app/ may import contract, not server/');
});

test.each<[string, Record<string, string>, string[]]>([
  ['two files', { 'app/a.ts': "import { b } from './b.ts'", 'app/b.ts': "import { a } from './a.ts'" }, ['app/b.ts']],
  [
    'a file further on',
    {
      'app/start.ts': "import { a } from './a.ts'",
      'app/a.ts': "import { b } from './x/b.ts'",
      'app/x/b.ts': "import { c } from '../c.ts'",
      'app/c.ts': "export { a } from './a.ts'",
    },
    ['app/c.ts'],
  ],
  ['a file and itself', { 'app/a.ts': "import './a.ts'" }, ['app/a.ts']],
  ['types', { 'app/a.ts': "import type { B } from './b.ts'", 'app/b.ts': "import { a } from './a.ts'" }, []],
  ['a late import', { 'app/a.ts': "await import('./b.ts')", 'app/b.ts': "import { a } from './a.ts'" }, []],
  [
    'two ways to one file',
    {
      'app/a.ts': "import { b } from './b.ts'\nimport { c } from './c.ts'",
      'app/b.ts': "import { c } from './c.ts'",
      'app/c.ts': '',
    },
    [],
  ],
])('circles at run time: %s', (_name, files, closing) => {
  const sources = new Map(Object.entries(files).map(([name, text]) => [`${root}/${name}`, text]));
  expect(circlesOf(sources, root).map(({ file }) => file)).toEqual(closing);
});

test('this house keeps its own rules', () => {
  expect(checkBoundaries(fileURLToPath(new URL('..', import.meta.url)))).toEqual([]);
});
