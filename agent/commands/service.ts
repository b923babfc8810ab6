import { join } from 'node:path';
import {
  askService,
  createTpmAttestor,
  eventLogCredential,
  NativeError,
  openTpm,
  servicePath,
  startTpmService,
} from '../../native/index.ts';
import { type Handler, UsageError, type Values } from '../command.ts';
import { stateFolder } from '../compose.ts';
import { EXIT } from '../exitCodes.ts';

/** Runs until it is told to end. The TPM is this machine's own: a service that took a TCTI string would load code for anyone. */
export const service: Handler = async (values, context) => {
  const path = socketPath(values);
  const eventLog = eventLogCredential();
  const running = await startTpmService({
    path,
    ledger: join(stateFolder(values), 'enrolment.json'),
    open: async () => createTpmAttestor(await openTpm(), eventLog === undefined ? {} : { eventLog }),
  });
  context.err(`The Muster service listens on ${path}.\n`);
  await new Promise<void>((resolve) => {
    if (context.signal.aborted) resolve();
    context.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await running.close();
  return EXIT.ok;
};

/** Ends what an account that is gone left behind: the next one to enrol this machine is let in again. */
export const serviceRelease: Handler = async (values, context) => {
  const path = socketPath(values);
  const released = await askService(async (client) => {
    await client.release();
    return true;
  });
  if (!released) {
    throw new NativeError('tpm-missing', `No Muster service answers on ${path}.`, {
      advice: 'Start it: sudo systemctl start muster-tpm',
    });
  }
  context.out('No account of this machine holds its enrolment now.\n');
  return EXIT.ok;
};

function socketPath(values: Values): string {
  const path = values.texts.get('socket') ?? servicePath();
  if (path !== undefined) return path;
  throw new UsageError(
    'There is no Muster service on this operating system: Windows asks for administrator rights once instead, and a Mac has no TPM.',
  );
}
