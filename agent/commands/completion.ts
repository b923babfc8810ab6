import { type Command, type Handler, UsageError } from '../command.ts';
import { COMMANDS as ALL } from '../commandTable.ts';
import { EXIT } from '../exitCodes.ts';
import { COMMON } from '../parse.ts';

const COMMANDS = ALL.filter(({ hidden }) => !hidden);

export const completion: Handler = async (values, context) => {
  context.out(completionScript(values.rest[0] ?? ''));
  return EXIT.ok;
};

/** A completion script from the command table, without a call back into `muster`: nothing to start at each Tab. */
export function completionScript(shell: string): string {
  switch (shell) {
    case 'bash':
      return bash();
    case 'zsh':
      return `#compdef muster\nautoload -U +X bashcompinit && bashcompinit\n${bash()}`;
    case 'fish':
      return fish();
    default:
      throw new UsageError('SHELL is one of bash, zsh, fish.');
  }
}

const optionsOf = (command: Command) => [...command.options, ...COMMON].map(({ name }) => `--${name}`);
const nextWords = (path: readonly string[]) => [
  ...new Set(
    COMMANDS.filter(
      (command) => command.path.length > path.length && path.every((word, at) => command.path[at] === word),
    ).map((command) => command.path[path.length] ?? ''),
  ),
];

function bash(): string {
  const paths = new Map<string, string[]>([['', [...nextWords([]), '--help', '--version']]]);
  for (const command of COMMANDS) {
    for (let length = 1; length <= command.path.length; length += 1) {
      const path = command.path.slice(0, length);
      const exact = COMMANDS.find((other) => other.path.join(' ') === path.join(' '));
      paths.set(path.join(' '), [
        ...nextWords(path),
        ...(exact?.argument?.choices ?? []),
        ...(exact ? optionsOf(exact) : []),
      ]);
    }
  }
  const cases = [...paths].map(([path, words]) => `    "${path}") words="${words.join(' ')}" ;;`);
  return `_muster() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _muster muster
`;
}

function fish(): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  const lines = ['complete -c muster -f'];
  for (const command of COMMANDS) {
    const [first, second] = command.path;
    const seen = `__fish_seen_subcommand_from ${first}`;
    if (second === undefined) {
      lines.push(`complete -c muster -n __fish_use_subcommand -a ${first} -d ${quoted(command.summary)}`);
    } else {
      lines.push(`complete -c muster -n ${quoted(seen)} -a ${second} -d ${quoted(command.summary)}`);
    }
    const condition = second === undefined ? seen : `${seen}; and __fish_seen_subcommand_from ${second}`;
    for (const choice of command.argument?.choices ?? [])
      lines.push(`complete -c muster -n ${quoted(seen)} -a ${choice}`);
    for (const option of [...command.options, ...COMMON]) {
      const value = 'value' in option && option.value ? ' -r' : '';
      lines.push(`complete -c muster -n ${quoted(condition)} -l ${option.name}${value} -d ${quoted(option.summary)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
