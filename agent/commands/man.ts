import type { Command, Handler } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { exitCodeRows, spelled, synopsis } from '../help.ts';
import { COMMON } from '../parse.ts';

export function man(commands: readonly Command[]): Handler {
  return async (_values, context) => {
    context.out(manPage(commands, context.version));
    return EXIT.ok;
  };
}

/** muster(1) in man(7) macros, from the command table. */
export function manPage(commands: readonly Command[], version: string): string {
  const lines = [
    `.TH MUSTER 1 "" "Muster ${version}" "User Commands"`,
    '.SH NAME',
    'muster \\- put this device into an inventory, proven by its own hardware',
    '.SH SYNOPSIS',
    '.B muster',
    '.I COMMAND',
    '[OPTIONS]',
    '.SH DESCRIPTION',
    'Muster proves this device with its TPM, or claims its serial number on a Mac, and registers it under the person who signs in. An administrator approves it.',
    '.PP',
    'Errors go to standard error as one sentence and advice; with',
    '.B \\-\\-json',
    'as one JSON object.',
    '.SH COMMANDS',
  ];
  for (const command of commands) {
    lines.push('.TP', `.B ${escaped(synopsis(command))}`, escaped(command.summary));
    for (const text of command.description) lines.push('.IP', escaped(text));
    for (const option of command.options)
      lines.push('.RS', '.TP', `.B ${escaped(spelled(option))}`, escaped(option.summary), '.RE');
    for (const [line, meaning] of command.examples) {
      lines.push('.RS', '.PP', 'Example:', `.B ${escaped(line)}`, ...(meaning ? ['.br', escaped(meaning)] : []), '.RE');
    }
  }
  lines.push('.SH OPTIONS OF EVERY COMMAND');
  for (const option of COMMON) lines.push('.TP', `.B \\-\\-${option.name}`, escaped(option.summary));
  lines.push('.SH EXIT STATUS');
  for (const [code, meaning] of exitCodeRows()) lines.push('.TP', `.B ${code}`, escaped(meaning));
  lines.push(
    '.SH FILES',
    '.TP',
    '.I ~/.local/state/muster',
    'Saved state on Linux ($XDG_STATE_HOME/muster): keys that only this TPM can load, and what the server last said. On Windows %LOCALAPPDATA%\\\\Muster, on macOS ~/Library/Application Support/Muster.',
    '.SH SEE ALSO',
    '.BR tpm2_createek (1),',
    '.BR tpm2_quote (1)',
  );
  return `${lines.join('\n')}\n`;
}

/** Backslashes and hyphens as roff wants them, and no line that begins like a request. */
function escaped(text: string): string {
  const plain = text.replaceAll('\\', '\\\\').replaceAll('-', '\\-').replaceAll('’', "'").replaceAll('…', '...');
  return /^[.']/.test(plain) ? `\\&${plain}` : plain;
}
