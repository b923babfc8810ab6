import type { ExitCode } from './exitCodes.ts';

export type Option = {
  name: string;
  summary: string;
  /** Placeholder of its value; an option without one is a switch. */
  value?: string;
};

export type Values = {
  readonly flags: ReadonlySet<string>;
  readonly texts: ReadonlyMap<string, string>;
  /** What stands behind the command's words. */
  readonly rest: readonly string[];
};

/** What a handler may touch of the process. */
export type Context = {
  /** Writes to standard output, as it is. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
  readonly isTerminal: boolean;
  readonly signal: AbortSignal;
  readonly version: string;
};

export type Handler = (values: Values, context: Context) => Promise<ExitCode>;

export type Command = {
  path: readonly string[];
  summary: string;
  /** Left out of the overview and of completion; the manual page names it. */
  hidden?: boolean;
  description: readonly string[];
  /** One word behind the command, or several. */
  argument?: { name: string; choices?: readonly string[]; optional?: true; several?: true };
  options: readonly Option[];
  examples: readonly (readonly [line: string, meaning: string])[];
  load(): Promise<Handler>;
};

/** A command line that is not understood: message for people, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly advice: string;

  constructor(message: string, advice = 'muster --help lists the commands, and muster COMMAND --help explains one.') {
    super(message);
    this.advice = advice;
  }
}

export const commandName = (command: Pick<Command, 'path'>): string => ['muster', ...command.path].join(' ');
