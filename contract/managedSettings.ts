import { z } from 'zod';

export type ManagedPlatform = 'windows' | 'macos' | 'linux';
/** `enforced`: the person cannot change it. `default`: holds until the person chooses otherwise. */
export type Strength = 'enforced' | 'default';

/** What templates, documents and readers need to know of a setting besides its type. */
export type AboutSetting = {
  title: string;
  description: string;
  /** Shown for each choice of a setting that has choices. */
  choices?: Readonly<Record<string, string>>;
  example: string | boolean;
  strengths: readonly Strength[];
  platforms: readonly ManagedPlatform[];
  /** `machine`: counts only where it is set for the whole machine, because it decides where and how the machine enrols. */
  scope: 'machine' | 'machine or person';
  /** Whether reports and logs leave the value out. */
  secret?: true;
};

const registry = z.registry<AboutSetting>();
const everywhere = ['windows', 'macos', 'linux'] as const;
const both = ['enforced', 'default'] as const;

/**
 * What an organization may set on its machines, in one schema with two strengths: a value at the root is *enforced* (the person cannot
 * change it), a value under `Defaults` only holds until the person chooses otherwise. Names are the same in the Windows registry, macOS
 * preferences and the Linux file; templates and documents are generated from here (build/policies.ts).
 */
export const ManagedValues = z.strictObject({
  ServerUrl: z
    .string()
    .max(2048)
    .regex(/^https:\/\/[^\s]+$|^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?\/?$/, 'must be an https address')
    .optional()
    .register(registry, {
      title: 'Inventory server',
      description: 'Address of the Muster server. Plain http is refused, except to this machine itself.',
      example: 'https://muster.example.com',
      strengths: both,
      platforms: everywhere,
      scope: 'machine',
    }),
  Team: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[^\s]+$/, 'must be the slug of a team')
    .optional()
    .register(registry, {
      title: 'Team',
      description: 'Slug of the team. Enrolment stops where the server names another one.',
      example: 'example',
      strengths: both,
      platforms: everywhere,
      scope: 'machine',
    }),
  SelfEnrolment: z
    .enum(['browser', 'device-code', 'off'])
    .optional()
    .register(registry, {
      title: 'How people sign in to enrol',
      description: 'How a person who enrols this machine signs in.',
      choices: {
        browser: 'In the browser of this machine',
        'device-code': 'With a code, in a browser elsewhere',
        off: 'Not at all: only with the provisioning token',
      },
      example: 'browser',
      strengths: both,
      platforms: everywhere,
      scope: 'machine',
    }),
  ProvisioningToken: z
    .string()
    .regex(/^muster_provision_[A-Za-z0-9_-]{16,256}$/, 'must be a provisioning token of a Muster server')
    .optional()
    .register(registry, {
      title: 'Provisioning token',
      description: 'Lets this machine enrol without a person. It never approves a device and gives it no owner.',
      example: 'muster_provision_REPLACE-WITH-YOUR-TOKEN',
      strengths: ['enforced'],
      platforms: everywhere,
      scope: 'machine',
      secret: true,
    }),
  Updates: z
    .enum(['automatic', 'notify', 'disabled'])
    .optional()
    .register(registry, {
      title: 'Updates',
      description:
        'Who updates Muster. An installation by msi, pkg, deb or rpm never updates itself; any other that you manage only where you set this.',
      choices: {
        automatic: 'Muster updates itself',
        notify: 'Muster says that there is an update',
        disabled: 'Your software distribution updates Muster',
      },
      example: 'disabled',
      strengths: both,
      platforms: everywhere,
      scope: 'machine',
    }),
  StartAtLogin: z.boolean().optional().register(registry, {
    title: 'Start at login',
    description: 'Muster starts in the background when a person signs in.',
    example: true,
    strengths: both,
    platforms: everywhere,
    scope: 'machine or person',
  }),
  LogLevel: z
    .enum(['error', 'warn', 'info', 'debug'])
    .optional()
    .register(registry, {
      title: 'Log level',
      description: 'How much Muster writes to its log. No level writes secrets.',
      choices: { error: 'Errors', warn: 'Warnings', info: 'Events', debug: 'Everything' },
      example: 'info',
      strengths: both,
      platforms: everywhere,
      scope: 'machine or person',
    }),
  Proxy: z
    .string()
    .max(2048)
    .regex(/^(?:system|direct|https?:\/\/[^\s@]+)$/, 'must be system, direct, or an address without a password')
    .optional()
    .register(registry, {
      title: 'Proxy',
      description:
        'system: the settings of this machine. direct: none. Otherwise the address of a proxy, or of a PAC file (ending in .pac).',
      example: 'system',
      strengths: both,
      platforms: everywhere,
      scope: 'machine or person',
    }),
  ExtraCaFile: z
    .string()
    .max(1024)
    .regex(/^(?:\/|[A-Za-z]:\\|\\\\)[^\0]+$/, 'must be an absolute path')
    .optional()
    .register(registry, {
      title: 'Further certificate authorities',
      description: 'Absolute path of a PEM file with certificate authorities to trust besides those of the system.',
      example: '/etc/ssl/certs/example-ca.pem',
      strengths: ['enforced'],
      platforms: everywhere,
      scope: 'machine',
    }),
  MakerCertificates: z
    .boolean()
    .optional()
    .register(registry, {
      title: 'Certificates from the maker of the TPM',
      description:
        'Whether Intel or AMD is asked for the certificate of an endorsement key when its TPM holds none. The request tells the maker a hash of that key.',
      example: true,
      strengths: ['enforced'],
      platforms: ['windows', 'linux'],
      scope: 'machine',
    }),
  AllowSoftwareTpm: z
    .boolean()
    .optional()
    .register(registry, {
      title: 'Let software TPMs enrol',
      description:
        'Whether a machine whose TPM is software may enrol at all; where it is not set, the server alone decides. It never affects assurance.',
      example: false,
      strengths: ['enforced'],
      platforms: ['windows', 'linux'],
      scope: 'machine',
    }),
});
export type ManagedValues = z.infer<typeof ManagedValues>;
export type ManagedName = keyof ManagedValues;

