/**
 * Runs under the Windows Node, in Wine: calls what native/ declares of Windows' libraries for real and prints what came
 * back as one line of JSON. Arguments: the policy key to read.
 */
import { writeSync } from 'node:fs';
import { isNativeError } from '../../native/errors.ts';
import { parseRawSmbios } from '../../native/machine/smbios.ts';
import { readFirmwareTable } from '../../native/machine/windows.ts';
import { openSettingsSource } from '../../native/settings/index.ts';
import { exitNow, loadFfi } from '../../native/tpm/ffi.ts';
import { openProcessPipe } from '../../native/tpm/processPipe.ts';
import { systemFolder } from '../../native/tpm/tbs.ts';
import { openTbsPipe } from '../../native/tpm/tbsPipe.ts';
import { isElevated, runElevated } from '../../native/windows/elevation.ts';
import { knownFolder } from '../../native/windows/knownFolder.ts';
import { readPlatformCertificates } from '../../native/windows/platformCertificates.ts';

const ffi = loadFfi();
/** What a call gives, or the code of its error; a fault that is not ours ends the probe. */
const outcome = async (call: () => unknown): Promise<unknown> => {
  try {
    return (await call()) ?? null;
  } catch (error) {
    if (isNativeError(error)) return { error: error.code, message: error.message };
    throw error;
  }
};
const settings = openSettingsSource({
  windowsKey: process.argv[2] ?? '',
  macosDomain: '',
  linuxFiles: [],
  names: [],
  nested: ['nested'],
});
const table = readFirmwareTable(ffi);

const found = {
  node: process.version,
  systemFolder: systemFolder(ffi),
  programFiles: await outcome(() => knownFolder(ffi, 'programFiles')),
  localAppData: await outcome(() => knownFolder(ffi, 'localAppData')),
  firmwareTable: { bytes: table.length, ...parseRawSmbios(table) },
  settings: await outcome(() => settings.read()),
  certificates: await outcome(async () => (await readPlatformCertificates(ffi)).length),
  tbs: await outcome(() => openTbsPipe(ffi).then(() => 'open')),
  pipeProcess: await outcome(() => openProcessPipe('tbs:').then(() => 'open')),
  elevated: await outcome(() => isElevated(ffi)),
  elevatedExit: await outcome(() =>
    runElevated(ffi, {
      file: process.execPath,
      args: ['-e', 'process.exit(process.argv[1] === "a b" ? 7 : 8)', 'a b'],
    }),
  ),
  notStarted: await outcome(() => runElevated(ffi, { file: 'C:\\nowhere\\none.exe', args: [] })),
};
writeSync(1, `${JSON.stringify(found)}\n`);
exitNow(9);
