import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { NativeError } from '../errors.ts';

/** Which account of this machine enrolled it, and where. */
export type Holding = { account: string; origin: string; since: string };

/** An enrolment under way keeps other accounts out for this long after its last step: as long as a person has for the sign-in. */
const UNDER_WAY_MS = 15 * 60_000;

/**
 * One enrolment for one TPM: remembers which account holds it, so that the agent and the app of a person do not claim one endorsement key
 * as two devices. Survives restarts where `file` is given.
 */
export async function openLedger(file: string | undefined, now: () => number = Date.now) {
  let holding = file === undefined ? undefined : await read(file);
  let underWay: { account: string; until: number } | undefined;

  const checkHolder = (account: string): void => {
    if (holding && holding.account !== account) throw heldBy(holding);
  };
  const checkUnderWay = (account: string): void => {
    if (underWay && underWay.account !== account && underWay.until > now()) {
      throw new NativeError('tpm-busy', 'Another account of this machine is enrolling it just now.', {
        advice: 'Wait until that enrolment is done. An administrator ends it with: sudo muster service release',
      });
    }
  };
  return {
    holding: () => holding,

    /** Error: `machine-enrolled` where another account holds the enrolment; root acts for whoever does. */
    checkHeld(account: string): void {
      if (account !== ROOT) checkHolder(account);
    },

    /** An enrolment makes its keys: others wait. Errors: `machine-enrolled`; `tpm-busy` where another account is enrolling just now. */
    begin(account: string): void {
      checkHolder(account);
      checkUnderWay(account);
      underWay = { account, until: now() + UNDER_WAY_MS };
    },

    /** The last connection of an account is gone: so is what it had under way. */
    gone(account: string): void {
      if (underWay?.account === account) underWay = undefined;
    },

    /** Errors: `machine-enrolled`; `tpm-busy` where another account, whose enrolment this would end, is enrolling just now. */
    async hold(account: string, origin: string): Promise<void> {
      if (account === ROOT && holding) return;
      checkHolder(account);
      checkUnderWay(account);
      if (holding?.origin !== origin) {
        const next = { account, origin, since: new Date(now()).toISOString() };
        if (file !== undefined) await write(file, next);
        holding = next;
      }
      underWay = undefined;
    },

    /** Its holder leaves, or root ends what an account left behind, also what it has under way. */
    async release(account: string): Promise<void> {
      if (account !== ROOT) checkHolder(account);
      else underWay = undefined;
      if (file !== undefined) await rm(file, { force: true });
      holding = undefined;
    },
  };
}

export type Ledger = Awaited<ReturnType<typeof openLedger>>;

/** The account that may act for any other; it does not enrol beside one. */
export const ROOT = 'uid:0';

/** `account` is also `another`, where the one who asks is not told which. */
export function heldBy({ account, origin }: Pick<Holding, 'account' | 'origin'>): NativeError {
  const byAgent = account === 'agent';
  const who = byAgent ? 'the Muster agent' : 'another account';
  const advice = byAgent
    ? 'Nothing to do: your IT enrolled this machine. Ask them if it should be yours instead.'
    : 'Unenrol it there first. If that account is gone, an administrator runs: sudo muster service release';
  return new NativeError('machine-enrolled', `This machine is enrolled at ${origin} already, by ${who}.`, { advice });
}

async function read(file: string): Promise<Holding | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new NativeError('state-folder-unusable', `${file} cannot be read.`, { cause: error });
  });
  if (text === undefined) return undefined;
  try {
    const { account, origin, since } = JSON.parse(text) as Record<string, unknown>;
    if (typeof account === 'string' && typeof origin === 'string' && typeof since === 'string')
      return { account, origin, since };
  } catch {
    // Told below: a file that was damaged is not taken for "nobody".
  }
  throw new NativeError('state-folder-unusable', `${file} is damaged: it does not say who enrolled this machine.`, {
    advice: 'Remove it if no account of this machine is enrolled.',
  });
}

async function write(file: string, holding: Holding): Promise<void> {
  const next = `${file}.new`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await using handle = await open(next, 'w', 0o600);
    await handle.writeFile(`${JSON.stringify(holding)}\n`);
    await handle.sync();
    await rename(next, file);
  } catch (cause) {
    throw new NativeError('state-folder-unusable', `${file} cannot be written.`, { cause });
  }
}
