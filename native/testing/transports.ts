import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findLibrary } from '../tpm/tctiLibrary.ts';
import { has } from './tools.ts';

/** A process of a test; ended with SIGTERM, with SIGKILL where that does not help. */
export type Running = { pid: number; errors(): string; alive(): boolean; stop(): Promise<void> };

/** What tpm2-abrmd needs that is not here, by name; empty where the broker can run. */
export function missingForBroker(): string[] {
  if (process.platform !== 'linux') return ['Linux'];
  return [
    ...['tpm2-abrmd', 'dbus-daemon'].filter((program) => !has(program)),
    ...(findLibrary('libtss2-tcti-tabrmd.so.0') && findLibrary('libtss2-tctildr.so.0') ? [] : ['libtss2-tcti-tabrmd']),
  ];
}

/** swtpm's control channel, swtpm_ioctls(3): a command number, answered with the capabilities. */
const CMD_GET_CAPABILITY = Uint8Array.of(0, 0, 0, 1);

/** swtpm over the state that `startSoftwareTpm` left in `folder`, on a UNIX socket instead of ports. */
export async function serveOnUnixSocket(folder: string): Promise<Running & { path: string }> {
  const path = join(folder, 'tpm.sock');
  const running = start('swtpm', [
    ...['socket', '--tpm2', '--tpmstate', `dir=${join(folder, 'state')}`, '--flags', 'not-need-init,startup-clear'],
    ...['--server', `type=unixio,path=${path}`, '--ctrl', `type=unixio,path=${path}.ctrl`],
  ]);
  // It serves its control socket once both sockets listen; the data socket takes one connection at a time and is not knocked at.
  await until(running, () => answers(`${path}.ctrl`, CMD_GET_CAPABILITY));
  return { ...running, path };
}

const BUS_VARIABLE = 'DBUS_SYSTEM_BUS_ADDRESS';

/**
 * tpm2-abrmd in front of a software TPM, on a D-Bus of its own that takes the place of the system bus for this process
 * and its children. One for the life of a process: GLib keeps its first connection to the bus.
 */
export async function startBroker(folder: string, tcti: string): Promise<Running> {
  const socket = join(folder, 'bus.sock');
  const config = join(folder, 'bus.conf');
  await writeFile(config, busConfig(socket));
  const bus = start('dbus-daemon', [`--config-file=${config}`, '--nofork', '--nopidfile']);
  const before = process.env[BUS_VARIABLE];
  const stopBus = async () => {
    if (before === undefined) delete process.env[BUS_VARIABLE];
    else process.env[BUS_VARIABLE] = before;
    await bus.stop();
  };
  try {
    await until(bus, () => answers(socket));
    process.env[BUS_VARIABLE] = `unix:path=${socket}`;
    const broker = await startBrokerAlone(tcti);
    return {
      ...broker,
      async stop() {
        await broker.stop();
        await stopBus();
      },
    };
  } catch (error) {
    await stopBus();
    throw error;
  }
}

/** tpm2-abrmd on the bus that is there, as it is started again after it ended. */
export async function startBrokerAlone(tcti: string): Promise<Running> {
  // Opens its TPM before it takes its name on the bus; asked for by name, so that no TPM of the machine is ever tried.
  const broker = start('tpm2-abrmd', ['--allow-root', '--flush-all', `--tcti=${tcti}`]);
  await until(broker, () => ownsItsName());
  return broker;
}

function busConfig(socket: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;
}

async function ownsItsName(): Promise<boolean> {
  const asked = spawn('dbus-send', [
    ...['--system', '--print-reply=literal', '--dest=org.freedesktop.DBus', '/org/freedesktop/DBus'],
    ...['org.freedesktop.DBus.NameHasOwner', 'string:com.intel.tss2.Tabrmd'],
  ]);
  let text = '';
  asked.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await new Promise((resolve) => asked.once('close', resolve).once('error', resolve));
  return text.includes('true');
}

function start(program: string, args: string[]): Running {
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      errors = (errors + chunk).slice(-4000);
    });
  }
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      errors += String(error);
      resolve();
    });
  });
  const alive = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    errors: () => errors.trim(),
    alive,
    async stop() {
      if (!alive()) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(timer);
    },
  };
}

async function until(running: Running, ready: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + 60_000;
  while (!(await ready())) {
    if (!running.alive() || performance.now() > limit) {
      await running.stop();
      throw new Error(`A process of the test did not start: ${running.errors()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Whether something takes connections there, and answers `question` where one is given. */
function answers(path: string, question?: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      if (question) socket.write(question);
      else socket.end();
    });
    let heard = question === undefined;
    socket.on('data', () => {
      heard = true;
      socket.end();
    });
    socket.setTimeout(5000, () => socket.destroy());
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(heard));
  });
}
