#!/usr/bin/env node
// Stands where electron-builder calls fpm, and makes the deb or rpm with the distribution's own tools (dpkg-deb, rpmbuild): fpm itself is
// a download of Ruby with it. Takes the arguments that electron-builder 26 passes and refuses any other.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

const VALUES = new Set(
  '-s -t -d --deb-recommends --deb-compression --deb-priority --rpm-compression --rpm-os --rpm-summary --rpm-rpmbuild-define --architecture --before-install --after-install --before-remove --after-remove --description --version --package --name --maintainer --vendor --url --license --iteration --category --config-files --log'.split(
    ' ',
  ),
);
const FLAGS = new Set(['--force', '--debug']);

function parse(args) {
  const options = {};
  const maps = [];
  for (let i = 0; i < args.length; i++) {
    const argument = args[i];
    if (FLAGS.has(argument)) continue;
    if (VALUES.has(argument)) {
      const name = argument.replace(/^-+/, '');
      options[name] = [...(options[name] ?? []), args[++i]];
    } else if (!argument.startsWith('-') && argument.includes('=')) {
      const at = argument.lastIndexOf('=');
      maps.push([argument.slice(0, at), argument.slice(at + 1)]);
    } else throw new Error(`fpm shim: unknown argument ${argument}`);
  }
  return { maps, one: (name) => options[name]?.at(-1), all: (name) => options[name] ?? [] };
}

/** Copies the maps into `tree`; a source that ends in / gives its contents. Symbolic links stay as they are. */
function fill(tree, maps) {
  mkdirSync(tree, { recursive: true });
  for (const [source, target] of maps) {
    const to = join(tree, target);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(source, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  }
  normalize(tree);
}

/** A shared library is loaded, not run. */
const isProgram = (path, mode) => (mode & 0o111) !== 0 && !/\.(?:node|so)$/.test(path);

/** Folders 0755, files 0755 or 0644: what the umask of the builder left must not reach the installed system. */
function normalize(folder) {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) normalize(path);
    else if (entry.isFile()) chmodSync(path, isProgram(path, statSync(path).mode) ? 0o755 : 0o644);
  }
}

const SCRIPTS = {
  'before-install': 'preinst',
  'after-install': 'postinst',
  'before-remove': 'prerm',
  'after-remove': 'postrm',
};
const output = (args) => execFileSync(args[0], args.slice(1), { encoding: 'utf8' });

function makeDeb(tree, file, { one, all }) {
  const control = join(tree, 'DEBIAN');
  const size = output(['du', '-sk', '--apparent-size', tree]).split('\t')[0];
  mkdirSync(control, { mode: 0o755 });
  const [synopsis, ...rest] = one('description').split('\n');
  const description = [synopsis, ...rest.flatMap(fold)].join('\n');
  const version = [one('version'), one('iteration')].filter(Boolean).join('-');
  const fields = {
    Package: one('name'),
    Version: version,
    License: one('license'),
    Vendor: one('vendor'),
    Architecture: one('architecture'),
    Maintainer: one('maintainer'),
    'Installed-Size': size,
    Depends: all('d').join(', '),
    Recommends: all('deb-recommends').join(', '),
    Section: one('category') ?? 'misc',
    Priority: one('deb-priority') ?? 'optional',
    Homepage: one('url'),
    Description: description,
  };
  const lines = Object.entries(fields).flatMap(([name, value]) => (value ? [`${name}: ${value}`] : []));
  writeFileSync(join(control, 'control'), `${lines.join('\n')}\n`);
  for (const [option, name] of Object.entries(SCRIPTS)) {
    if (one(option)) writeFileSync(join(control, name), readFileSync(one(option)), { mode: 0o755 });
  }
  if (all('config-files').length > 0) writeFileSync(join(control, 'conffiles'), `${all('config-files').join('\n')}\n`);
  writeFileSync(join(control, 'md5sums'), sums(tree));
  execFileSync('dpkg-deb', ['--root-owner-group', '-Z', one('deb-compression') ?? 'xz', '--build', tree, file], {
    stdio: 'inherit',
  });
}

/** Lines of at most 79 characters, each led by a space; an empty one is a dot (Debian policy 5.6.13). */
function fold(line) {
  const lines = [];
  for (const word of line.trim().split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 78) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(` ${word || '.'}`);
  }
  return lines;
}

function sums(tree) {
  const script =
    "find . -path ./DEBIAN -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum | sed 's|  \\./|  |'";
  return execFileSync('sh', ['-c', script], { cwd: tree, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

function makeRpm(tree, file, { one, all }, work) {
  const listing = (folder, inside = '') =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = `${inside}/${entry.name}`;
      if (!entry.isDirectory()) return [`${all('config-files').includes(path) ? '%config(noreplace) ' : ''}"${path}"`];
      // Folders of the system belong to the system's own packages.
      const own = /^\/(?:opt\/|usr\/share\/(?:doc|licenses)\/)[^/]+/.test(path);
      return [...(own ? [`%dir "${path}"`] : []), ...listing(join(folder, entry.name), path)];
    });
  const sections = {
    'before-install': '%pre',
    'after-install': '%post',
    'before-remove': '%preun',
    'after-remove': '%postun',
  };
  const summary = one('rpm-summary') ?? one('description').split('\n')[0];
  const spec = [
    'AutoReqProv: no',
    `Name: ${one('name')}`,
    `Version: ${one('version').replaceAll('-', '~')}`,
    `Release: ${one('iteration') ?? 1}`,
    `Summary: ${summary}`,
    `License: ${one('license') ?? 'unknown'}`,
    ...(one('vendor') ? [`Vendor: ${one('vendor')}`] : []),
    ...(one('url') ? [`URL: ${one('url')}`] : []),
    `Packager: ${one('maintainer')}`,
    `Group: ${one('category') ?? 'default'}`,
    ...all('d').map((need) => `Requires: ${need}`),
    '%description',
    one('description').replaceAll('%', '%%'),
    '%files',
    '%defattr(-,root,root,-)',
    ...listing(tree),
    ...Object.entries(sections).flatMap(([option, section]) =>
      one(option)
        ? [
            section,
            readFileSync(one(option), 'utf8')
              .replaceAll('%', '%%')
              .replace(/^#!.*\n/, ''),
          ]
        : [],
    ),
  ];
  const specFile = join(work, 'package.spec');
  writeFileSync(specFile, `${spec.join('\n')}\n`);
  const defines = [
    '__os_install_post %{nil}',
    `_rpmdir ${work}/out`,
    `_topdir ${work}/top`,
    '_rpmfilename package.rpm',
    '_buildhost localhost',
    ...all('rpm-rpmbuild-define'),
  ];
  execFileSync(
    'rpmbuild',
    [
      '-bb',
      '--quiet',
      '--noclean',
      '--target',
      one('architecture'),
      '--buildroot',
      tree,
      ...defines.flatMap((text) => ['--define', text]),
      specFile,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  cpSync(join(work, 'out/package.rpm'), file);
}

const request = parse(process.argv.slice(2));
const file = resolve(request.one('package'));
const work = mkdtempSync(join(tmpdir(), `${basename(file)}-`));
try {
  const tree = join(work, 'tree');
  fill(tree, request.maps);
  const kind = request.one('t');
  if (kind === 'deb') makeDeb(tree, file, request);
  else if (kind === 'rpm') makeRpm(tree, file, request, work);
  else throw new Error(`fpm shim: cannot make ${kind}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
