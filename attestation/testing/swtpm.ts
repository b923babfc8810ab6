import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Whether a command can be run on this machine. */
export function has(command: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', command]).status === 0;
}

export const hasSwtpm = (): boolean => ['swtpm', 'swtpm_setup', 'swtpm_localca', 'tpm2_createak'].every(has);

/** A software TPM of our own: its folder, the certificate authority that `swtpm_setup` made for it, and a way to run tpm2-tools on it. */
export type Swtpm = {
  folder: string;
  port: number;
  /** Runs a tpm2-tools command in the folder and gives its standard output. */
  tool: (command: string, ...args: string[]) => Promise<string>;
  read: (name: string) => Uint8Array;
  write: (name: string, bytes: Uint8Array) => void;
  stop: () => Promise<void>;
};

const run = promisify(execFile);

/** Starts a software TPM with EK certificates from an own root and intermediate. Call `stop` in `finally`. */
export async function startSwtpm(options: { banks?: string } = {}): Promise<Swtpm> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-swtpm-'));
  const child: { process?: ChildProcess } = {};
  const stop = async () => {
    const running = child.process;
    if (running && running.exitCode === null && running.signalCode === null) {
      const gone = new Promise((resolve) => running.once('exit', resolve));
      running.kill('SIGKILL');
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await setUp(folder, options.banks ?? 'sha1,sha256,sha384,sha512');
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePair();
      child.process = launch(folder, port);
      if (await isReady(child.process, port)) return handle(folder, port, stop);
      child.process.kill('SIGKILL');
      if (attempt === 5) throw new Error('swtpm did not start: no free pair of ports in five attempts.');
    }
  } catch (error) {
    await stop();
    throw error;
  }
}

async function setUp(folder: string, banks: string): Promise<void> {
  const ca = join(folder, 'swtpm-localca.conf');
  const options = join(folder, 'swtpm-localca.options');
  const setup = join(folder, 'swtpm_setup.conf');
  const localca = (await run('sh', ['-c', 'command -v swtpm_localca'])).stdout.trim();
  writeFileSync(
    ca,
    `statedir = ${folder}/ca\nsigningkey = ${folder}/ca/signkey.pem\nissuercert = ${folder}/ca/issuercert.pem\ncertserial = ${folder}/ca/certserial\n`,
  );
  writeFileSync(options, '--platform-manufacturer Test\n--platform-version 1\n--platform-model Test\n');
  writeFileSync(
    setup,
    `create_certs_tool = ${localca}\ncreate_certs_tool_config = ${ca}\ncreate_certs_tool_options = ${options}\nactive_pcr_banks = ${banks}\n`,
  );
  await run('mkdir', ['-p', join(folder, 'ca')]);
  const args = [
    '--tpm2',
    '--tpmstate',
    folder,
    '--create-ek-cert',
    '--config',
    setup,
    '--pcr-banks',
    banks,
    '--overwrite',
  ];
  await run('swtpm_setup', args, { cwd: folder });
}

function launch(folder: string, port: number): ChildProcess {
  const server = [
    '--server',
    `type=tcp,port=${port},bindaddr=127.0.0.1`,
    '--ctrl',
    `type=tcp,port=${port + 1},bindaddr=127.0.0.1`,
  ];
  return spawn(
    'swtpm',
    ['socket', '--tpm2', '--tpmstate', `dir=${folder}`, ...server, '--flags', 'not-need-init,startup-clear'],
    {
      stdio: 'ignore',
    },
  );
}

/** The listener must be the process that we started: with a port taken by another emulator swtpm exits and a stranger would answer. */
async function isReady(child: ChildProcess, port: number): Promise<boolean> {
  const deadline = Date.now() + 5_000;
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    if (await listens(child.pid ?? 0, port)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

async function listens(pid: number, port: number): Promise<boolean> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const row = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find((fields) => fields[1]?.endsWith(`:${hex}`) && fields[3] === '0A');
  const inode = row?.[9];
  if (!inode) return false;
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`);
  } catch {
    return false;
  }
}

async function freePair(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const port = await freePort(0);
    if (port < 65_535 && (await freePort(port + 1)) === port + 1) return port;
  }
  throw new Error('There is no free pair of ports.');
}

function freePort(wanted: number): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(-1));
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : -1));
    });
  });
}

function handle(folder: string, port: number, stop: () => Promise<void>): Swtpm {
  const env = { ...process.env, TPM2TOOLS_TCTI: `swtpm:host=127.0.0.1,port=${port}` };
  return {
    folder,
    port,
    tool: async (command, ...args) => (await run(command, args, { cwd: folder, env, timeout: 30_000 })).stdout,
    read: (name) => new Uint8Array(readFileSync(join(folder, name))),
    write: (name, bytes) => writeFileSync(join(folder, name), bytes),
    stop,
  };
}

/** Sends one command to the TPM's data port and gives its response: for what tpm2-tools have no option for. */
export function submit(port: number, command: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const chunks: Buffer[] = [];
    socket.once('error', reject);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      const all = Buffer.concat(chunks);
      if (all.length < 6 || all.length < all.readUInt32BE(2)) return;
      socket.destroy();
      resolve(new Uint8Array(all));
    });
    socket.write(command);
  });
}
