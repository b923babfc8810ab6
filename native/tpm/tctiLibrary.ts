import { statSync } from 'node:fs';
import { NativeError } from '../errors.ts';
import type { Tcti } from './tcti.ts';

const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  arm: 'arm-linux-gnueabihf',
  riscv64: 'riscv64-linux-gnu',
};

/** The folders in which distributions put libraries. Fixed: no environment variable and no setting adds one. */
export function libraryFolders(architecture: NodeJS.Architecture = process.arch): string[] {
  const multiarch = ARCHITECTURES[architecture];
  return [...(multiarch ? [`/usr/lib/${multiarch}`, `/lib/${multiarch}`] : []), '/usr/lib64', '/usr/lib'];
}

/**
 * The absolute path of a library of tpm2-tss that only root can have written, or undefined where it is not installed.
 * Throws `tpm-library-untrusted` for a file or folder that others may change.
 */
export function findLibrary(name: string, folders: readonly string[] = libraryFolders()): string | undefined {
  for (const folder of folders) {
    const path = `${folder}/${name}`;
    const file = statSync(path, { throwIfNoEntry: false });
    if (!file) continue;
    const home = statSync(folder);
    for (const item of [file, home]) {
      if (item.uid !== 0 || (item.mode & 0o022) !== 0) {
        throw new NativeError('tpm-library-untrusted', `${path} could have been changed by someone other than root.`);
      }
    }
    return path;
  }
  return undefined;
}

/**
 * What the TCTI loader is given: the TCTI library's own absolute path with its settings, so that no planted library of
 * the same name is found first. Undefined where that library is not installed.
 */
export function loaderName(tcti: Tcti, folders?: readonly string[]): string | undefined {
  const withLibrary = (name: string, settings: string) => {
    const path = findLibrary(`libtss2-tcti-${name}.so.0`, folders);
    return path === undefined ? undefined : `${path}:${settings}`;
  };
  switch (tcti.kind) {
    case 'device':
      return withLibrary('device', tcti.path);
    case 'swtpm':
    case 'mssim':
      return withLibrary(tcti.kind, `host=${tcti.host},port=${tcti.port}`);
    case 'tabrmd':
      return withLibrary('tabrmd', '');
    case 'swtpm-unix':
    case 'tbs':
      return undefined;
    default:
      return tcti satisfies never;
  }
}
