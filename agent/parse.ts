import { type Command, commandName, UsageError, type Values } from './command.ts';

/** Options that every command takes. */
export const COMMON = [
  { name: 'help', summary: 'Show help.' },
  { name: 'debug', summary: 'Show details of errors, and log to standard error.' },
] as const;

/** The command with the longest matching path, and the words behind it. */
export function findCommand(
  commands: readonly Command[],
  args: readonly string[],
): { command: Command; rest: string[] } | undefined {
  const leading = args.findIndex((word) => word.startsWith('-'));
  const words = leading < 0 ? args : args.slice(0, leading);
  const [best] = commands
    .filter(({ path }) => path.every((word, at) => words[at] === word))
    .sort((a, b) => b.path.length - a.path.length);
  return best && { command: best, rest: args.slice(best.path.length) };
}

/**
 * What may have been meant by words that are no command: the commands that begin with them, or those whose next word begins like the one
 * that is wrong. Undefined where the words are a command, or nothing is near.
 */
export function nearCommands(commands: readonly Command[], args: readonly string[]): string | undefined {
  const leading = args.findIndex((word) => word.startsWith('-'));
  const words = leading < 0 ? args : args.slice(0, leading);
  const known = words.findIndex((_, at) => !commands.some(({ path }) => begins(path, words.slice(0, at + 1))));
  if (known < 0) {
    if (commands.some(({ path }) => path.length === words.length && begins(path, words))) return undefined;
    const below = commands.filter(({ path, hidden }) => !hidden && begins(path, words));
    return below.length > 0 ? `Say which: ${below.map(commandName).join(', ')}.` : undefined;
  }
  const wrong = words[known] ?? '';
  const found = commands.filter(
    ({ path, hidden }) =>
      !hidden &&
      begins(path, words.slice(0, known)) &&
      wrong.length > 1 &&
      path[known]?.slice(0, 3) === wrong.slice(0, 3),
  );
  const near = [...new Set(found.map(({ path }) => commandName({ path: path.slice(0, known + 1) })))];
  return near.length > 0
    ? `There is no command "${words.slice(0, known + 1).join(' ')}". Did you mean ${near.join(' or ')}?`
    : undefined;
}

const begins = (path: readonly string[], words: readonly string[]): boolean =>
  words.every((word, at) => path[at] === word);

/** Reads options by the command's table: `--name`, `--name value`, `--name=value`. Throws UsageError. */
export function parseValues(command: Command, args: readonly string[]): Values {
  const flags = new Set<string>();
  const texts = new Map<string, string>();
  const rest: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (word === '-h') {
      flags.add('help');
      continue;
    }
    if (!word.startsWith('--')) {
      rest.push(word);
      continue;
    }
    const equals = word.indexOf('=');
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    const option = command.options.find((known) => known.name === name) ?? COMMON.find((known) => known.name === name);
    if (!option) throw new UsageError(`${commandName(command)} has no option --${name}.${suggestion(command, name)}`);
    const value: string | undefined = 'value' in option ? option.value : undefined;
    if (value === undefined) {
      if (equals >= 0) throw new UsageError(`--${name} takes no value.`);
      flags.add(name);
      continue;
    }
    const text = equals < 0 ? args[++at] : word.slice(equals + 1);
    if (text === undefined || text === '') throw new UsageError(`--${name} needs a value: --${name} ${value}.`);
    if (texts.has(name)) throw new UsageError(`--${name} is given twice.`);
    texts.set(name, text);
  }
  if (!flags.has('help')) checkRest(command, rest);
  return { flags, texts, rest };
}

function checkRest(command: Command, rest: readonly string[]): void {
  const { argument } = command;
  if (!argument && rest.length > 0)
    throw new UsageError(`${commandName(command)} does not take ${shown(rest[0] ?? '')}.`);
  if (argument && !argument.optional && rest.length === 0)
    throw new UsageError(`${commandName(command)} needs ${argument.name}.`);
  if (argument && !argument.several && rest.length > 1)
    throw new UsageError(`${commandName(command)} takes one ${argument.name}, and no ${shown(rest[1] ?? '')}.`);
  if (argument?.choices && !argument.choices.includes(rest[0] ?? '')) {
    throw new UsageError(`${argument.name} is one of ${argument.choices.join(', ')}.`);
  }
}

function suggestion(command: Command, name: string): string {
  const near = command.options.find((option) => option.name.startsWith(name.slice(0, 3)));
  return near ? ` Did you mean --${near.name}?` : '';
}

/** A secret that somebody passed after all is not said again: what is told here ends in logs. */
function shown(word: string): string {
  return /muster_[a-z]+_/.test(word) ? 'a secret as an argument, where other programs can read it' : `"${word}"`;
}
