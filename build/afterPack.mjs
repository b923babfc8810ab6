// What electron-builder 26 cannot express; runs on the packed folder, before it is signed.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FuseV1Options, FuseVersion, flipFuses } from '@electron/fuses';

/** @param {import('electron-builder').AfterPackContext} context */
export async function afterPack(context) {
  const { appOutDir, electronPlatformName, packager } = context;
  const name = packager.appInfo.productFilename;
  const program = {
    darwin: `${name}.app`,
    win32: `${name}.exe`,
    linux: packager.executableName,
  }[electronPlatformName];
  if (program === undefined) throw new Error(`Muster is not packaged for ${electronPlatformName}.`);
  // electron-builder's own copy of @electron/fuses knows eight fuses.
  await flipFuses(join(appOutDir, program), {
    version: FuseVersion.V1,
    [FuseV1Options.WasmTrapHandlers]: true,
  });
  if (electronPlatformName === 'darwin') closeTransportSecurity(join(appOutDir, program, 'Contents/Info.plist'));
}

/** electron-builder allows plain http to everywhere, for its updater's proxy, after it has read `extendInfo`. */
export function closeTransportSecurity(file) {
  const before = readFileSync(file, 'utf8');
  const after = before.replace(/(<key>NSAllowsArbitraryLoads<\/key>\s*)<true\s*\/>/, '$1<false/>');
  if (after === before) throw new Error(`${file} does not allow arbitrary loads any more: this step can go.`);
  writeFileSync(file, after);
}
