import type { Context } from './command.ts';

/** Two columns; control characters of the machine's own texts are shown as spaces. */
export function printRows(context: Context, rows: readonly (readonly [string, string])[]): void {
  const left = Math.max(...rows.map(([name]) => name.length)) + 2;
  for (const [name, value] of rows) context.out(`${name.padEnd(left)}${value.replace(/\p{Cc}/gu, ' ')}\n`);
}

export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export function pem(label: string, der: Uint8Array): string {
  const lines = base64(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** Lines of at most `width` characters, broken at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line];
}
