/**
 * The TPM service on a software TPM, as an account of its own: `node tpmService.ts {socket, tcti, uid, group, ledger}`. Starts as root, so that
 * it can read the checkout wherever that is. Prints `ready`; ends with its standard input.
 */
import { chownSync } from 'node:fs';
import { dirname } from 'node:path';
import { createTpmAttestor, openTpm, startTpmService } from '../../native/index.ts';

const { socket, tcti, uid, group, ledger } = JSON.parse(process.argv[2] ?? '{}') as {
  socket: string;
  tcti: string;
  uid: number;
  group: number;
  ledger: string;
};
const open = async () => createTpmAttestor(await openTpm({ tcti, inProcess: true }), { eventLog: false });
// Everything that is loaded when the TPM is first used is loaded while it can be read.
const first = await open();
await first.readEndorsement();
await first.close();
for (const folder of [dirname(socket), dirname(ledger)]) chownSync(folder, uid, uid);
process.setgroups?.([]);
process.setgid?.(uid);
process.setuid?.(uid);

const service = await startTpmService({
  path: socket,
  open,
  ledger,
  admission: { own: uid, group, firstPerson: 1000 },
});
process.stdout.write('ready\n');
process.stdin.on('end', () => void service.close().then(() => process.exit(0))).resume();
