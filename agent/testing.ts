import type { Context } from './command.ts';
import type { ExitCode } from './exitCodes.ts';
import { run } from './main.ts';

export type Ran = { code: ExitCode; out: string; err: string };

/** Runs one command line in this process and captures what it prints; `onErr` sees standard error as it grows. For tests. */
export async function runMuster(
  args: readonly string[],
  onErr: (text: string) => void = () => undefined,
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const context: Context = {
    out: (text) => void out.push(text),
    err(text) {
      err.push(text);
      onErr(err.join(''));
    },
    isTerminal: false,
    signal: new AbortController().signal,
    version: '0.1.0',
  };
  const { code } = await run(args, context);
  return { code, out: out.join(''), err: err.join('') };
}
