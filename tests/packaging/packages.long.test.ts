import { spawnSync } from 'node:child_process';
import {
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MANAGED_PLACES } from '../../contract/managedSettings.ts';
import { canChroot, dpkg, makeSystem } from './installed.ts';
import { builderConfig, has, missing, output, pack, readAsar, readPlist, root } from './packed.ts';

const absent = missing();
const STUB = 'stub-runtime-not-runnable';
let work: string;
const packed = (...parts: string[]) => join(work, STUB, ...parts);
const one = (pattern: string) => {
  const found = globSync(pattern, { cwd: packed() });
  expect(found).toHaveLength(1);
  return packed(found[0] as string);
};

describe.skipIf(absent)(`packages on a stub runtime${absent ? ` (needs ${absent})` : ''}`, () => {
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'muster-packages-'));
    pack(work, '--linux', ...(has('rpmbuild') ? ['deb', 'rpm'] : ['deb']));
    pack(work, '--win', 'dir');
    pack(work, '--mac', 'dir');
  }, 480_000);
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  const programs = [
    ['Linux', 'linux-unpacked/muster-app', 'linux-unpacked/resources'],
    ['Windows', 'win-unpacked/Muster.exe', 'win-unpacked/resources'],
    ['macOS', 'mac/Muster.app', 'mac/Muster.app/Contents/Resources'],
  ] as const;

  describe.each(programs)('%s', (system, program, resources) => {
    it('has every fuse as docs/security.md says', async () => {
      const wire = await getCurrentFuseWire(packed(program));
      const on = Object.entries(wire).filter(([name, state]) => name !== 'version' && state === '1'.charCodeAt(0));
      expect(Object.keys(wire)).toHaveLength(10);
      expect(on.map(([name]) => Number(name))).toEqual([
        FuseV1Options.EnableCookieEncryption,
        FuseV1Options.EnableEmbeddedAsarIntegrityValidation,
        FuseV1Options.OnlyLoadAppFromAsar,
        FuseV1Options.WasmTrapHandlers,
      ]);
    });

    it('holds the bundles and the FFI, and nothing of the server, the sources or the tests', () => {
      const archive = readAsar(packed(resources, 'app.asar'));
      const allowed =
        /^(?:package\.json|dist\/(?:main|preload|renderer)\/|build\/tray\/|node_modules\/(?:koffi|@koromix)\/)/;
      expect(archive.paths.filter((path) => !allowed.test(path))).toEqual([]);
      expect(archive.paths.filter((path) => /\.(?:ts|tsx|map|hh|cc)$/.test(path))).toEqual([]);
      expect(archive.paths).toContain('dist/renderer/index.html');
      const manifest = JSON.parse(archive.read('package.json').toString());
      expect(archive.paths).toContain(manifest.main);
      expect(manifest).toMatchObject({ productName: 'Muster' });
      expect(manifest).not.toHaveProperty('devDependencies');
    });

    it('leaves only native libraries outside of the archive', () => {
      const archive = readAsar(packed(resources, 'app.asar'));
      expect(archive.unpacked.filter((path) => !path.endsWith('.node'))).toEqual([]);
      const outside = globSync('**/*.*', { cwd: packed(resources, 'app.asar.unpacked') }).filter((path) =>
        /\.\w+$/.test(path),
      );
      expect(outside.sort()).toEqual(archive.unpacked.sort());
    });

    it('carries the command line and the policy templates', () => {
      expect(existsSync(packed(resources, 'agent/lib/muster.mjs'))).toBe(true);
      expect(existsSync(packed(resources, 'policies/windows/de-DE/muster.adml'))).toBe(true);
      expect(
        existsSync(packed(resources, system === 'macOS' ? 'mac/org.muster.Muster.agent.plist' : 'LICENSE.txt')),
      ).toBe(true);
    });
  });

  it('has everything that the main process imports, and an FFI that loads out of what was packed', () => {
    const archive = readAsar(packed('linux-unpacked/resources/app.asar'));
    const code = archive.paths.filter((path) => path.startsWith('dist/main/') && /\.m?js$/.test(path));
    const imported = code.flatMap((path) => {
      const found = archive
        .read(path)
        .toString()
        .matchAll(/^(?:import|export) (?:[^'"]*? from )?["']([^./][^"']*)["'];$/gm);
      return [...found].map((match) => match[1] as string);
    });
    expect(imported.length).toBeGreaterThan(0);
    expect(imported.filter((name) => !name.startsWith('node:') && name !== 'electron' && name !== 'koffi')).toEqual([]);

    const folder = join(work, 'extracted');
    for (const path of archive.paths.filter((name) => name.startsWith('node_modules/'))) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), archive.read(path));
    }
    const script = "const ffi = require('koffi'); console.log(ffi.load(null).func('int getpid()')() === process.pid)";
    const run = spawnSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' });
    expect(run.stdout.trim(), run.stderr).toBe('true');
  });

  it('has a command line that starts', () => {
    const entry = packed('linux-unpacked/resources/agent/lib/muster.mjs');
    const run = spawnSync(process.execPath, [entry, '--version'], { encoding: 'utf8' });
    expect(run.status, run.stderr).toBe(0);
    expect(run.stdout).toContain(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version);
  });

  it('says in every file name that it cannot run', () => {
    const files = globSync('*.{deb,rpm,exe,msi,zip}', { cwd: packed() });
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect(file).toContain(STUB);
  });

  describe('Windows', () => {
    it('has the archive’s hash in its program', () => {
      const { headerHash } = readAsar(packed('win-unpacked/resources/app.asar'));
      const program = readFileSync(packed('win-unpacked/Muster.exe'));
      expect(program.includes(Buffer.from('ELECTRONASAR', 'utf16le'))).toBe(true);
      expect(program.toString('latin1')).toContain(`"alg":"SHA256","value":"${headerHash}"`);
      expect(program.includes(Buffer.from('Muster', 'utf16le'))).toBe(true);
    });
  });

  describe('macOS', () => {
    const info = () => readPlist(packed('mac/Muster.app/Contents/Info.plist'));

    it.skipIf(!has('python3'))(
      'has the archive’s hash, the protocol and closed transport security (needs python3)',
      () => {
        const { headerHash } = readAsar(packed('mac/Muster.app/Contents/Resources/app.asar'));
        expect(info()).toMatchObject({
          CFBundleIdentifier: MANAGED_PLACES.macosDomain,
          CFBundleURLTypes: [{ CFBundleURLSchemes: ['muster'] }],
          ElectronAsarIntegrity: { 'Resources/app.asar': { algorithm: 'SHA256', hash: headerHash } },
          NSAppTransportSecurity: { NSAllowsArbitraryLoads: false },
        });
      },
    );

    it.skipIf(!has('python3'))(
      'starts at login by a launch agent that names the installed program (needs python3)',
      () => {
        const agent = readPlist(packed('mac/Muster.app/Contents/Resources/mac/org.muster.Muster.agent.plist'));
        expect(agent).toMatchObject({ Label: 'org.muster.Muster.agent', RunAtLoad: true, KeepAlive: false });
        const [program] = agent.ProgramArguments as string[];
        expect(program).toBe(`/Applications/Muster.app/Contents/MacOS/${info().CFBundleExecutable}`);
      },
    );
  });

  describe('deb', () => {
    const listing = () => output('dpkg-deb', '--contents', one('*.deb'));
    const inside = (path: string) =>
      spawnSync('sh', ['-c', 'dpkg-deb --fsys-tarfile "$1" | tar -xO "$2"', 'sh', one('*.deb'), path], {
        encoding: 'utf8',
      }).stdout;

    it('depends on the owner of the group tss and recommends the TPM library', () => {
      const field = (name: string) => output('dpkg-deb', '--field', one('*.deb'), name).trim();
      expect(field('Package')).toBe('muster');
      expect(field('Depends').split(', ')).toContain('tpm-udev');
      expect(field('Recommends').split(', ')).toContain('libtss2-tctildr0');
      expect(field('Architecture')).toBe('amd64');
    });

    it('belongs to root and lets nobody else write', () => {
      const lines = listing().trim().split('\n');
      expect(lines.filter((line) => !/^[-dl]\S+ root\/root /.test(line))).toEqual([]);
      expect(lines.filter((line) => /^[-d].{4}w|^[-d].{7}w/.test(line))).toEqual([]);
    });

    it('brings the service, the menu entry with its protocol, and icons; its own udev rule it does not', () => {
      const files = listing();
      expect(files).toContain('./usr/lib/systemd/system/muster-agent.service');
      expect(files).toContain('./usr/lib/systemd/system/muster-tpm.service');
      expect(files).toContain('./usr/lib/sysusers.d/muster.conf');
      expect(files).toContain('./usr/share/icons/hicolor/512x512/apps/muster-app.png');
      expect(files).toContain('./usr/share/man/man1/muster.1.gz');
      expect(files).toContain('./usr/share/bash-completion/completions/muster');
      expect(files).not.toContain('udev/rules.d');
      expect(files).not.toContain('./etc/muster');
      const entry = inside('./usr/share/applications/muster-app.desktop');
      expect(entry).toContain('MimeType=x-scheme-handler/muster;');
      expect(entry).toContain('Exec=/opt/Muster/muster-app %U');
      expect(JSON.parse(inside('./opt/Muster/resources/policies/linux/managed-settings.json'))).toHaveProperty(
        'ServerUrl',
      );
    });

    it.skipIf(!has('desktop-file-validate'))(
      'has menu and autostart entries that validate (needs desktop-file-validate)',
      () => {
        for (const path of ['./usr/share/applications/muster-app.desktop', './etc/xdg/autostart/muster-app.desktop']) {
          const file = join(work, path.split('/').slice(-2).join('-'));
          writeFileSync(file, inside(path));
          expect(output('desktop-file-validate', file)).toBe('');
        }
      },
    );
  });

  describe.skipIf(!canChroot())('deb, installed by dpkg into a system of its own (needs root)', () => {
    const system = () => join(work, 'system');
    const path = (name: string) => join(system(), name);
    const exists = (name: string) => lstatSync(path(name), { throwIfNoEntry: false }) !== undefined;

    it('installs without a question, keeps what IT put there first, and purges without a trace', () => {
      makeSystem(system());
      mkdirSync(path('etc/muster'), { mode: 0o755 });
      writeFileSync(path('etc/muster/managed-settings.json'), '{"Team":"example"}');
      dpkg(system(), '--install', one('*.deb'));
      expect(readlinkSync(path('usr/bin/muster'))).toBe('/opt/Muster/resources/agent/muster');
      expect(statSync(path('opt/Muster/resources/agent/muster')).mode & 0o777).toBe(0o755);
      expect([0o755, 0o4755]).toContain(statSync(path('opt/Muster/chrome-sandbox')).mode & 0o7777);
      expect(readFileSync(path('etc/muster/managed-settings.json'), 'utf8')).toBe('{"Team":"example"}');

      // The same version again stands for an upgrade: the command line stays where it is.
      dpkg(system(), '--install', one('*.deb'));
      expect(exists('usr/bin/muster')).toBe(true);

      dpkg(system(), '--remove', 'muster');
      expect(exists('usr/bin/muster')).toBe(false);
      expect(exists('opt/Muster')).toBe(false);
      expect(exists('etc/xdg/autostart/muster-app.desktop')).toBe(true);

      mkdirSync(path('var/lib/private/muster'), { recursive: true });
      dpkg(system(), '--purge', 'muster');
      expect(exists('var/lib/private/muster')).toBe(false);
      expect(exists('etc/xdg/autostart/muster-app.desktop')).toBe(false);
      expect(exists('etc/muster/managed-settings.json')).toBe(true);
      expect(readFileSync(path('var/lib/dpkg/status'), 'utf8')).not.toContain('Package: muster');
    });
  });

  describe.skipIf(!has('rpmbuild'))('rpm (needs rpmbuild)', () => {
    const query = (...args: string[]) => output('rpm', '-qp', ...args, one('*.rpm'));

    it('has the same contents and scripts as the deb', () => {
      const owned = (paths: string[]) => paths.filter((path) => !/\/$|doc|licenses|\/zsh\//.test(path)).sort();
      const deb = output('dpkg-deb', '--contents', one('*.deb'))
        .split('\n')
        .filter((line) => line.startsWith('-'));
      const rpm = output('rpm', '-qp', '--qf', '[%{FILEMODES:perms} %{FILENAMES}\\n]', one('*.rpm')).split('\n');
      expect(owned(rpm.filter((line) => line.startsWith('-')).map((line) => line.slice(11)))).toEqual(
        owned(deb.map((line) => line.replace(/^.* \./, ''))),
      );
      expect(query('--configfiles').trim()).toBe('/etc/xdg/autostart/muster-app.desktop');
      expect(query('--requires')).toContain('tpm2-tss');
      expect(query('--scripts')).toContain("ln -sf '/opt/Muster/resources/agent/muster' /usr/bin/muster");
    });

    it('belongs to root', () => {
      const owners = output('rpm', '-qp', '--qf', '[%{FILEUSERNAME}:%{FILEGROUPNAME}\\n]', one('*.rpm'));
      expect(new Set(owners.trim().split('\n'))).toEqual(new Set(['root:root']));
    });
  });
});

