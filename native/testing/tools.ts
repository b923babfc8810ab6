import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** True where a program is on the PATH: suites that need an absent one skip with its name. */
export function has(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/** Runs a program and answers what it prints; throws with its errors when it fails. */
export function output(program: string, args: string[], env: Record<string, string> = {}): Uint8Array {
  const run = spawnSync(program, args, { env: { ...process.env, ...env }, timeout: 30_000 });
  if (run.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${run.error?.message ?? run.stderr}`);
  return new Uint8Array(run.stdout);
}
