import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../demo/main.ts', import.meta.url));
// Never this machine's own TPM, never a desktop window: the demo sees neither display nor Electron.
const environment = { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '', ELECTRON_EXECUTABLE: '' };

export type Ended = { code: number | null; stdout: string; stderr: string };

const start = (args: string[]) => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], { env: environment });
  // However the suite ends, what it started ends with it: the demo takes its own children along.
  const end = () => child.kill('SIGTERM');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  return child;
};

/** `npm start -- …` from where its set-up is done, to its end. */
export const runDemo = (args: string[]): Promise<Ended> => ended(start(args));

export type RunningDemo = {
  inventory: string;
  console: string;
  window: string;
  administrator: { email: string; password: string };
  person: { email: string; password: string };
  output: string;
  /** Ctrl-C, in as many copies as terminal, npm and shell make of it. */
  interrupt(): Promise<Ended>;
};

/** `npm start` until it has printed its addresses. */
export async function startDemoProcess(args: string[]): Promise<RunningDemo> {
  const child = start(args);
  const result = ended(child);
  let output = '';
  await new Promise<void>((ready, failed) => {
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.includes('Ctrl-C')) ready();
    });
    result.then(({ code, stderr }) => failed(new Error(`the demo ended with ${code}: ${stderr}`)), failed);
  });
  const find = (pattern: RegExp): string => {
    const found = pattern.exec(output)?.[1];
    if (!found) throw new Error(`the demo did not print ${pattern}: ${output}`);
    return found;
  };
  return {
    inventory: find(/^Inventory +(\S+)/m),
    console: find(/^Admin console +(\S+)/m),
    window: find(/^Window +(\S+)/m),
    administrator: { email: find(/sign in as (\S+),/), password: find(/sign in as \S+, password (\S+)/) },
    person: { email: find(/demo person: (\S+),/), password: find(/demo person: \S+, password (\S+)/) },
    output,
    interrupt() {
      for (let copy = 0; copy < 3; copy++) child.kill('SIGINT');
      return result;
    },
  };
}

function ended(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (code) => done({ code, stdout, stderr }));
  });
}
