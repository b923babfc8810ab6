// Stand-ins for the Electron runtime, so that packaging can be checked where Electron cannot be downloaded: they have the shape that
// electron-builder expects and the place where fuses are kept, and they run nothing.
import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const STUB_NOTE = 'stub runtime, not runnable';
/** The same in file names. */
export const STUB_SUFFIX = STUB_NOTE.replace(/,? /g, '-');

const SCRIPT = `#!/bin/sh\necho 'This package was built to check its contents (${STUB_NOTE}).' >&2\nexit 1\n`;

/** The fuse wire as Electron compiles it in: sentinel, version 1, length, and one character for each fuse (electron: docs/tutorial/fuses.md). */
const FUSES = Buffer.concat([
  Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX', 'latin1'),
  Buffer.from([1, 9]),
  // Electron's defaults: RunAsNode, NODE_OPTIONS, --inspect, file protocol privileges and WebAssembly trap handlers are on.
  Buffer.from('101100011', 'latin1'),
]);

const write = (path, content, mode = 0o644) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
};

/**
 * Makes the runtime for one system below `folder` and returns its path.
 * @param {'linux' | 'win' | 'mac'} system
 * @param {string} version version of Electron that it stands in for
 */
export function makeStubRuntime(folder, system, version) {
  const target = join(folder, system);
  rmSync(target, { recursive: true, force: true });
  write(join(target, 'version'), version);
  write(join(target, 'LICENSE'), 'Stands in for the license of Electron.\n');
  if (system === 'mac') makeMac(target, version);
  else {
    write(join(target, 'locales/en-US.pak'), 'stub');
    write(join(target, 'locales/de.pak'), 'stub');
    mkdirSync(join(target, 'resources'), { recursive: true });
    if (system === 'linux') {
      write(join(target, 'electron'), Buffer.concat([Buffer.from(SCRIPT), FUSES]), 0o755);
      write(join(target, 'chrome-sandbox'), SCRIPT, 0o755);
    } else makeWindowsProgram(join(target, 'electron.exe'), version);
  }
  return target;
}

/** A real Windows program with version information: makensis writes one out of an empty script. */
function makeWindowsProgram(path, version) {
  const script = [
    'Unicode true',
    'Name stub',
    `OutFile "${path}"`,
    `VIProductVersion "${version}.0"`,
    ...['ProductName', 'FileDescription', 'LegalCopyright', 'FileVersion', 'ProductVersion', 'CompanyName'].map(
      (key) => `VIAddVersionKey "${key}" "${key.endsWith('Version') ? version : STUB_NOTE}"`,
    ),
    'Section',
    'SectionEnd',
  ];
  const run = spawnSync('makensis', ['-V1', '-NOCD', '-'], { input: script.join('\n'), encoding: 'utf8' });
  if (run.status !== 0)
    throw new Error(`makensis could not write the stub program: ${run.stderr || run.stdout || run.error?.message}`);
  appendFileSync(path, FUSES);
}

function makeMac(target, version) {
  const frameworks = 'Electron.app/Contents/Frameworks';
  const bundle = (path, name, identifier) => {
    write(join(target, path, 'Contents/MacOS', name), SCRIPT, 0o755);
    write(join(target, path, 'Contents/Info.plist'), infoPlist(name, identifier, version));
  };
  bundle('Electron.app', 'Electron', 'com.github.Electron');
  for (const kind of ['', ' (GPU)', ' (Plugin)', ' (Renderer)']) {
    const name = `Electron Helper${kind}`;
    bundle(`${frameworks}/${name}.app`, name, 'com.github.Electron.helper');
  }
  const framework = join(target, frameworks, 'Electron Framework.framework');
  write(join(framework, 'Electron Framework'), FUSES, 0o755);
  write(join(framework, 'Versions/A/Resources/en.lproj/locale.pak'), 'stub');
  write(join(framework, 'Versions/A/Resources/de.lproj/locale.pak'), 'stub');
  for (const language of ['en', 'de'])
    mkdirSync(join(target, `Electron.app/Contents/Resources/${language}.lproj`), { recursive: true });
  write(join(target, 'Electron.app/Contents/Resources/electron.icns'), 'stub');
}

function infoPlist(name, identifier, version) {
  const entries = {
    CFBundleExecutable: name,
    CFBundleIdentifier: identifier,
    CFBundleName: name,
    CFBundlePackageType: 'APPL',
    CFBundleShortVersionString: version,
    CFBundleVersion: version,
    CFBundleIconFile: 'electron.icns',
    LSMinimumSystemVersion: '12.0',
  };
  const lines = Object.entries(entries).map(([key, value]) => `<key>${key}</key><string>${value}</string>`);
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>${lines.join('')}</dict></plist>
`;
}
