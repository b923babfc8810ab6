import { createInterface } from 'node:readline/promises';
import { toAppError } from '../../app/errors.ts';
import type { Ports } from '../../app/ports.ts';
import { openSlots, type Slots } from '../../app/records.ts';
import { type Context, type Handler, UsageError, type Values } from '../command.ts';
import { composePorts } from '../compose.ts';
import { withEnrolled } from '../enrolled.ts';
import { EXIT } from '../exitCodes.ts';

/** Keys that sign no more: they are another TPM's, or their file is damaged. */
const KEYS_LOST = ['key-of-another-tpm', 'state-unreadable'];

export const unenroll: Handler = async (values, context) => {
  const ports = composePorts(values, context);
  const slots = openSlots(ports.store);
  if (await isDamaged(slots)) {
    if (!(await confirmed('Remove the damaged state of Muster?', values, context.signal))) return EXIT.interrupted;
    await reset(slots, ports);
    return left(values, context, 'The damaged state of Muster is removed.', 'the saved state is damaged');
  }
  return withEnrolled(ports, context, async (app, { origin }) => {
    if (!(await confirmed(`Take this device out of ${origin}?`, values, context.signal))) return EXIT.interrupted;
    try {
      await app.bridge.invoke('unenroll', {});
    } catch (error) {
      const { code, message } = toAppError(error);
      if (!KEYS_LOST.includes(code)) throw error;
      await app.bridge.invoke('signOut', {});
      return left(values, context, `The enrolment in ${origin} is forgotten here.`, message);
    }
    return left(values, context, `This device has left ${origin}.`);
  });
};

/** `untold` is why the server could not be told, where it could not: nothing here can sign for this device any more. */
function left(values: Values, context: Context, text: string, untold?: string) {
  if (untold !== undefined)
    context.err(
      `muster: the server was not told (${untold.replace(/\.$/, '')})\nAsk an administrator to end the enrolment there.\n`,
    );
  context.out(values.flags.has('json') ? `${JSON.stringify({ enrolled: false })}\n` : `${text}\n`);
  return EXIT.ok;
}

async function isDamaged({ enrollment, settings }: Slots): Promise<boolean> {
  for (const { read } of [enrollment, settings]) {
    const failed = await read().then(() => undefined, toAppError);
    if (failed && failed.code !== 'state-unreadable') throw failed;
    if (failed) return true;
  }
  return false;
}

/** Removes what is saved, readable or not. Error: `state-unreadable` where the folder itself cannot be used. */
async function reset({ enrollment, ceremony, settings }: Slots, ports: Ports): Promise<void> {
  for (const { remove } of [enrollment, ceremony, settings]) await remove();
  await ports.hardware.release?.().catch((error: unknown) => {
    ports.log.warn('the enrolment is still held for this account', { code: toAppError(error).code });
  });
}

async function confirmed(question: string, values: Values, signal: AbortSignal): Promise<boolean> {
  if (values.flags.has('yes')) return true;
  if (!process.stdin.isTTY) throw new UsageError('Nobody is there to ask: add --yes to unenrol without a question.');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `, { signal })).trim());
  } finally {
    prompt.close();
  }
}
