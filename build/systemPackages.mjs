// What Muster uses from the operating system, and the Debian packages that bring it.
import { accessSync, constants, existsSync } from 'node:fs';
import { has } from './bootstrap.mjs';

const libraryFolders = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/lib/x86_64-linux-gnu',
  '/lib/aarch64-linux-gnu',
];
const library = (name) => libraryFolders.some((folder) => existsSync(`${folder}/${name}`));

const tss = {
  name: 'tpm2-tss',
  present: () =>
    ['libtss2-tctildr.so.0', 'libtss2-tcti-device.so.0', 'libtss2-tcti-swtpm.so.0', 'libtss2-rc.so.0'].every(library),
  packages: ['libtss2-tctildr0', 'libtss2-tcti-device0', 'libtss2-tcti-swtpm0', 'libtss2-rc0'],
  why: 'the libraries that carry commands to a TPM',
};
const swtpm = {
  name: 'swtpm',
  present: () => has('swtpm') && has('swtpm_setup') && has('swtpm_localca'),
  packages: ['swtpm', 'swtpm-tools'],
  why: 'a TPM 2.0 in software',
};
const broker = {
  name: 'tpm2-abrmd',
  present: () => has('tpm2-abrmd') && has('dbus-daemon') && library('libtss2-tcti-tabrmd.so.0'),
  packages: ['tpm2-abrmd', 'libtss2-tcti-tabrmd0', 'dbus-daemon'],
  why: 'the other way to share a TPM: a broker on D-Bus',
};
const chromium = {
  name: 'Chromium',
  present: () => has('chromium'),
  packages: ['chromium', 'fonts-dejavu-core'],
  why: 'the browser that the window and console suites drive',
};
const tpmTools = {
  name: 'tpm2-tools',
  present: () => has('tpm2_createek'),
  packages: ['tpm2-tools'],
  why: 'an independent implementation to compare with',
};
const openssl = {
  name: 'openssl',
  present: () => has('openssl'),
  packages: ['openssl'],
  why: 'an independent implementation to compare with',
};
const glewlwyd = {
  name: 'Glewlwyd',
  present: () => has('glewlwyd'),
  packages: ['glewlwyd'],
  why: 'an independent identity provider to sign in through',
};

const dpkg = {
  name: 'dpkg-deb',
  present: () => has('dpkg-deb') && has('xz'),
  packages: ['dpkg-dev', 'xz-utils'],
  why: 'writes the deb package',
};
const rpm = { name: 'rpmbuild', present: () => has('rpmbuild'), packages: ['rpm'], why: 'writes the rpm package' };
const sevenZip = { name: '7-Zip', present: () => has('7za'), packages: ['p7zip-full'], why: 'packs archives' };
const nsis = {
  name: 'NSIS',
  present: () => has('makensis'),
  packages: ['nsis'],
  why: 'writes Windows programs: the installer, and the stub of the runtime',
};
const packageChecks = [
  ['xmllint', 'libxml2-utils', 'checks the policy templates'],
  ['desktop-file-validate', 'desktop-file-utils', 'checks the entry in the menu'],
  ['plistutil', 'libplist-utils', 'reads property lists of macOS'],
  ['shellcheck', 'shellcheck', 'checks the installation scripts'],
].map(([name, packageName, why]) => ({ name, present: () => has(name), packages: [packageName], why }));

/** Whether this machine's own TPM can be used by this person. */
export function hasUsableTpm() {
  try {
    accessSync('/dev/tpmrm0', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

export const forStart = () => (hasUsableTpm() ? [tss] : [tss, swtpm]);
/**
 * The tests never open this machine's own TPM: they always need the software one. Debian's package of the broker starts it
 * as a service on the machine's TPM, so it is brought only where there is none; it is less than a megabyte.
 */
export const forTests = () => [
  tss,
  swtpm,
  ...(existsSync('/dev/tpm0') ? [] : [broker]),
  tpmTools,
  openssl,
  chromium,
  glewlwyd,
];

/** What `npm run package` needs for one system, and with it for its targets. */
export const forPackaging = (system, targets = []) => [
  ...(system === 'linux' ? [dpkg] : []),
  ...(targets.includes('rpm') ? [rpm] : []),
  ...(targets.some((target) => target === 'zip' || target === 'nsis') ? [sevenZip] : []),
  ...(system === 'win' ? [nsis] : []),
];
/** What the packaging suite needs (long tests only). */
export const forPackagingTests = () => [dpkg, rpm, nsis, ...packageChecks];
