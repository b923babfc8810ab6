import { createInterface } from 'node:readline/promises';
import { type Handler, UsageError } from '../command.ts';
import { composePorts } from '../compose.ts';
import { withEnrolled } from '../enrolled.ts';
import { EXIT } from '../exitCodes.ts';

export const unenroll: Handler = async (values, context) => {
  const ports = composePorts(values, context);
  return withEnrolled(ports, context, async (app, record) => {
    if (!values.flags.has('yes') && !(await confirmed(record.origin, context.signal))) return EXIT.interrupted;
    await app.bridge.invoke('unenroll', {});
    context.out(
      values.flags.has('json')
        ? `${JSON.stringify({ enrolled: false })}\n`
        : `This device has left ${record.origin}.\n`,
    );
    return EXIT.ok;
  });
};

async function confirmed(origin: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('Nobody is there to ask: add --yes to unenrol without a question.');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`Take this device out of ${origin}? [y/N] `, { signal })).trim());
  } finally {
    prompt.close();
  }
}
