import type { Logger } from '../ports.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
const RANK: Record<LogLevel, number> = { error: 0, warn: 1, info: 2, debug: 3 };

/** One JSON object a line. The core never hands it a secret: fields are numbers, booleans and short names. */
export function createLineLogger(write: (line: string) => void, level: LogLevel = 'info'): Logger {
  const at =
    (own: LogLevel): Logger['info'] =>
    (message, fields = {}) => {
      if (RANK[own] > RANK[level]) return;
      write(`${JSON.stringify({ time: new Date().toISOString(), level: own, message, ...fields })}\n`);
    };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

export const silentLogger: Logger = { info() {}, warn() {}, error() {} };