describe('electron-builder.yml', () => {
  const config = builderConfig();

  it('keeps the identifiers that installed machines are found by', () => {
    expect(config.appId).toBe(MANAGED_PLACES.macosDomain);
    expect(config).toMatchObject({
      appId: 'org.muster.Muster',
      productName: 'Muster',
      nsis: { guid: '8a4a3f0c-6f0e-5c0b-9d53-2f7f6a1f3d41' },
      msi: { upgradeCode: '{C0B5D6A4-3B1E-4E55-A4B6-6F2B4D9E7A10}' },
      protocols: [{ schemes: ['muster'] }],
    });
  });

  it('installs for the machine, silently, and starts nothing', () => {
    expect(config.nsis).toMatchObject({
      oneClick: false,
      perMachine: true,
      runAfterFinish: false,
      deleteAppDataOnUninstall: false,
    });
    expect(config.msi).toMatchObject({ perMachine: true, runAfterFinish: false });
    expect(config.pkg).toMatchObject({
      installLocation: '/Applications',
      isRelocatable: false,
      allowCurrentUserHome: false,
    });
    expect(existsSync(join(root, 'build', String(config.pkg?.scripts), 'postinstall'))).toBe(true);
    expect(config.publish).toBeNull();
  });

  it('looks for updates over https, checks who published them, and knows of none for deb and rpm', () => {
    const feed = { provider: 'generic', url: expect.stringMatching(/^https:/) };
    expect(config.win?.publish).toEqual(feed);
    expect(config.mac?.publish).toEqual(feed);
    expect(config.linux?.publish).toBeUndefined();
    expect(config.win?.verifyUpdateCodeSignature ?? true).toBe(true);
    expect(config.mac?.target).toContain('zip');
  });
});
