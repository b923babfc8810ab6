import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string) => readFileSync(`${root}${file}`, 'utf8');

it.each(Object.keys(packageJson.scripts))('CONTRIBUTING.md says what npm run %s is for', (script) => {
  const command = ['start', 'test'].includes(script) ? `npm ${script}` : `npm run ${script}`;
  expect(read('CONTRIBUTING.md')).toContain(`\`${command}\``);
});

it('ARCHITECTURE.md says why there is each package', () => {
  const { dependencies, devDependencies, optionalDependencies } = packageJson;
  const named = [...read('ARCHITECTURE.md').matchAll(/`([^`\s]+)`/g)].map(([, name = '']) => name);
  const patterns = named.map((name) =>
    name
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replace('*', '.+')
      .replace(/<\w+>/g, '\\w+'),
  );
  const explained = (name: string) => patterns.some((pattern) => new RegExp(`^${pattern}$`).test(name));
  const packages = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies });
  expect(packages.filter((name) => !explained(name))).toEqual([]);
});

it.each(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md'])('%s names files that are there', (page) => {
  const text = read(page);
  const written = [...text.matchAll(/`([\w.-]+(?:\/[\w.*-]*)+)`/g)].map(([, path = '']) => path);
  const linked = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path = '']) => path);
  // An example of a name that is yet to be chosen.
  const paths = [...written, ...linked].filter((path) => !path.endsWith('/Name.tsx'));
  expect(paths.length).toBeGreaterThan(1);
  expect(paths.filter((path) => globSync(path, { cwd: root }).length === 0)).toEqual([]);
});
