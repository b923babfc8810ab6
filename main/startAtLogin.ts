import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { App } from 'electron';
import type { Bridge } from '../contract/index.ts';

/** What a start at login is told, so that it opens no window. */
export const HIDDEN = '--hidden';
/** What the machine-wide start at login of an installer adds: it starts Muster for everyone, and Muster stays where that is wanted. */
export const AT_LOGIN = '--at-login';

/** Whether a machine-wide start at login stays: the settings in force say so, or an enrolment is under way (IT's provisioning token). */
export async function isWantedAtLogin(core: { bridge: Bridge }): Promise<boolean> {
  const { settings, state } = await core.bridge.invoke('snapshot', {});
  return settings.startAtLogin || (state.kind !== 'signed-out' && state.kind !== 'enrolled');
}

/** Makes the system start Muster at login, or not. Linux has no interface for it but the XDG autostart folder. */
export async function setStartAtLogin(
  wanted: boolean,
  parts: {
    app: Pick<App, 'setLoginItemSettings'>;
    platform: NodeJS.Platform;
    executable: string;
    configFolder: string;
  },
): Promise<void> {
  if (parts.platform !== 'linux') {
    parts.app.setLoginItemSettings({ openAtLogin: wanted, args: [HIDDEN] });
    return;
  }
  const file = join(parts.configFolder, 'autostart', 'muster-app.desktop');
  if (!wanted) return rm(file, { force: true });
  const entry = desktopEntry(parts.executable);
  if ((await readFile(file, 'utf8').catch(() => '')) === entry) return;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, entry, { mode: 0o644 });
}

/** Desktop Entry Specification 1.5: a quoted Exec argument escapes `"`, backtick, `$` and `\`, and `%` is doubled. */
function desktopEntry(executable: string): string {
  const quoted = executable
    .replace(/["`$\\]/g, '\\$&')
    .replace(/%/g, '%%')
    .replace(/\\/g, '\\\\');
  return [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Muster',
    `Exec="${quoted}" ${HIDDEN}`,
    'X-GNOME-Autostart-enabled=true',
    '',
  ].join('\n');
}
