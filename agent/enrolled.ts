import { AppError } from '../app/errors.ts';
import { createApp, type MusterApp, type Ports } from '../app/index.ts';
import { type EnrollmentRecord, openSlots } from '../app/records.ts';
import type { Context } from './command.ts';
import { platformName } from './compose.ts';

/** The saved enrolment, without starting anything. */
export function readEnrollment(ports: Ports): Promise<EnrollmentRecord | undefined> {
  return openSlots(ports.store).enrollment.read();
}

/** Thrown where a command needs an enrolled device; exit code 7. */
export class NotEnrolled extends Error {
  override readonly name = 'NotEnrolled';
  readonly code = 'not-enrolled';
  readonly advice = 'Enrol it: muster enroll --server URL --device-flow';
  constructor() {
    super('This device is not enrolled.');
  }
}

/** Runs the core over an enrolled device and closes it again. */
export async function withEnrolled<T>(
  ports: Ports,
  context: Context,
  work: (app: MusterApp, record: EnrollmentRecord) => Promise<T>,
): Promise<T> {
  const record = await readEnrollment(ports);
  if (!record) throw new NotEnrolled();
  const app = createApp(ports, {
    version: context.version,
    platform: platformName(),
    host: 'browser',
    serverUrl: record.origin,
    help: { help: record.origin, privacy: record.origin },
  });
  try {
    await app.start();
    return await untilAborted(work(app, record), context.signal);
  } finally {
    await app.close();
  }
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(new AppError('sign-in-cancelled', 'Interrupted.'));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
