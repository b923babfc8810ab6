import type { ManagedProfile } from './managedSettings.ts';

export type PlistValue = string | number | boolean | readonly PlistValue[] | { readonly [key: string]: PlistValue };

/** An XML property list (Apple's plist DTD 1.0), indented with tabs as Apple's tools do. */
export function plistXml(value: PlistValue): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    ...lines(value, 0),
    '</plist>',
    '',
  ].join('\n');
}

function lines(value: PlistValue, depth: number): string[] {
  const indent = '\t'.repeat(depth);
  if (typeof value === 'string') return [`${indent}<string>${escapeXml(value)}</string>`];
  if (typeof value === 'boolean') return [`${indent}<${value}/>`];
  if (typeof value === 'number') {
    const tag = Number.isInteger(value) ? 'integer' : 'real';
    return [`${indent}<${tag}>${value}</${tag}>`];
  }
  if (Array.isArray(value)) {
    return [`${indent}<array>`, ...value.flatMap((item) => lines(item, depth + 1)), `${indent}</array>`];
  }
  const entries = Object.entries(value).flatMap(([key, item]) => [
    `${indent}\t<key>${escapeXml(key)}</key>`,
    ...lines(item, depth + 1),
  ]);
  return [`${indent}<dict>`, ...entries, `${indent}</dict>`];
}

/** For text and for attribute values in double quotes. */
export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export type ProfileFrame = {
  /** The preference domain that the settings go to: the app's bundle identifier. */
  domain: string;
  /** Shown in System Settings. */
  organization: string;
  /** Upper-case UUIDs. Stable ones let a later profile replace this one. */
  profileUuid: string;
  settingsUuid: string;
};

/** A configuration profile (Apple's Configuration Profile Reference) that forces the given settings on a Mac, unsigned. */
export function configurationProfile(settings: ManagedProfile, frame: ProfileFrame): string {
  const { Defaults, ...enforced } = settings;
  return plistXml({
    PayloadContent: [
      {
        PayloadDisplayName: 'Muster',
        PayloadIdentifier: `${frame.domain}.settings.${frame.settingsUuid}`,
        PayloadType: frame.domain,
        PayloadUUID: frame.settingsUuid,
        PayloadVersion: 1,
        ...enforced,
        ...(Defaults ? { Defaults } : {}),
      },
    ],
    PayloadDescription: 'Settings of Muster, the device inventory.',
    PayloadDisplayName: 'Muster',
    PayloadIdentifier: `${frame.domain}.settings`,
    PayloadOrganization: frame.organization,
    PayloadRemovalDisallowed: true,
    PayloadScope: 'System',
    PayloadType: 'Configuration',
    PayloadUUID: frame.profileUuid,
    PayloadVersion: 1,
  });
}
