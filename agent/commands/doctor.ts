import { diagnose } from '../../app/diagnostics.ts';
import { LOCAL_ERRORS, toAppError } from '../../app/errors.ts';
import type { Ports } from '../../app/ports.ts';
import { openSlots } from '../../app/records.ts';
import { serverOrigin } from '../../app/serverUrl.ts';
import type { Diagnostic } from '../../contract/index.ts';
import {
  checkAuthorities,
  checkDeviceAccess,
  checkName,
  checkPolicy,
  checkProxy,
  checkTpm,
  checkTpmLibrary,
} from '../checks.ts';
import type { Context, Handler, Values } from '../command.ts';
import { composePorts } from '../compose.ts';
import { EXIT } from '../exitCodes.ts';
import { ADVICE_HERE } from '../failure.ts';
import { openManaged } from '../managed.ts';
import { wrap } from '../print.ts';
import { checkThroughService } from '../serviceChecks.ts';

export const doctor: Handler = async (values, context) => {
  const checks = await runChecks(values, composePorts(values, context));
  const status = worst(checks);
  if (values.flags.has('json')) context.out(`${JSON.stringify({ status, checks }, null, 2)}\n`);
  else for (const item of checks) print(context, item);
  return status === 'fail' ? EXIT.checkFailed : EXIT.ok;
};

/** Every check, each run for real. Nothing of this device is sent. */
export async function runChecks(
  values: Values,
  ports: Ports,
  platform: NodeJS.Platform = process.platform,
): Promise<Diagnostic[]> {
  const tcti = values.texts.get('tcti');
  const slots = openSlots(ports.store);
  // A damaged state is the core's own check below ("state"); the others go on without it.
  const record = await slots.enrollment.read().catch(() => undefined);
  const chosen = await slots.settings.read().catch(() => undefined);
  const managed = await openManaged(ports.log);
  try {
    const named =
      record?.origin ?? managed.effective('ServerUrl', values.texts.get('server') ?? chosen?.serverUrl ?? undefined);
    const { origin, problem } = readOrigin(values.texts.get('server') ?? named);
    const checks: Diagnostic[] = [];
    // Where the system service runs, this account needs neither the device nor the library.
    const served = platform === 'linux' && tcti === undefined ? await checkThroughService(record) : undefined;
    const claims = platform === 'darwin' && tcti === undefined;
    if (served) checks.push(...served);
    else {
      if (platform === 'linux' && tcti === undefined) checks.push(await checkDeviceAccess());
      if (platform === 'linux') checks.push(await checkTpmLibrary());
      if (!claims) checks.push(...(await checkTpm(tcti, record)));
    }
    checks.push(await checkPolicy(managed), await checkProxy(managed), await checkAuthorities(managed));
    if (problem) checks.push(problem);
    else checks.push(await checkName(origin));
    // The core's own look at the hardware is what `checkTpm` says in more detail; on a Mac it is the only one.
    const core = await diagnose(ports, origin);
    checks.push(...core.filter(({ id }) => claims || id !== 'hardware').map((item) => forCommand(item, core)));
    return checks;
  } finally {
    managed.close();
  }
}

/** One cause fails once: without the server there is no time to compare. What is advised is what a command can do. */
function forCommand(item: Diagnostic, all: readonly Diagnostic[]): Diagnostic {
  const code = item.finding?.code;
  if (item.status !== 'fail' || code === undefined) return item;
  const server = all.find(({ id }) => id === 'server');
  if (item.id === 'clock' && code !== 'clock-skew' && server?.finding?.code === code) {
    const detail = 'Not compared: the server did not answer.';
    return { ...item, status: 'warn', detail, remedy: 'Repair the way to the inventory server first.' };
  }
  return {
    ...item,
    remedy:
      (item.id === 'server' || item.id === 'clock' || item.remedy === LOCAL_ERRORS['state-unreadable'][1]
        ? ADVICE_HERE[code]
        : undefined) ?? item.remedy,
  };
}

function readOrigin(text: string | undefined): { origin: string | null; problem?: Diagnostic } {
  if (text === undefined) return { origin: null };
  try {
    return { origin: serverOrigin(text) };
  } catch (error) {
    const { message, advice } = toAppError(error);
    const remedy = advice ?? 'Use an https address.';
    return {
      origin: null,
      problem: { id: 'dns', title: 'Name of the server', status: 'fail', detail: message, remedy },
    };
  }
}

function worst(checks: readonly Diagnostic[]): Diagnostic['status'] {
  if (checks.some(({ status }) => status === 'fail')) return 'fail';
  return checks.some(({ status }) => status === 'warn') ? 'warn' : 'pass';
}

function print(context: Context, { status, title, detail, remedy }: Diagnostic): void {
  const colour = { pass: '32', warn: '33', fail: '31' }[status];
  const label = status.toUpperCase();
  const lines = wrap(`${title}: ${detail}`, 74);
  context.out(`${context.isTerminal ? `\u001b[${colour}m${label}\u001b[0m` : label}  ${lines.join('\n      ')}\n`);
  if (remedy && status !== 'pass') context.out(`      ${wrap(`To repair: ${remedy}`, 74).join('\n      ')}\n`);
}
