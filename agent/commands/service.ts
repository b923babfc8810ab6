import { createTpmAttestor, openTpm, servicePath, startTpmService } from '../../native/index.ts';
import { type Handler, UsageError } from '../command.ts';
import { EXIT } from '../exitCodes.ts';

/** Runs until it is told to end. The TPM is this machine's own: a service that took a TCTI string would load code for anyone. */
export const service: Handler = async (values, context) => {
  const path = values.texts.get('socket') ?? servicePath();
  if (path === undefined)
    throw new UsageError('There is no Muster service on this operating system: a Mac has no TPM.');
  const running = await startTpmService({ path, open: async () => createTpmAttestor(await openTpm()) });
  context.err(`The Muster service listens on ${path}.\n`);
  await new Promise<void>((resolve) => {
    if (context.signal.aborted) resolve();
    context.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await running.close();
  return EXIT.ok;
};
