import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { runMuster } from '../../agent/testing.ts';
import { freePort } from '../../demo/state.ts';
import { startWorld } from '../../server/testing/world.ts';
import { confirmAt, openedInvite, shownBy } from '../agent/atTheBrowser.ts';
import { makeAuthority } from '../hosts/authority.ts';
import { startFront } from '../hosts/front.ts';

/** Resident memory and the share of it that counts for this process, in MiB, as Linux tells them. */
export type Resident = { rss: number; pss: number };

/** `muster status --watch --json` of the installed command, and a Node that does nothing, after both were idle for `seconds`. */
export async function measureIdleAgent(options: {
  muster: string;
  tcti: string;
  folder: string;
  seconds: number;
}): Promise<{ agent: Resident; node: Resident }> {
  const { muster, tcti, folder } = options;
  const own = await makeAuthority(folder, 'localhost');
  const port = await freePort();
  const front = await startFront(port, own.leaf);
  const authorities = getCACertificates('default');
  setDefaultCACertificates([...authorities, await readFile(own.file, 'utf8')]);
  const world = await startWorld({ server: { origin: `https://localhost:${front.port}`, port } });
  const running: ChildProcess[] = [];
  const start = (command: string, args: string[]) => {
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: own.file, NO_PROXY: 'localhost' };
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    running.push(child);
    return child;
  };
  try {
    const place = ['--tcti', tcti, '--state', join(folder, 'client')];
    let confirming: Promise<string> | undefined;
    await runMuster(['enroll', '--server', world.origin, '--device-flow', ...place], (err) => {
      const shown = shownBy(err);
      if (shown.userCode !== '') confirming ??= openedInvite(world).then((cookies) => confirmAt(world, shown, cookies));
    });
    await confirming;
    const agent = start(muster, ['status', '--watch', '--json', ...place]);
    const node = start(process.execPath, ['-e', 'setInterval(() => undefined, 1e9)']);
    let printed = '';
    for await (const chunk of agent.stdout ?? []) {
      printed += chunk;
      if (printed.includes('"online":true')) break;
    }
    if (!printed.includes('"online":true')) throw new Error('The watch did not reach the server.');
    await new Promise((resolve) => setTimeout(resolve, options.seconds * 1000));
    return { agent: await resident(agent), node: await resident(node) };
  } finally {
    for (const child of running) {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    await world.close();
    await front.close();
    setDefaultCACertificates(authorities);
  }
}

async function resident({ pid, exitCode }: ChildProcess): Promise<Resident> {
  if (exitCode !== null) throw new Error('A process that was to be measured has ended.');
  const [status, rollup] = await Promise.all(
    ['status', 'smaps_rollup'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')),
  );
  const mib = (text: string | undefined, name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text ?? '')?.[1]) / 1024;
  return { rss: mib(status, 'VmRSS'), pss: mib(rollup, 'Pss') };
}