export const MANAGED_NAMES = Object.keys(ManagedValues.shape) as ManagedName[];

export function aboutSetting(name: ManagedName): AboutSetting {
  const about = registry.get(ManagedValues.shape[name]);
  if (!about) throw new TypeError(`${name} has no description.`);
  return about;
}

/** What a carrier holds: enforced values at the root, defaults beside them. */
export const ManagedProfile = ManagedValues.extend({
  Defaults: ManagedValues.omit({
    ProvisioningToken: true,
    ExtraCaFile: true,
    MakerCertificates: true,
    AllowSoftwareTpm: true,
  }).optional(),
});
export type ManagedProfile = z.infer<typeof ManagedProfile>;

/** Where each operating system keeps the settings. The app's identifier is also electron-builder.yml's appId, and never changes. */
export const MANAGED_PLACES = {
  windowsKey: 'SOFTWARE\\Policies\\Muster',
  macosDomain: 'org.muster.Muster',
  linuxFiles: ['/etc/muster/managed-settings.json', '/usr/share/muster/managed-settings.json'],
  names: MANAGED_NAMES,
  nested: ['Defaults'],
} as const;

/** What holds where neither the organization nor the person said anything. */
export const BUILT_IN: Readonly<ManagedValues> = {
  SelfEnrolment: 'browser',
  Updates: 'notify',
  StartAtLogin: false,
  LogLevel: 'info',
  Proxy: 'system',
  MakerCertificates: false,
};

/** One profile out of that of the machine and that of the person: the machine's value wins, each value for itself. */
export function mergeProfiles(machine: ManagedProfile, person: ManagedProfile): ManagedProfile {
  const allowed = (values: ManagedValues) =>
    Object.fromEntries(
      Object.entries(values).filter(([name]) => aboutSetting(name as ManagedName).scope === 'machine or person'),
    );
  const { Defaults: machineDefaults = {}, ...machineEnforced } = machine;
  const { Defaults: personDefaults = {}, ...personEnforced } = person;
  const defaults = { ...allowed(personDefaults), ...machineDefaults };
  return {
    ...allowed(personEnforced),
    ...machineEnforced,
    ...(Object.keys(defaults).length > 0 ? { Defaults: defaults } : {}),
  };
}

/** Which settings the organization set, and how strongly; "managed by your organization" is shown where it is `enforced`. */
export function managedStrengths(profile: ManagedProfile): Partial<Record<ManagedName, Strength>> {
  const { Defaults = {}, ...enforced } = profile;
  const strengths: Partial<Record<ManagedName, Strength>> = {};
  for (const name of MANAGED_NAMES) {
    if ((Defaults as ManagedValues)[name] !== undefined) strengths[name] = 'default';
    if (enforced[name] !== undefined) strengths[name] = 'enforced';
  }
  return strengths;
}

/** Enforced policy > the person's choice > default policy > built-in (deployment order of precedence). */
export function effective<N extends ManagedName>(
  profile: ManagedProfile,
  name: N,
  chosen: ManagedValues[N] | undefined,
): ManagedValues[N] | undefined {
  const { Defaults = {}, ...enforced } = profile;
  return (enforced as ManagedValues)[name] ?? chosen ?? (Defaults as ManagedValues)[name] ?? BUILT_IN[name];
}
