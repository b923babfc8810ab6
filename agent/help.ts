import { type Command, commandName, type Option } from './command.ts';
import { EXIT, EXIT_MEANINGS } from './exitCodes.ts';
import { COMMON } from './parse.ts';
import { wrap } from './print.ts';

const WIDTH = 80;
/** Keeps an option and its value on one line while wrapping. */
const GLUE = '\u00a0';

export function overview(commands: readonly Command[]): string {
  const rows = commands
    .filter(({ hidden }) => !hidden)
    .map((command) => [command.path.join(' '), command.summary] as const);
  return [
    'Muster puts this device into an inventory, proven by its own hardware.',
    '',
    'Usage: muster COMMAND [OPTIONS]',
    '',
    table(rows),
    '',
    'muster COMMAND --help explains a command. Begin with: muster doctor',
    '',
  ].join('\n');
}

export function helpFor(command: Command, commands: readonly Command[]): string {
  const below = commands.filter(
    (other) => other !== command && !other.hidden && command.path.every((word, at) => other.path[at] === word),
  );
  const [first = '', ...more] = wrap(
    synopsis(command).replaceAll(/\[[^\]]*\]/g, (option) => option.replaceAll(' ', GLUE)),
    WIDTH - 7,
  );
  const usage = [`Usage: ${first}`, ...more.map((line) => `         ${line}`)].map((line) =>
    line.replaceAll(GLUE, ' '),
  );
  const lines = [command.summary, '', ...usage, ''];
  for (const text of command.description) lines.push(...wrap(text, WIDTH), '');
  lines.push('Options:', table([...command.options, ...COMMON].map((option) => [spelled(option), option.summary])), '');
  if (below.length > 0) lines.push('More:', table(below.map((other) => [other.path.join(' '), other.summary])), '');
  for (const [line, meaning] of command.examples)
    lines.push('Example:', `  ${line}`, ...(meaning ? [`    ${meaning}`] : []), '');
  return lines.join('\n');
}

export function synopsis(command: Command): string {
  const word = command.argument?.choices?.join('|') ?? command.argument?.name;
  const argument = word === undefined ? '' : command.argument?.optional ? ` [${word}]` : ` ${word}`;
  return `${commandName(command)}${argument}${command.options.map((option) => ` [${spelled(option)}]`).join('')}`;
}

export function exitCodeRows(): (readonly [string, string])[] {
  return Object.entries(EXIT).map(([name, code]) => [String(code), EXIT_MEANINGS[name as keyof typeof EXIT]]);
}

export const spelled = (option: Option): string => `--${option.name}${option.value ? ` ${option.value}` : ''}`;

function table(rows: readonly (readonly [string, string])[]): string {
  const left = Math.max(...rows.map(([name]) => name.length)) + 4;
  return rows
    .flatMap(([name, text]) =>
      wrap(text, WIDTH - left).map((line, at) => `${(at === 0 ? `  ${name}` : '').padEnd(left)}${line}`),
    )
    .join('\n');
}
