import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { aboutSetting, MANAGED_NAMES, ManagedProfile } from '../contract/managedSettings.ts';
import { policyFiles } from './policyFiles.ts';
import { POLICY_TEXTS_DE } from './policyTexts.ts';

const has = (command: string) => spawnSync(command, ['--version']).error === undefined;
const root = fileURLToPath(new URL('..', import.meta.url));
const files = policyFiles();
const file = (end: string) => Object.entries(files).find(([path]) => path.endsWith(end))?.[1] ?? '';

describe('templates generated from the schema of managed settings', () => {
  it.each(Object.keys(files))('%s is committed as it is generated (npm run policies)', (path) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(files[path]);
  });

  it('gives Linux an example that the schema accepts', () => {
    expect(ManagedProfile.parse(JSON.parse(file('managed-settings.json')))).toBeTruthy();
  });

  it('gives Jamf every setting of macOS, at the strengths it may have', () => {
    const { properties } = JSON.parse(file('jamf-schema.json'));
    const onMac = MANAGED_NAMES.filter((name) => aboutSetting(name).platforms.includes('macos'));
    expect(Object.keys(properties)).toEqual([...onMac, 'Defaults']);
    expect(Object.keys(properties.Defaults.properties)).not.toContain('ProvisioningToken');
    expect(properties.ServerUrl.pattern).toContain('https');
  });

  it.each(['en-US', 'de-DE'])('names every text and control of the administrative template in %s', (language) => {
    const [admx, adml] = [file('muster.admx'), file(`${language}/muster.adml`)];
    const wanted = (kind: string) =>
      new Set([...admx.matchAll(new RegExp(`\\$\\(${kind}\\.([\\w-]+)\\)`, 'g'))].map((match) => match[1]));
    const given = (tag: string) =>
      new Set([...adml.matchAll(new RegExp(`<${tag} id="([^"]+)"`, 'g'))].map((match) => match[1]));
    expect(given('string')).toEqual(wanted('string'));
    expect(given('presentation')).toEqual(wanted('presentation'));
    const controls = [...adml.matchAll(/refId="([^"]+)"/g)].map((match) => match[1]);
    expect(controls).toEqual([...admx.matchAll(/<(?:text|enum) id="([^"]+)"/g)].map((match) => match[1]));
  });

  it('has a German text for every setting and choice', () => {
    for (const name of MANAGED_NAMES) {
      const german = POLICY_TEXTS_DE.settings[name];
      expect(Object.keys(german.choices ?? {})).toEqual(Object.keys(aboutSetting(name).choices ?? {}));
    }
  });

  it('lets only the machine’s policy say where it enrols', () => {
    const classes = Object.fromEntries(
      [...file('muster.admx').matchAll(/<policy name="(\w+)" class="(\w+)"/g)].map((match) => [match[1], match[2]]),
    );
    expect(classes).toMatchObject({ ServerUrl: 'Machine', ProvisioningToken: 'Machine', LogLevel: 'Both' });
    expect(classes).not.toHaveProperty('Default_ProvisioningToken');
  });

  it.skipIf(!has('xmllint'))('is well-formed XML (needs xmllint)', () => {
    for (const [path, text] of Object.entries(files).filter(([name]) => /\.(admx|adml|mobileconfig)$/.test(name))) {
      const run = spawnSync('xmllint', ['--nonet', '--noout', '-'], { input: text, encoding: 'utf8' });
      expect(run.status, `${path}: ${run.stderr}`).toBe(0);
    }
  });

  it.skipIf(!has('plistutil'))('is a property list that another reader takes (needs plistutil)', () => {
    const run = spawnSync('plistutil', ['-i', join(root, 'docs/deploy/policies/macos/muster.mobileconfig'), '-o', '-']);
    expect(run.status, String(run.stderr)).toBe(0);
    expect(run.stdout.subarray(0, 8).toString()).toBe('bplist00');
    const back = spawnSync('plistutil', ['-i', '-', '-o', '-'], { input: run.stdout, encoding: 'utf8' }).stdout;
    expect(back).toMatch(/<key>ServerUrl<\/key>\s*<string>https:\/\/muster\.example\.com<\/string>/);
    expect(back).toMatch(/<key>PayloadType<\/key>\s*<string>org\.muster\.Muster<\/string>/);
  });
});
