import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../agent/commandTable.ts';
import { withRegistration } from '../../build/msiProject.mjs';
import { MANAGED_PLACES } from '../../contract/managedSettings.ts';
import { servicePath } from '../../native/service/client.ts';
import { SERVICE_GROUP } from '../../native/service/peer.ts';
import { has, root } from './packed.ts';

const MAC = ['build/mac/scripts/preinstall', 'build/mac/scripts/postinstall', 'build/mac/uninstall.sh'];
const LINUX = ['build/linux/after-install.sh', 'build/linux/before-remove.sh', 'build/linux/after-remove.sh'];
let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'muster-scripts-'));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe('installation scripts', () => {
  it.each([...MAC, ...LINUX])('%s may be run, and ends well', (file) => {
    expect(statSync(join(root, file)).mode & 0o111).toBe(0o111);
    expect(readFileSync(join(root, file), 'utf8').trimEnd()).toMatch(/^#!\/bin\/sh\n[\s\S]*\nexit 0$/);
  });

  it.each(LINUX)('%s holds only the words in braces that electron-builder fills in', (file) => {
    const words = [...readFileSync(join(root, file), 'utf8').matchAll(/\$\{([^}]+)\}/g)].map((match) => match[1]);
    expect(words.filter((word) => word !== 'executable' && word !== 'sanitizedProductName')).toEqual([]);
  });

  it.skipIf(!has('shellcheck'))('are clean (needs shellcheck)', () => {
    // SC2016: the words in single quotes are electron-builder's, not the shell's.
    const run = spawnSync('shellcheck', ['-s', 'sh', '-e', 'SC2016', ...MAC, ...LINUX], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(run.stdout).toBe('');
  });
});

describe.each(['muster-agent', 'muster-tpm'])('the unit %s', (name) => {
  const source = join(root, `build/linux/${name}.service`);
  const unit = () => readFileSync(source, 'utf8');

  it.skipIf(!has('systemd-analyze'))('is understood by systemd (needs systemd-analyze)', () => {
    // The program is not installed here; another that is stands in for it.
    for (const other of ['muster-agent', 'muster-tpm']) {
      const text = readFileSync(join(root, `build/linux/${other}.service`), 'utf8');
      writeFileSync(
        join(work, `${other}.service`),
        text.replace(/^(ExecStart(?:Pre)?=-?)\S+/gm, '$1/bin/true').replace(/^Documentation=.*\n/m, ''),
      );
    }
    const run = spawnSync('systemd-analyze', ['verify', '--man=no', join(work, `${name}.service`)], {
      encoding: 'utf8',
      env: { ...process.env, SYSTEMD_UNIT_PATH: `${work}:` },
    });
    expect(run.stderr.split('\n').filter((line) => line.includes('muster-'))).toEqual([]);
  });

  it.skipIf(!has('systemd-analyze'))('is exposed to little (needs systemd-analyze)', () => {
    const run = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', source], {
      encoding: 'utf8',
    });
    expect(run.status, run.stdout.trim().split('\n').at(-1)).toBe(0);
  });

  it('runs commands that the command line has', () => {
    const lines = unit().match(/^ExecStart(?:Pre)?=.*$/gm) ?? [];
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      const [program, word, ...options] = line.replace(/^\w+=-?/, '').split(' ');
      expect(program).toBe('/opt/Muster/resources/agent/muster');
      const command = COMMANDS.find(({ path }) => path.length === 1 && path[0] === word);
      const known = command?.options.map((option) => `--${option.name}`) ?? [];
      expect(known).toEqual(expect.arrayContaining(options));
      expect(command).toBeDefined();
    }
  });
});

describe('the units together', () => {
  const unit = (name: string) => readFileSync(join(root, `build/linux/${name}.service`), 'utf8');

  it('let one service use the TPM, and it alone', () => {
    expect(unit('muster-tpm').match(/^DeviceAllow=.*$/gm)).toEqual(['DeviceAllow=/dev/tpmrm0 rw']);
    expect(unit('muster-tpm')).toMatch(/^SupplementaryGroups=tss$/m);
    expect(unit('muster-tpm')).toMatch(/^PrivateNetwork=yes$/m);
    expect(unit('muster-agent')).not.toMatch(/DeviceAllow|^SupplementaryGroups=.*tss/m);
    for (const name of ['muster-tpm', 'muster-agent']) {
      expect(unit(name)).toMatch(/^DevicePolicy=closed$/m);
      expect(unit(name)).toMatch(/^DynamicUser=yes$/m);
      expect(unit(name)).not.toMatch(/^User=/m);
    }
  });

  it('meet: the agent comes after the service, in the group that it answers, and finds its socket', () => {
    expect(unit('muster-agent')).toMatch(/^Requires=muster-tpm\.service$/m);
    expect(unit('muster-agent')).toMatch(/^After=.*muster-tpm\.service/m);
    expect(unit('muster-agent')).toMatch(new RegExp(`^SupplementaryGroups=${SERVICE_GROUP}$`, 'm'));
    expect(readFileSync(join(root, 'build/linux/muster.sysusers'), 'utf8')).toMatch(
      new RegExp(`^g ${SERVICE_GROUP} -$`, 'm'),
    );
    const socket = servicePath('linux') ?? '';
    expect(unit('muster-tpm')).toContain(socket);
    expect(dirname(socket)).toBe(`/run/${/^RuntimeDirectory=(.*)$/m.exec(unit('muster-tpm'))?.[1]}`);
    // Two units with one folder would take it away from each other.
    expect(unit('muster-agent')).not.toContain('RuntimeDirectory');
  });
});

