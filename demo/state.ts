import { randomBytes, randomInt } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { DemoFailure } from './failure.ts';
import { makeIdentityProviderKeys } from './identityProvider.ts';
import { makePeople } from './people.ts';

const Person = z.object({ email: z.string(), name: z.string(), password: z.string() });
const Saved = z.object({
  demo: z.literal(1),
  people: z.object({ person: Person, administrator: Person }),
  keys: z.object({
    jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())).min(1) }),
    cookieKey: z.string(),
    clientSecret: z.string(),
  }),
  ports: z.object({ server: z.int(), identityProvider: z.int() }),
  apiToken: z.string().nullable(),
});
export type DemoState = z.infer<typeof Saved>;

export type StateFolder = { path: string; saved: DemoState; save(change: Partial<DemoState>): void; release(): void };

/** Opens the state folder of one demo and keeps it for this process alone. What is in it stays when anything is wrong with it. */
export async function openState(folder: string, wantedPort: number | undefined): Promise<StateFolder> {
  const path = resolve(folder);
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error) => {
    throw new DemoFailure(
      'state-unreadable',
      `The state folder ${path} cannot be made (${error.code}).`,
      'Choose another with --state DIR.',
    );
  });
  const release = lock(path);
  try {
    const file = join(path, 'demo.json');
    const existing = read(file);
    let saved = existing ?? (await fresh());
    if (wantedPort !== undefined) saved = { ...saved, ports: { ...saved.ports, server: wantedPort } };
    await requirePort(saved.ports.server, wantedPort !== undefined);
    await requirePort(saved.ports.identityProvider, false);
    const save = (change: Partial<DemoState>) => {
      saved = { ...saved, ...change };
      write(file, saved);
    };
    save({});
    return {
      path,
      get saved() {
        return saved;
      },
      save,
      release,
    };
  } catch (error) {
    release();
    throw error;
  }
}

function read(file: string): DemoState | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw broken(file, (error as Error).message);
  }
  try {
    return Saved.parse(JSON.parse(text));
  } catch (error) {
    throw broken(file, error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message);
  }
}

const broken = (file: string, why: string) =>
  new DemoFailure(
    'state-unreadable',
    `The demo's state cannot be read: ${file}: ${why}`,
    'Nothing was changed. Repair the file, move the folder away, or choose another with --state DIR.',
  );

function write(file: string, saved: DemoState): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(saved, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

async function fresh(): Promise<DemoState> {
  const keys = await makeIdentityProviderKeys(() => randomBytes(32).toString('base64url'));
  return {
    demo: 1,
    people: makePeople(randomInt),
    keys: { ...keys, jwks: { keys: keys.jwks.keys.map((key) => ({ ...key })) } },
    // Kept between runs: devices and people are bound to the addresses they enrolled at.
    ports: await freePorts(),
    apiToken: null,
  };
}

async function freePorts(): Promise<DemoState['ports']> {
  const server = await freePort();
  for (;;) {
    const identityProvider = await freePort();
    if (identityProvider !== server) return { server, identityProvider };
  }
}

/** One process owns a state folder, at most until it ends. A lock whose process is gone is taken over. */
function lock(path: string): () => void {
  const file = join(path, 'lock');
  const release = () => {
    process.off('exit', release);
    rmSync(file, { force: true });
  };
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const descriptor = openSync(file, 'wx', 0o600);
      writeFileSync(descriptor, String(process.pid));
      closeSync(descriptor);
      process.once('exit', release);
      return release;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new DemoFailure(
          'state-unreadable',
          `The state folder ${path} cannot be written (${(error as NodeJS.ErrnoException).code}).`,
          'Choose another with --state DIR.',
        );
      }
    }
    const owner = Number(readFileSync(file, 'utf8'));
    if (owner > 0 && owner !== process.pid && alive(owner)) {
      throw new DemoFailure(
        'already-running',
        `A demo (process ${owner}) is running on ${path} already.`,
        `Use its addresses, end it with Ctrl-C, or start another with --state DIR. If that process is not Muster, one that was killed left its lock behind: remove ${file}.`,
      );
    }
    rmSync(file, { force: true });
  }
  throw new DemoFailure('already-running', `Another demo is starting on ${path}.`, 'Wait a moment and try again.');
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function requirePort(port: number, chosen: boolean): Promise<void> {
  if (await canListen(port)) return;
  throw new DemoFailure(
    'port-in-use',
    `Port ${port} is in use by another program${chosen ? '' : '; this demo used it before and its devices know that address'}.`,
    chosen
      ? 'Choose another with --port N.'
      : 'End the other program, choose another port with --port N, or start afresh with --state DIR.',
  );
}

export function canListen(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
  });
}

/**
 * A port of 127.0.0.1 that nobody listens on, for a listener that starts a little later or again. It lies below the ports that
 * systems give to outgoing connections and to listeners without a wish (from 32768 on Linux, from 49152 elsewhere), so that none of
 * those takes it in between.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const port = randomInt(10_000, 32_768);
    if (await canListen(port)) return port;
  }
  throw new DemoFailure('port-in-use', 'No free port was found on 127.0.0.1.', 'Choose one with --port N.');
}
