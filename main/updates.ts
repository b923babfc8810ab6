import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger, ManagedSettings } from '../app/index.ts';

/**
 * How Muster came onto this machine. `distributed`: msi, pkg, deb or rpm, or a copy that another account put there; software distribution
 * replaces it. `machine`: the Windows installer (NSIS), for everyone on the machine. `own`: a copy on a Mac that belongs to this person.
 */
export type Installation = 'development' | 'distributed' | 'machine' | 'own';

export type UpdatePlan = { kind: 'off'; reason: string } | { kind: 'notify' } | { kind: 'install' };

/** The updater behind Muster's own words (updater.ts has electron-updater's). */
export type Updater = {
  /** The version that is newer than this one, or undefined. With `install` it is fetched too, and installed when Muster ends. */
  look(install: boolean): Promise<string | undefined>;
  /** What was fetched is not installed when Muster ends; on macOS the system may have taken it over already. */
  hold(): void;
};

/** After the start, so that it does not stand in the way of an enrolment. */
export const FIRST_LOOK_MS = 2 * 60_000;
export const NEXT_LOOK_MS = 24 * 60 * 60_000;

/** Whether Muster updates itself. Where IT manages the app it does so only when IT says so in the setting `Updates`. */
export function planUpdates(
  installation: Installation,
  managed: Pick<ManagedSettings, 'effective' | 'strengths'>,
): UpdatePlan {
  if (installation === 'development') return { kind: 'off', reason: 'a development build' };
  if (installation === 'distributed') return { kind: 'off', reason: 'software distribution updates Muster' };
  const strengths = managed.strengths();
  if (strengths.updates === undefined) {
    if (installation === 'machine') return { kind: 'off', reason: 'installed for the machine, and Updates is not set' };
    if (Object.keys(strengths).length > 0) return { kind: 'off', reason: 'managed, and Updates is not set' };
  }
  const setting = managed.effective('Updates') ?? 'disabled';
  switch (setting) {
    case 'automatic':
      return { kind: 'install' };
    case 'notify':
      return { kind: 'notify' };
    case 'disabled':
      return { kind: 'off', reason: 'the setting Updates' };
    default:
      throw setting satisfies never;
  }
}

/**
 * Looks some time after the start and then daily, by the settings that hold at that moment. `open` loads the updater, and is called only
 * when a look is wanted. Failures are logged, and never reach anything else. Returns the way to stop.
 */
export function keepUpdated(parts: {
  installation: Installation;
  managed: Pick<ManagedSettings, 'effective' | 'strengths' | 'subscribe'>;
  open: () => Promise<Updater>;
  /** Called once for each version where the setting is `notify`. */
  announce: (version: string) => Promise<void>;
  log: Logger;
}): () => void {
  const { installation, managed, open, announce, log } = parts;
  if (installation === 'development' || installation === 'distributed') return () => {};
  let updater: Updater | undefined;
  let announced: string | undefined;
  let timer = setTimeout(look, FIRST_LOOK_MS);
  let stopped = false;

  async function look(): Promise<void> {
    const plan = planUpdates(installation, managed);
    try {
      if (plan.kind === 'off') log.info('Muster does not update itself', { reason: plan.reason });
      else await lookBy(plan.kind === 'install');
    } catch (error) {
      log.warn('looking for an update failed; the next look is tomorrow', { what: String(error) });
    }
    if (!stopped) timer = setTimeout(look, NEXT_LOOK_MS);
  }

  async function lookBy(install: boolean): Promise<void> {
    updater ??= await open();
    const version = await updater.look(install);
    // The settings may have changed during a long download.
    holdIfUnwanted();
    log.info('looked for an update', { version: version ?? 'none', install });
    if (version === undefined || install || version === announced) return;
    announced = version;
    await announce(version);
  }

  function holdIfUnwanted(): void {
    if (planUpdates(installation, managed).kind !== 'install') updater?.hold();
  }

  const unsubscribe = managed.subscribe(holdIfUnwanted);
  return () => {
    stopped = true;
    clearTimeout(timer);
    unsubscribe();
  };
}

/** Tells the kinds apart by what only the one installer puts down; where that cannot be seen, the copy is not ours to replace. */
export async function findInstallation(parts: {
  packaged: boolean;
  platform: NodeJS.Platform;
  executable: string;
  /** The user id of this process; undefined on Windows. */
  uid: number | undefined;
}): Promise<Installation> {
  if (!parts.packaged) return 'development';
  const folder = dirname(parts.executable);
  if (parts.platform === 'win32') {
    // The msi has no uninstaller of its own.
    const uninstaller = await stat(join(folder, 'Uninstall Muster.exe')).catch(() => undefined);
    return uninstaller ? 'machine' : 'distributed';
  }
  if (parts.platform === 'darwin') {
    // Muster.app/Contents/MacOS. What the pkg installs belongs to root.
    const bundle = await stat(join(folder, '../..')).catch(() => undefined);
    return bundle && parts.uid !== undefined && bundle.uid === parts.uid && parts.uid !== 0 ? 'own' : 'distributed';
  }
  return 'distributed';
}
