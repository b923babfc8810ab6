/**
 * `npm run bench:native`: three ratios on a software TPM, side by side in one run, and the memory of the idle agent. Not a test: figures vary with the
 * machine, and only the ratios carry over. Needs swtpm, tpm2-tools, openssl and dist/agent (npm run build:agent).
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { makeCredential, toHex } from '../../attestation/index.ts';
import { startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { createTpmAttestor, type OpenTpmOptions, openTpm } from '../../native/index.ts';
import { measureIdleAgent, type Resident } from './idleAgent.ts';

const MUSTER = fileURLToPath(new URL('../../dist/agent/muster', import.meta.url));
const RUNS = Number(process.env.RUNS ?? 25);
const WARM_UP = 5;

/** What an engineer would run instead: make the EK, read its public key as DER, hash it. */
const TOOLS = `#!/bin/sh
set -e
d=$(mktemp -d)
tpm2_createek -Q -c "$d/ek.ctx" -G rsa -u "$d/ek.pub"
tpm2_flushcontext -Q -t
tpm2_readpublic -Q -c "$d/ek.ctx" -f der -o "$d/ek.der" > /dev/null
tpm2_flushcontext -Q -t
printf 'urn:ek:sha256:'
openssl dgst -sha256 -binary "$d/ek.der" | openssl base64
rm -r "$d"
`;

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const ms = (value: number) => `${value.toFixed(1)} ms`;

