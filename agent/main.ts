/** The `muster` command: finds the command, runs its handler, and turns whatever happens into an exit code. */
import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { type Command, type Context, UsageError, type Values } from './command.ts';
import { COMMANDS } from './commandTable.ts';
import { EXIT, type ExitCode } from './exitCodes.ts';
import type { Told } from './failure.ts';
import { findCommand, nearCommands, parseValues } from './parse.ts';

export const VERSION = '0.1.0';

/** Runs one command line. Answers its exit code; `hard` says that a native call may block the ordinary end of the process. */
export async function run(args: readonly string[], context: Context): Promise<{ code: ExitCode; hard: boolean }> {
  const json = args.includes('--json');
  const debug = args.includes('--debug');
  try {
    return { code: await dispatch(args, context), hard: false };
  } catch (error) {
    const misused = error instanceof UsageError;
    if (!misused && context.signal.aborted) return { code: EXIT.interrupted, hard: false };
    const told = misused ? misuse(error) : await (await import('./failure.ts')).describeError(error);
    if (json)
      context.err(`${JSON.stringify({ error: { code: told.code, message: told.message, advice: told.advice } })}\n`);
    else context.err(`muster: ${told.message}\n${told.advice}\n`);
    if (debug && !misused) context.err(`${error instanceof Error ? error.stack : String(error)}\n`);
    return { code: told.exit, hard: told.code === 'tpm-timeout' };
  }
}

const misuse = ({ message, advice }: UsageError): Told => ({ code: 'usage', message, advice, exit: EXIT.usage });

async function dispatch(args: readonly string[], context: Context): Promise<ExitCode> {
  const found = findCommand(COMMANDS, args);
  if (!found) return withoutCommand(args, context);
  if (!found.command.argument) {
    const near = nearCommands(COMMANDS, args);
    if (near) throw new UsageError(near);
  }
  const values = parseValues(found.command, found.rest);
  if (values.flags.has('help')) return showHelp(found.command, context);
  return handle(found.command, values, context);
}

async function handle(command: Command, values: Values, context: Context): Promise<ExitCode> {
  const handler = await command.load();
  return handler(values, context);
}

async function showHelp(command: Command, context: Context): Promise<ExitCode> {
  const { helpFor } = await import('./help.ts');
  context.out(helpFor(command, COMMANDS));
  return EXIT.ok;
}

async function withoutCommand(args: readonly string[], context: Context): Promise<ExitCode> {
  if (args[0] === '--version') {
    context.out(`muster ${VERSION}\n`);
    return EXIT.ok;
  }
  const { overview } = await import('./help.ts');
  if (args.length === 0 || args[0] === '--help' || args[0] === '-h' || args[0] === 'help') {
    const words = args[0] === 'help' ? args.slice(1) : [];
    const named = findCommand(COMMANDS, words);
    if (named && named.rest.length === 0) return showHelp(named.command, context);
    if (words.length > 0) throw unknown(words);
    context.out(overview(COMMANDS));
    return EXIT.ok;
  }
  if (args[0]?.startsWith('-')) throw new UsageError('The command comes first, and its options behind it.');
  throw unknown(args.slice(0, 1));
}

function unknown(words: readonly string[]): UsageError {
  const near = nearCommands(COMMANDS, words);
  return new UsageError(near ?? `There is no command "${words.join(' ')}".`);
}

/** Writes everything before it returns: the process may end right after. A full pipe is waited for. */
export function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The reader is gone (muster … | head): there is nobody left to tell.
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Runs the process's own command line and ends the process. */
export async function main(): Promise<void> {
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // Asked twice: whatever is being waited for is not coming.
      if (interrupted.signal.aborted) process.exit(EXIT.interrupted);
      interrupted.abort();
    });
  }
  const { code, hard } = await run(process.argv.slice(2), {
    out: (text) => writeAll(1, text),
    err: (text) => writeAll(2, text),
    isTerminal: isatty(1),
    signal: interrupted.signal,
    version: VERSION,
  });
  if (hard) (await import('../native/tpm/ffi.ts')).exitNow(code);
  process.exit(code);
}
