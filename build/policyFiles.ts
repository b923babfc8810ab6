import { configurationProfile } from '../contract/configurationProfile.ts';
import {
  type AboutSetting,
  aboutSetting,
  BUILT_IN,
  MANAGED_NAMES,
  MANAGED_PLACES,
  type ManagedName,
  type ManagedPlatform,
  type ManagedProfile,
  ManagedValues,
  type Strength,
} from '../contract/managedSettings.ts';
import { adml, admx } from './admx.ts';
import { POLICY_TEXTS_DE, POLICY_TEXTS_EN } from './policyTexts.ts';

/** Every generated file by its path below the checkout. Pure: the same schema gives the same bytes. */
export function policyFiles(): Record<string, string> {
  const at = (name: string) => `docs/deploy/policies/${name}`;
  return {
    [at('windows/muster.admx')]: admx(),
    [at('windows/en-US/muster.adml')]: adml(POLICY_TEXTS_EN),
    [at('windows/de-DE/muster.adml')]: adml(POLICY_TEXTS_DE),
    [at('macos/muster.mobileconfig')]: exampleProfile(),
    [at('macos/jamf-schema.json')]: json(jamfSchema()),
    [at('linux/managed-settings.json')]: json(exampleSettings('linux')),
    'docs/deploy/settings.md': settingsPage(),
  };
}

/** The settings that most organizations start from. */
const STARTING_POINT: Record<Strength, readonly ManagedName[]> = {
  enforced: ['ServerUrl', 'Team', 'ProvisioningToken', 'Updates'],
  default: ['StartAtLogin', 'LogLevel'],
};

function exampleSettings(platform: ManagedPlatform): ManagedProfile {
  const pick = (strength: Strength) =>
    Object.fromEntries(
      STARTING_POINT[strength]
        .filter((name) => aboutSetting(name).platforms.includes(platform))
        .map((name) => [name, aboutSetting(name).example]),
    );
  return { ...pick('enforced'), Defaults: pick('default') };
}

function exampleProfile(): string {
  return configurationProfile(exampleSettings('macos'), {
    domain: MANAGED_PLACES.macosDomain,
    organization: 'Example',
    profileUuid: '6F1E2C7A-0B5D-4C1E-9A57-3D0C6B0E4A11',
    settingsUuid: 'B1A4D7C2-5E7F-4D0B-8F2A-9C6E1D3F5B22',
  });
}

/** Jamf Pro's manifest for "Application & Custom Settings" (a JSON schema with an order). */
function jamfSchema(): object {
  const group = (strength: Strength) =>
    MANAGED_NAMES.filter((name) => {
      const about = aboutSetting(name);
      return about.platforms.includes('macos') && about.strengths.includes(strength);
    });
  const properties = (names: readonly ManagedName[]) =>
    Object.fromEntries(names.map((name, index) => [name, jamfProperty(name, (index + 1) * 10)]));
  return {
    title: `Muster (${MANAGED_PLACES.macosDomain})`,
    description: 'Settings of Muster, the device inventory. What is set at the top is enforced.',
    properties: {
      ...properties(group('enforced')),
      Defaults: {
        title: 'Defaults',
        description: 'These hold until the person chooses otherwise.',
        property_order: 1000,
        type: 'object',
        properties: properties(group('default')),
      },
    },
  };
}

function jamfProperty(name: ManagedName, order: number): object {
  const about = aboutSetting(name);
  if (typeof about.example === 'boolean') {
    return { title: about.title, description: about.description, property_order: order, type: 'boolean' };
  }
  return {
    title: about.title,
    description: about.description,
    property_order: order,
    type: 'string',
    ...(about.choices
      ? { enum: Object.keys(about.choices), options: { enum_titles: Object.values(about.choices) } }
      : { pattern: patternOf(name), options: { inputAttributes: { placeholder: about.example } } }),
  };
}

/** The schema's own regular expression, where it has one. */
function patternOf(name: ManagedName): string | undefined {
  const inner = ManagedValues.shape[name].unwrap();
  return 'format' in inner && 'def' in inner
    ? inner.def.checks?.flatMap((check) => {
        const { def } = (check as { _zod: { def: { pattern?: RegExp } } })._zod;
        return def.pattern ? [def.pattern.source] : [];
      })[0]
    : undefined;
}

/** JSON as the formatter of this repository leaves it: a list of plain values on one line. */
function json(value: object): string {
  const text = JSON.stringify(value, null, 2);
  return `${text.replaceAll(/\[\n\s+([^[\]{}]*?)\n\s+\]/g, (_all, items: string) => `[${items.replaceAll(/\n\s+/g, ' ')}]`)}\n`;
}

const PLATFORM_NAMES: Record<ManagedPlatform, string> = { windows: 'Windows', macos: 'macOS', linux: 'Linux' };

function settingsPage(): string {
  const rows = MANAGED_NAMES.map((name) => {
    const about = aboutSetting(name);
    return `| \`${name}\` | ${about.description} | ${valuesOf(name, about)} | ${builtIn(name)} | ${about.strengths.join(', ')} | ${about.scope} | ${about.platforms.map((platform) => PLATFORM_NAMES[platform]).join(', ')} |`;
  });
  return `# Settings that an organization can manage

<!-- Generated from contract/managedSettings.ts by \`npm run policies\`. -->

A setting is *enforced* or a *default*. The window says "managed by your organization" where it is enforced, and the person cannot change it. A default holds until the person chooses otherwise.

| setting | what it does | values | built in | strength | set for | systems |
|---|---|---|---|---|---|---|
${rows.join('\n')}

## What wins

1. enforced for the machine
2. enforced for the person
3. the person's own choice
4. default for the machine, then for the person
5. built in

Each setting is decided for itself. A setting marked *machine* counts only where it is set for the whole machine. A value that Muster does not understand is left out by itself, named in the log and in \`muster doctor\`; a secret is never written there.

## Where it is kept

| system | enforced | defaults |
|---|---|---|
| Windows | \`HKLM\\${MANAGED_PLACES.windowsKey}\`, then the same under \`HKCU\` | its sub-key \`Defaults\` |
| macOS | values that a profile forces in \`${MANAGED_PLACES.macosDomain}\` | its dictionary \`Defaults\`, forced too |
| Linux | \`${MANAGED_PLACES.linuxFiles[0]}\`; where it is absent, \`${MANAGED_PLACES.linuxFiles[1]}\` | its object \`Defaults\` |

- **Windows**: text is \`REG_SZ\`; yes and no are \`REG_DWORD\` 1 and 0. Environment variables are not expanded.
- **macOS**: a value written with \`defaults write\` does not count: any process of the person could write it.
- **Linux**: the file must be a regular file (no link) that belongs to root and that only root may write, in a folder of the same kind; otherwise it is refused, the reason is logged, and what was known before stays.

A change counts within seconds, without a restart. Templates to start from are in [policies/](policies/): administrative templates for Windows (English and German), a profile and a Jamf schema for macOS, and a file for Linux.
`;
}

function valuesOf(name: ManagedName, about: AboutSetting): string {
  if (typeof about.example === 'boolean') return '`true`, `false`';
  if (about.choices)
    return Object.keys(about.choices)
      .map((choice) => `\`${choice}\``)
      .join(', ');
  return name === 'ProvisioningToken' ? '`muster_provision_…`' : `such as \`${about.example}\``;
}

const builtIn = (name: ManagedName) => (BUILT_IN[name] === undefined ? 'none' : `\`${BUILT_IN[name]}\``);
