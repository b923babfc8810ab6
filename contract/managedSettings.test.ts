import { describe, expect, it } from 'vitest';
import {
  aboutSetting,
  BUILT_IN,
  effective,
  MANAGED_NAMES,
  ManagedProfile,
  ManagedValues,
  managedStrengths,
  mergeProfiles,
} from './managedSettings.ts';

describe('precedence of managed settings', () => {
  type Level = 'error' | 'warn' | 'info' | 'debug';
  // Columns: enforced machine, enforced person, chosen, default machine, default person; then what holds.
  it.each<[Level?, Level?, Level?, Level?, Level?, Level?]>([
    ['error', 'warn', 'debug', 'info', 'info', 'error'],
    [undefined, 'warn', 'debug', 'info', 'error', 'warn'],
    [undefined, undefined, 'debug', 'warn', 'error', 'debug'],
    [undefined, undefined, undefined, 'warn', 'error', 'warn'],
    [undefined, undefined, undefined, undefined, 'error', 'error'],
    [undefined, undefined, undefined, undefined, undefined, 'info'],
    ['error', undefined, undefined, undefined, 'warn', 'error'],
    [undefined, 'warn', undefined, 'error', undefined, 'warn'],
  ])('%s, %s, %s, %s, %s: %s', (machine, person, chosen, machineDefault, personDefault, expected) => {
    const set = (enforced: Level | undefined, standard: Level | undefined): ManagedProfile => ({
      ...(enforced ? { LogLevel: enforced } : {}),
      ...(standard ? { Defaults: { LogLevel: standard } } : {}),
    });
    const profile = mergeProfiles(set(machine, machineDefault), set(person, personDefault));
    expect(effective(profile, 'LogLevel', chosen)).toBe(expected);
  });

  it('lets an enforced false beat a chosen true', () => {
    expect(effective({ StartAtLogin: false }, 'StartAtLogin', true)).toBe(false);
    expect(effective({ Defaults: { StartAtLogin: true } }, 'StartAtLogin', false)).toBe(false);
  });

  it('merges each value for itself, and takes from the person only what is theirs to have', () => {
    const merged = mergeProfiles(
      { ServerUrl: 'https://muster.example', Defaults: { LogLevel: 'warn' } },
      { ServerUrl: 'https://evil.example', Team: 'evil', Proxy: 'direct', Defaults: { StartAtLogin: true } },
    );
    expect(merged).toEqual({
      ServerUrl: 'https://muster.example',
      Proxy: 'direct',
      Defaults: { LogLevel: 'warn', StartAtLogin: true },
    });
    expect(managedStrengths(merged)).toEqual({
      ServerUrl: 'enforced',
      Proxy: 'enforced',
      LogLevel: 'default',
      StartAtLogin: 'default',
    });
  });
});

describe('the schema of managed settings', () => {
  it.each(MANAGED_NAMES)('describes %s, with an example that it accepts', (name) => {
    const about = aboutSetting(name);
    expect(about.description).toMatch(/\.$/);
    expect(ManagedValues.shape[name].safeParse(about.example).success).toBe(true);
    const options = ManagedValues.shape[name].unwrap();
    expect(Object.keys(about.choices ?? {})).toEqual('options' in options ? options.options : []);
  });

  it('offers as defaults exactly the settings that may be one', () => {
    const inner = ManagedProfile.shape.Defaults.unwrap().shape;
    const may = MANAGED_NAMES.filter((name) => aboutSetting(name).strengths.includes('default'));
    expect(Object.keys(inner)).toEqual(may);
  });

  it('has built-in values that it accepts itself', () => {
    expect(ManagedValues.parse(BUILT_IN)).toEqual(BUILT_IN);
  });
});
