import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { createTpmAttestor, openTpm, type TpmEndorsement } from '../../native/index.ts';

export type SocketTpm = {
  /** A UNIX socket, which Go's TPM libraries take as a device. */
  device: string;
  /** What Muster's own `native` reads of the same TPM, before the stock client sees it. */
  endorsement: TpmEndorsement;
  permanentIdentifier: string;
  rootCertificate: string | undefined;
  issuerCertificate: string | undefined;
  stop(): Promise<void>;
};

/** A software TPM, read once with Muster's own code, then served on a UNIX socket, one connection for each command. */
export async function startSocketTpm(folder: string): Promise<SocketTpm> {
  await mkdir(folder, { recursive: true });
  const software = await startSoftwareTpm({ folder });
  const endorsement = await readEndorsement(software.tcti).finally(software.stop);
  const device = join(folder, 'tpm');
  const child = spawn(
    'swtpm',
    [
      ...['socket', '--tpm2', '--tpmstate', `dir=${join(folder, 'state')}`, '--flags', 'not-need-init,startup-clear'],
      ...['--server', `type=unixio,path=${device}`],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = once(child, 'exit');
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors = `${errors}${chunk}`.slice(-1000);
  });
  for (let tries = 0; tries < 100 && !existsSync(device) && child.exitCode === null; tries += 1) await wait(30);
  if (!existsSync(device)) throw new Error(`swtpm did not open ${device}. ${errors}`);
  return {
    device,
    endorsement,
    permanentIdentifier: endorsement.eks[0]?.permanentIdentifier ?? '',
    rootCertificate: software.rootCertificate,
    issuerCertificate: software.issuerCertificate,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function readEndorsement(tcti: string): Promise<TpmEndorsement> {
  const tpm = await openTpm({ tcti, inProcess: true });
  const attestor = createTpmAttestor(tpm);
  return attestor.readEndorsement().finally(() => attestor.close());
}
