import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from './support.ts';

const run = promisify(execFile);
const text = readFileSync(resolve(import.meta.dirname, '../../docs/api.md'), 'utf8');

/** Each example with the answer that the document shows after it, and the heading it stands under. */
const examples: { name: string; script: string; expected: unknown }[] = [];
let heading = '';
let last: (typeof examples)[number] | undefined;
for (const match of text.matchAll(/^## (.+)$|^```(sh|json)\n([\s\S]*?)^```$/gm)) {
  const [, title, language, body = ''] = match;
  if (title) heading = title;
  else if (language === 'sh') {
    last = { name: `${heading || 'introduction'} ${examples.length + 1}`, script: body, expected: undefined };
    examples.push(last);
  } else if (last) last.expected = JSON.parse(body, (_key, value) => (value === '…' ? expect.any(String) : value));
}

const hasCurl = await run('curl', ['--version']).then(
  () => true,
  () => false,
);

describe.skipIf(!hasCurl)('the examples of docs/api.md (needs curl)', () => {
  let test: TestServer;
  beforeAll(async () => {
    test = await startServer();
  });
  afterAll(() => test.close());

  it('are there', () => expect(examples.length).toBeGreaterThan(12));

  // In the order of the document: later ones build on earlier ones.
  it.each(examples)('$name', async ({ script, expected }) => {
    const { stdout } = await run('sh', ['-eu', '-c', script], {
      env: { PATH: process.env.PATH, MUSTER: test.server.origin, TOKEN: test.token },
    });
    const answer: unknown = JSON.parse(stdout);
    if (expected !== undefined) expect(answer).toMatchObject(expected as object);
  });
});
