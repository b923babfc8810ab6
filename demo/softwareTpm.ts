import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type SoftwareTpm = {
  /** What `--tcti` takes: the data port; the control port is the next one. */
  tcti: string;
  port: number;
  pid: number;
  /** Root of this TPM's own local CA, PEM. Undefined where it was made without a certificate. */
  rootCertificate: string | undefined;
  issuerCertificate: string | undefined;
  stop(): Promise<void>;
};

export type SoftwareTpmOptions = {
  /** Holds the TPM's state and its CA; made when absent, kept otherwise. */
  folder: string;
  /** False: a TPM whose maker gave it no endorsement-key certificate. */
  certificate?: boolean;
  /** Share one CA between several TPMs (one vendor, many machines). */
  caFolder?: string;
};

/** Starts swtpm, a TPM 2.0 in software. Its state is made once, with an endorsement-key certificate from a local CA. */
export async function startSoftwareTpm(options: SoftwareTpmOptions): Promise<SoftwareTpm> {
  const folder = resolve(options.folder);
  const ca = resolve(options.caFolder ?? join(folder, 'ca'));
  const certificate = options.certificate ?? true;
  const state = join(folder, 'state');
  if (!existsSync(join(state, 'tpm2-00.permall'))) await makeState(state, ca, certificate);
  // Read before anything is started, so that nothing has to be ended when they are gone.
  const rootCertificate = certificate ? await readFile(join(ca, 'swtpm-localca-rootca-cert.pem'), 'utf8') : undefined;
  const issuerCertificate = certificate ? await readFile(join(ca, 'issuercert.pem'), 'utf8') : undefined;
  const { port, pid, stop } = await listen(state);
  return { tcti: `swtpm:host=127.0.0.1,port=${port}`, port, pid, rootCertificate, issuerCertificate, stop };
}

/** Makes the TPM's state beside `folder` and moves it there whole, so that one interrupted in between is made anew. */
async function makeState(folder: string, ca: string, certificate: boolean): Promise<void> {
  const state = `${folder}.new`;
  await rm(state, { recursive: true, force: true });
  await mkdir(state, { recursive: true, mode: 0o700 });
  await mkdir(ca, { recursive: true, mode: 0o700 });
  const localCa = join(ca, 'localca.conf');
  const localCaOptions = join(ca, 'localca.options');
  const setup = join(ca, 'setup.conf');
  await writeFile(
    localCa,
    ['statedir', 'signingkey', 'issuercert', 'certserial']
      .map(
        (key) =>
          `${key} = ${join(ca, { statedir: '', signingkey: 'signkey.pem', issuercert: 'issuercert.pem', certserial: 'certserial' }[key] ?? '')}\n`,
      )
      .join(''),
  );
  await writeFile(localCaOptions, '--platform-manufacturer Muster\n--platform-version 1\n--platform-model Demo\n');
  await writeFile(
    setup,
    `create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = ${localCa}\ncreate_certs_tool_options = ${localCaOptions}\nactive_pcr_banks = sha256\n`,
  );
  const args = ['--tpm2', '--tpmstate', state, '--config', setup, '--pcr-banks', 'sha256', '--overwrite'];
  await run('swtpm_setup', [...args, certificate ? '--create-ek-cert' : '--createek', '--lock-nvram'], {
    timeout: 60_000,
  }).catch((error) => {
    throw new Error(
      `swtpm_setup could not make a software TPM in ${state}: ${`${error.stdout ?? ''}${error.stderr ?? ''}`.trim() || error.message}`,
    );
  });
  await rename(state, folder);
}

async function listen(state: string): Promise<{ port: number; pid: number; stop(): Promise<void> }> {
  let reason = '';
  for (let attempt = 0; attempt < 8; attempt++) {
    const port = await freePortPair();
    const child = spawn(
      'swtpm',
      [
        ...['socket', '--tpm2', '--tpmstate', `dir=${state}`, '--flags', 'not-need-init,startup-clear'],
        ...[
          '--server',
          `type=tcp,port=${port},bindaddr=127.0.0.1`,
          '--ctrl',
          `type=tcp,port=${port + 1},bindaddr=127.0.0.1`,
        ],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    // However this process ends, its TPM ends with it.
    const endToo = () => child.kill('SIGKILL');
    process.once('exit', endToo);
    const ended = new Promise<void>((done) => {
      child.once('exit', () => done());
      child.once('error', (error) => {
        errors += String(error);
        done();
      });
    }).finally(() => process.off('exit', endToo));
    // A stranger's emulator may own the port: swtpm then fails to bind and ends, and we must not talk to the stranger.
    if ((await answers(port + 1, () => child.exitCode === null)) && (await stillAlive(child, ended))) {
      return { port, pid: child.pid ?? 0, stop: () => stopChild(child, ended) };
    }
    await stopChild(child, ended);
    reason = errors.trim();
  }
  throw new Error(`The software TPM in ${state} did not start. ${reason}`);
}

async function stopChild(child: ReturnType<typeof spawn>, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await ended;
  clearTimeout(timer);
}

async function stillAlive(child: ReturnType<typeof spawn>, ended: Promise<void>): Promise<boolean> {
  await Promise.race([ended, new Promise((done) => setTimeout(done, 60))]);
  return child.exitCode === null && child.signalCode === null && child.pid !== undefined;
}

async function answers(port: number, alive: () => boolean): Promise<boolean> {
  for (const limit = performance.now() + 30_000; alive() && performance.now() < limit; ) {
    const open = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        done(true);
      });
      socket.on('error', () => done(false));
    });
    if (open) return true;
    await new Promise((done) => setTimeout(done, 30));
  }
  return false;
}

async function freePortPair(): Promise<number> {
  for (;;) {
    const port = 20_000 + 2 * Math.floor(Math.random() * 20_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}
