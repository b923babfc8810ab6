import { type Command, type Handler, UsageError } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { COMMON } from '../parse.ts';

export function completion(commands: readonly Command[]): Handler {
  return async (values, context) => {
    context.out(completionScript(commands, values.rest[0] ?? ''));
    return EXIT.ok;
  };
}

/** A completion script from the command table, without a call back into `muster`: nothing to start at each Tab. */
export function completionScript(all: readonly Command[], shell: string): string {
  const commands = all.filter(({ hidden }) => !hidden);
  switch (shell) {
    case 'bash':
      return bash(commands);
    case 'zsh':
      return `#compdef muster\nautoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`;
    case 'fish':
      return fish(commands);
    case 'powershell':
      return powershell(commands);
    default:
      throw new UsageError('SHELL is one of bash, zsh, fish, powershell.');
  }
}

const optionsOf = (command: Command) => [...command.options, ...COMMON].map(({ name }) => `--${name}`);

/** What may follow each path of words; '' is the beginning. */
function wordsByPath(commands: readonly Command[]): Map<string, string[]> {
  const nextWords = (path: readonly string[]) => [
    ...new Set(
      commands
        .filter((command) => command.path.length > path.length && path.every((word, at) => command.path[at] === word))
        .map((command) => command.path[path.length] ?? ''),
    ),
  ];
  const paths = new Map<string, string[]>([['', [...nextWords([]), '--help', '--version']]]);
  for (const command of commands) {
    for (let length = 1; length <= command.path.length; length += 1) {
      const path = command.path.slice(0, length);
      const exact = commands.find((other) => other.path.join(' ') === path.join(' '));
      paths.set(path.join(' '), [
        ...nextWords(path),
        ...(exact?.argument?.choices ?? []),
        ...(exact ? optionsOf(exact) : []),
      ]);
    }
  }
  return paths;
}

function bash(commands: readonly Command[]): string {
  const cases = [...wordsByPath(commands)].map(([path, words]) => `    "${path}") words="${words.join(' ')}" ;;`);
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
complete -o default -F _muster muster
`;
}

function fish(commands: readonly Command[]): string {
  const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const at = (path: readonly string[]) => `-n ${quoted(['__muster_at', ...path].join(' '))}`;
  const lines = [
    'function __muster_at',
    '  set -l path',
    '  for word in (commandline -opc)[2..-1]',
    "    string match -q -- '-*' $word; and break",
    '    set -a path $word',
    '  end',
    '  test "$path" = "$argv"',
    'end',
    'complete -c muster -f',
  ];
  const summaries = new Map(commands.map(({ path, summary }) => [path.join(' '), summary]));
  for (const [path, words] of wordsByPath(commands)) {
    const parents = path === '' ? [] : path.split(' ');
    for (const word of words.filter((text) => !text.startsWith('-'))) {
      const summary = summaries.get([...parents, word].join(' '));
      lines.push(`complete -c muster ${at(parents)} -a ${word}${summary ? ` -d ${quoted(summary)}` : ''}`);
    }
  }
  for (const command of commands) {
    for (const option of [...command.options, ...COMMON]) {
      const value = 'value' in option ? option.value : undefined;
      const takes = value === undefined ? '' : /FILE|FOLDER|PATH/.test(value) ? ' -r -F' : ' -r';
      lines.push(`complete -c muster ${at(command.path)} -l ${option.name}${takes} -d ${quoted(option.summary)}`);
    }
  }
  for (const { path, argument } of commands) {
    if (argument && /FILE|FOLDER|PATH/.test(argument.name)) lines.push(`complete -c muster ${at(path)} -F`);
  }
  return `${lines.join('\n')}\n`;
}

/** PowerShell's own completer of native commands; Windows PowerShell 5.1 has it too. */
function powershell(commands: readonly Command[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  const table = [...wordsByPath(commands)].map(
    ([path, words]) => `  ${quoted(path)} = ${words.map(quoted).join(', ')}`,
  );
  return `Register-ArgumentCompleter -Native -CommandName muster -ScriptBlock {
  param($word, $ast, $cursor)
  $table = @{
${table.map((line) => `  ${line}`).join('\n')}
  }
  $path = ''
  foreach ($element in ($ast.CommandElements | Select-Object -Skip 1)) {
    $text = $element.ToString()
    if ($text.StartsWith('-') -or $element.Extent.EndOffset -ge $cursor) { break }
    $path = "$path $text".Trim()
  }
  $table[$path] | Where-Object { $_ -like "$word*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`;
}
