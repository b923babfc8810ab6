/** `npm start`: the whole of Muster on this machine, for a look. Composition root of the demo. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError, createApp, createLineLogger, silentLogger, toUserError } from '../app/index.ts';
import { buildDesktop } from '../build/desktop.ts';
import { hasUsableTpm } from '../build/systemPackages.mjs';
import { buildWeb } from '../build/web.ts';
import { startBrowserHost } from '../main/browserHost/index.ts';
import packageJson from '../package.json' with { type: 'json' };
import { readArguments, USAGE } from './arguments.ts';
import { demoPorts, platformName } from './client.ts';
import { type Demo, startDemo } from './demo.ts';
import { DemoFailure } from './failure.ts';
import { runOnce } from './once.ts';
import { openState } from './state.ts';
import { systemBrowser } from './systemBrowser.ts';
import { findElectron, openElectron } from './window.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

async function main(): Promise<number> {
  const options = readArguments(process.argv.slice(2));
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const interruption = watchInterruptions();
  const state = await openState(options.state ?? join(root, '.muster'), options.port);
  try {
    const web = options.once ? undefined : await buildWeb(root);
    // swtpm is a Linux program; elsewhere the machine shows what it has: Windows its TPM, a Mac its claim.
    const ownHardware = process.platform !== 'linux' || hasUsableTpm();
    const demo = await startDemo({
      state,
      acceptSoftwareTpm: options.acceptSoftwareTpm,
      ownHardware,
      consoleFolder: web?.consoleFolder,
    });
    try {
      if (!web) {
        const log = process.env.MUSTER_LOG
          ? createLineLogger((line) => process.stderr.write(`${line}\n`), 'debug')
          : silentLogger;
        console.log(JSON.stringify(await runOnce(demo, packageJson.version, log)));
        return 0;
      }
      return await showWindow(demo, web.rendererFolder, interruption());
    } finally {
      await demo.close();
    }
  } finally {
    state.release();
  }
}

/** Opens the window and keeps everything running until the person ends it. */
async function showWindow(demo: Demo, rendererFolder: string, ended: Promise<void>): Promise<number> {
  const { person, administrator } = demo.people;
  console.log(`Inventory          ${demo.origin}   API reference: ${demo.origin}/api/reference`);
  console.log(`API token          ${demo.apiToken}   for scripts, with every scope`);
  console.log(
    `Admin console      ${demo.origin}/console/   sign in as ${administrator.email}, password ${administrator.password}`,
  );
  console.log(`Identity provider  ${demo.issuer}   demo person: ${person.email}, password ${person.password}`);
  console.log(
    demo.tcti === undefined
      ? `Hardware           this machine's own${process.platform === 'darwin' ? ': a Mac enrols by a claim, which is never high-assurance' : ' TPM'}`
      : `Hardware           software TPM, made for this demo: proves nothing, trusted by this demo only   for npx muster: --tcti ${demo.tcti}`,
  );
  const electron = findElectron(root, process.env, process.platform);
  if ('executable' in electron) {
    console.log('Window             opens as a desktop app');
    const { main } = await buildDesktop(root);
    const child = openElectron(electron.executable, main, {
      serverUrl: demo.origin,
      tcti: demo.tcti,
      folder: demo.folder,
    });
    const closed = new Promise<void>((done) => child.once('exit', () => done()));
    await Promise.race([ended, closed]);
    child.kill();
    return 0;
  }
  const ports = demoPorts({
    folder: demo.folder,
    tcti: demo.tcti,
    browser: systemBrowser(process.env, process.platform),
    log: silentLogger,
  });
  const app = createApp(ports, {
    version: packageJson.version,
    platform: platformName(),
    host: 'browser',
    serverUrl: demo.origin,
    help: { help: `${demo.origin}/api/reference`, privacy: `${demo.origin}/api/reference` },
  });
  const host = await startBrowserHost({ app, rendererFolder });
  try {
    console.log(`Window             ${host.url}   (${electron.missing}: the same window in your browser)`);
    console.log('Ctrl-C ends everything; what is enrolled stays.');
    await app.start();
    await ended;
  } finally {
    await host.close();
    await app.close();
  }
  return 0;
}

/**
 * Ctrl-C ends this process at once, and with it what it started. Once everything stands, whoever calls the answer is told instead and
 * ends things in order. The terminal, npm and its shell may each pass on the same Ctrl-C; one that comes later ends the waiting.
 */
function watchInterruptions(): () => Promise<void> {
  let tell: (() => void) | undefined;
  let toldAt: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (toldAt !== undefined && performance.now() - toldAt < 1000) return;
      if (!tell) process.exit(130);
      tell();
      tell = undefined;
      toldAt = performance.now();
    });
  }
  return () =>
    new Promise((done) => {
      tell = done;
    });
}

function report(error: unknown): number {
  if (error instanceof DemoFailure) process.stderr.write(`${error.code}: ${error.message}\n${error.advice}\n`);
  else if (error instanceof AppError || (error instanceof Error && 'code' in error && 'advice' in error)) {
    const { code, detail, advice } = toUserError(error);
    process.stderr.write(`${code}: ${detail}\n${advice}\n`);
  } else {
    process.stderr.write(
      `unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\nThis is a defect of Muster; please report it with the lines above.\n`,
    );
  }
  return 1;
}

process.exitCode = await main().catch(report);