function timed(command: string, args: string[], env: Record<string, string> = {}): { ms: number; output: string } {
  const since = performance.now();
  const run = spawnSync(command, args, { env: { ...process.env, ...env }, encoding: 'utf8' });
  const took = performance.now() - since;
  if (run.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${run.error?.message ?? run.stderr}`);
  return { ms: took, output: run.stdout.trim() };
}

/** Takes turns, so that a slow second of the machine hits both. */
function sideBySide(runs: number, ...jobs: (() => number)[]): number[] {
  const all = jobs.map(() => [] as number[]);
  for (let at = 0; at < runs; at += 1) jobs.forEach((job, which) => void all[which]?.push(job()));
  return all.map(median);
}

function fingerprint(tcti: string, script: string): void {
  const muster = () => timed(MUSTER, ['tpm', '--fingerprint', '--tcti', tcti]);
  const tools = () => timed('sh', [script], { TPM2TOOLS_TCTI: tcti });
  if (muster().output !== tools().output) throw new Error('Muster and tpm2-tools disagree on the EK URN.');
  const [ours = 0, theirs = 0] = sideBySide(
    RUNS,
    () => muster().ms,
    () => tools().ms,
  );
  report('muster tpm --fingerprint / tpm2-tools', ours / theirs, 1.5, `${ms(ours)} against ${ms(theirs)}`);
}

type Exchange = { command: Uint8Array; response: Uint8Array };

/** All TPM work of one enrolment, through Muster's verbs; answers the time of the verbs alone. */
async function attestation(options: OpenTpmOptions): Promise<number> {
  const tpm = await openTpm(options);
  const attestor = createTpmAttestor(tpm);
  let spent = 0;
  const verb = async <T>(work: () => Promise<T>): Promise<T> => {
    const since = performance.now();
    try {
      return await work();
    } finally {
      spent += performance.now() - since;
    }
  };
  try {
    const { eks } = await verb(() => attestor.readEndorsement());
    const ek = eks[0];
    if (!ek) throw new Error('The software TPM has no endorsement key.');
    const ak = await verb(() => attestor.createAttestationKey());
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const made = makeCredential({ ekPublic: ek.publicKeySpki, akName: ak.name, secret });
    await verb(() =>
      attestor.activateCredential(ak.key, ek.permanentIdentifier, made.credentialBlob, made.encryptedSecret),
    );
    const device = await verb(() => attestor.createDeviceKey());
    const binding = {
      origin: 'https://bench.example',
      challenge: secret,
      grantThumbprint: 'A'.repeat(43),
      permanentIdentifier: ek.permanentIdentifier,
    };
    await verb(() => attestor.certify(device.key, ak.key, binding));
    await verb(() => attestor.quote(ak.key, device.key, binding, { bank: 'sha256', pcrs: [0, 1, 2, 3, 4, 5, 6, 7] }));
  } finally {
    // It sends a last command: what the verbs shared leaves the TPM.
    await verb(() => attestor.close());
  }
  return spent;
}

const codeOf = (response: Uint8Array) => new DataView(response.buffer, response.byteOffset).getUint32(6);

/** The same commands over a socket of Node's, with no code of Muster's in between. */
async function replay(port: number, exchanges: Exchange[]): Promise<number> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  let answer: (response: Uint8Array) => void;
  let received: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    if (received.length < 6 || received.length < received.readUInt32BE(2)) return;
    answer(received);
    received = Buffer.alloc(0);
  });
  const since = performance.now();
  for (const { command, response } of exchanges) {
    const got = await new Promise<Uint8Array>((resolve) => {
      answer = resolve;
      socket.write(command);
    });
    const code = codeOf(got);
    if (code !== codeOf(response))
      throw new Error(`The replayed command ${toHex(command.subarray(6, 18))} failed (0x${code.toString(16)}).`);
  }
  // The verbs' last one ends its connection too.
  socket.destroy();
  const took = performance.now() - since;
  await once(socket, 'close');
  return took;
}

async function overhead(tcti: string, port: number): Promise<void> {
  const ours: number[] = [];
  const bare: number[] = [];
  let count = 0;
  for (let at = -WARM_UP; at < RUNS; at += 1) {
    const exchanges: Exchange[] = [];
    const spent = await attestation({
      tcti,
      inProcess: true,
      onExchange: (command, response) => exchanges.push({ command, response }),
    });
    const took = await replay(port, exchanges);
    // The first runs load libraries and compile code.
    if (at < 0) continue;
    ours.push(spent);
    bare.push(took);
    count = exchanges.length;
  }
  const detail = `${ms(median(ours))} against ${ms(median(bare))} for ${count} commands`;
  // Each run against its own replay: the machine is equally busy for both.
  const ratio = median(ours.map((value, at) => value / (bare[at] ?? value)));
  report('full attestation / its TPM commands alone', ratio, 1.2, detail);
}

async function stall(tcti: string): Promise<void> {
  const worst: number[] = [];
  const idle: number[] = [];
  const watched = async (list: number[], work: () => Promise<unknown>) => {
    const monitor = monitorEventLoopDelay({ resolution: 1 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    monitor.enable();
    await work();
    monitor.disable();
    list.push(monitor.max / 1e6);
  };
  for (let at = 0; at < RUNS; at += 1) {
    const since = performance.now();
    await watched(worst, () => attestation({ tcti }));
    const took = performance.now() - since;
    // What a loop that does nothing shows on this machine at this moment.
    await watched(idle, () => new Promise((resolve) => setTimeout(resolve, took)));
  }
  const value = median(worst);
  console.log(
    `longest stall of the event loop in a ceremony: ${ms(value)} (at most 10 ms; an idle loop meanwhile: ${ms(median(idle))})`,
  );
}

/** The agent as it runs for weeks: installed, enrolled, and connected to its server over https. */
async function idleMemory(tcti: string, within: string): Promise<void> {
  const { agent, node } = await measureIdleAgent({ muster: MUSTER, tcti, folder: within, seconds: 30 });
  const told = ({ rss, pss }: Resident) => `${rss.toFixed(1)} MiB resident, ${pss.toFixed(1)} of them its share`;
  const ratio = (agent.rss / node.rss).toFixed(2);
  console.log(
    `idle agent (muster status --watch, online): ${told(agent)} (at most 60); a Node that does nothing: ${told(node)}; ${ratio} times as much`,
  );
}

function report(what: string, ratio: number, limit: number, detail: string): void {
  console.log(`${what}: ${ratio.toFixed(2)} (at most ${limit}) — ${detail}`);
}

const folder = await mkdtemp(join(tmpdir(), 'muster-bench-'));
const software = await startSoftwareTpm({ folder });
try {
  const script = join(folder, 'fingerprint.sh');
  await writeFile(script, TOOLS);
  if (existsSync(MUSTER)) fingerprint(software.tcti, script);
  else console.log('muster tpm --fingerprint: skipped, dist/agent/muster is not built (npm run build:agent)');
  await overhead(software.tcti, software.port);
  await stall(software.tcti);
  if (existsSync(MUSTER) && process.platform === 'linux') await idleMemory(software.tcti, folder);
  else console.log('idle agent: skipped, it needs Linux and dist/agent/muster (npm run build:agent)');
} finally {
  await software.stop();
  await rm(folder, { recursive: true, force: true });
}
