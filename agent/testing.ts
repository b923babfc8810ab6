import type { Context } from './command.ts';
import type { ExitCode } from './exitCodes.ts';
import { run } from './main.ts';

/** Runs one command line in this process and captures what it prints; for tests. */
export async function runMuster(...args: string[]): Promise<{ code: ExitCode; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const context: Context = {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    isTerminal: false,
    signal: new AbortController().signal,
    version: '0.1.0',
  };
  const { code } = await run(args, context);
  return { code, out: out.join(''), err: err.join('') };
}