describe.skipIf(spawnSync('makensis', ['-VERSION']).error !== undefined)(
  'additions to the Windows installer (needs makensis)',
  () => {
    it('compile without a warning, and write and remove the same keys', () => {
      // The few words that electron-builder's own script defines, and the same two headers.
      const harness = [
        'Unicode true',
        'Name Muster',
        `OutFile "${join(work, 'harness.exe')}"`,
        '!include LogicLib.nsh',
        '!define PRODUCT_NAME Muster',
        '!define APP_EXECUTABLE_FILENAME Muster.exe',
        'Var updated',
        '!macro _isUpdated _a _b _t _f',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a macro of NSIS
        "  !insertmacro _== $updated '1' `${_t}` `${_f}`",
        '!macroend',
        '!define isUpdated \'"" isUpdated ""\'',
        `!include "${join(root, 'build/installer.nsh')}"`,
        '!insertmacro customHeader',
        'Section',
        '  SetShellVarContext all',
        '  StrCpy $updated 0',
        '  !insertmacro customInstall',
        '  WriteUninstaller "$INSTDIR\\u.exe"',
        'SectionEnd',
        'Section Uninstall',
        '  SetShellVarContext all',
        '  StrCpy $updated 0',
        '  !insertmacro customUnInstall',
        'SectionEnd',
      ].join('\n');
      const run = spawnSync('makensis', ['-WX', '-V2', '-NOCD', '-'], { input: harness, encoding: 'utf8' });
      expect(run.status, run.stdout + run.stderr).toBe(0);
      const text = readFileSync(join(root, 'build/installer.nsh'), 'utf8');
      expect(text).not.toMatch(/MessageBox/);
      const [install = '', uninstall = ''] = text.split('!macro customUnInstall');
      const keys = new Set(
        [...install.matchAll(/WriteRegStr SHELL_CONTEXT "([^"]+?)(?:\\DefaultIcon|\\shell\\open\\command)?" /g)].map(
          (match) => match[1],
        ),
      );
      for (const key of keys) expect(uninstall).toContain(`"${key}"`);
    });
  },
);

describe('additions to the msi', () => {
  const builder = createRequire(createRequire(import.meta.url).resolve('electron-builder/package.json'));
  const template = readFileSync(
    join(dirname(builder.resolve('app-builder-lib/package.json')), 'templates/msi/template.xml'),
    'utf8',
  );

  it('find their places in the project that electron-builder writes, once each', () => {
    const project = withRegistration(template);
    expect(project.length).toBeGreaterThan(template.length);
    expect(() => withRegistration(project.replaceAll('ProductComponents', 'Other'))).toThrow(/no single/);
    const group = project.slice(project.indexOf('<ComponentGroup Id="ProductComponents"'));
    expect(group.match(/<Component Id="\w+"/g)).toEqual([
      '<Component Id="MusterRegistration"',
      '<Component Id="MusterServerUrl"',
      '<Component Id="MusterProvisioningToken"',
    ]);
    expect(project).toContain(`Key="${MANAGED_PLACES.windowsKey}" Name="ServerUrl"`);
    expect(project).toContain('<Property Id="PROVISIONINGTOKEN" Secure="yes" Hidden="yes"/>');
  });

  it('register the same links and start at login as the other installer', () => {
    const [nsis, msi] = ['build/installer.nsh', 'build/msiProject.mjs'].map((file) =>
      readFileSync(join(root, file), 'utf8'),
    );
    expect(nsis).toMatch(/Classes\\muster\\shell\\open\\command" "" '"\$INSTDIR\\\S+" "%1"'/);
    expect(msi).toContain('Value="&quot;[APPLICATIONFOLDER]Muster.exe&quot; &quot;%1&quot;"');
    for (const text of [nsis, msi]) expect(text).toContain('--hidden --at-login');
  });

  it.skipIf(!has('xmllint'))('are well-formed (needs xmllint)', () => {
    const xml = withRegistration(
      `<Wix><Property Id="ApplicationFolderName" Value="x"/><ComponentGroup Id="ProductComponents" Directory="APPLICATIONFOLDER"></ComponentGroup></Wix>`,
    );
    const run = spawnSync('xmllint', ['--nonet', '--noout', '-'], { input: xml, encoding: 'utf8' });
    expect(run.status, run.stderr).toBe(0);
  });
});
