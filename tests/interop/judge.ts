import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** The program at tests/interop/go: one verb, JSON in and out, bytes as base64 both ways. */
export type Judge = <Answer = { refused?: string }>(verb: string, request: Record<string, unknown>) => Promise<Answer>;

export function createJudge(program: string): Judge {
  return async (verb, request) => {
    // Go ignores a given source of randomness since 1.26 unless told otherwise.
    const env = { ...process.env, GODEBUG: 'cryptocustomrand=1' };
    const child = spawn(program, [verb], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.end(JSON.stringify(request, (_, value) => (value instanceof Uint8Array ? base64(value) : value)));
    const [answer, errors, [status]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number | null]>,
    ]);
    if (status !== 0) throw new Error(`judge ${verb}: ${errors.trim() || `ended with ${status}`}`);
    return JSON.parse(answer);
  };
}

export const base64 = (value: Uint8Array): string =>
  Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
export const bytes = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'base64'));
