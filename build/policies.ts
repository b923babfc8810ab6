/** `npm run policies`: writes the templates and the settings page out of the schema; `--check` only compares, and exits 1 on a difference. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { policyFiles } from './policyFiles.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const check = process.argv.includes('--check');
const files = Object.entries(policyFiles());

function current(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}

const changed = files.filter(([path, text]) => current(path) !== text);
for (const [path, text] of changed) {
  console.log(`${check ? 'differs' : 'written'}: ${path}`);
  if (check) continue;
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
console.log(`${files.length} files, ${changed.length} ${check ? 'differ' : 'written'}.`);
process.exit(check && changed.length > 0 ? 1 : 0);
