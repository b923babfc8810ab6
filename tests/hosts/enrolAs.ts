/**
 * The client's core as another account of this machine, over the TPM service: `node enrolAs.ts {socket, uid, groups, origin, state, leave, token}`.
 * Starts as root, so that it can read the checkout wherever that is. Prints JSON lines: where a person signs in, then how it ended.
 */
import { chownSync, mkdirSync } from 'node:fs';
// What the core loads when somebody signs in: loaded while it can be read.
import 'openid-client';
import '../../app/oauthErrors.ts';
import {
  AppError,
  createApp,
  createFileStore,
  enrolOnce,
  type Ports,
  silentLogger,
  systemClock,
  toAppError,
} from '../../app/index.ts';
import { askService, connectForEnrolment, readMachine } from '../../native/index.ts';

type Arguments = {
  socket: string;
  uid: number;
  groups: number[];
  origin: string;
  state: string;
  leave: boolean;
  token?: string;
};

const { socket, uid, groups, origin, state, leave, token } = JSON.parse(process.argv[2] ?? '{}') as Arguments;
const machine = await readMachine();
mkdirSync(state, { recursive: true, mode: 0o700 });
chownSync(state, uid, uid);
process.setgroups?.(groups);
process.setgid?.(uid);
process.setuid?.(uid);

const service = () => connectForEnrolment(socket);
const ports: Ports = {
  hardware: {
    readMachine: async () => machine,
    hold: async (at) => askService((client) => client.hold(at), service),
    release: async () => askService((client) => client.release(), service),
    async hardware() {
      const open = async () => {
        const client = await service();
        if (!client) throw new AppError('tpm-missing', 'The TPM service is not there.');
        return client;
      };
      return { kind: 'tpm', open };
    },
  },
  browser: { open: async () => undefined },
  store: createFileStore(state),
  clock: systemClock,
  log: silentLogger,
  fetch,
};
const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
try {
  if (leave) {
    const app = createApp(ports, {
      version: '0',
      platform: 'linux',
      host: 'browser',
      help: { help: origin, privacy: origin },
    });
    await app.start();
    await app.bridge.invoke('unenroll', {});
    await app.close();
    print({ left: true });
  } else {
    const device = await enrolOnce(ports, {
      serverUrl: origin,
      version: '0',
      platform: 'linux',
      signIn: token === undefined ? 'device-code' : { provisioningToken: token },
      until: 'enrolled',
      onSignIn: ({ url, userCode }) => print({ signIn: { url, userCode } }),
    });
    print({ device: { id: device.id, permanentIdentifier: device.permanentIdentifier, owner: device.owner?.email } });
  }
} catch (error) {
  const { code, message, advice } = toAppError(error);
  print({ error: { code, message, advice } });
}
process.exit(0);
