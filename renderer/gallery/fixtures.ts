import type { AppSnapshot, Diagnostic, UserError, WhatWillBeSent } from '../../contract/bridge.ts';
import type { AssuranceReason, SelfDevice } from '../../contract/device.ts';
import { aDevice, aReport } from '../../contract/testing/fixtures.ts';

/** The moment that every fixture is told from. */
export const NOW = '2026-09-14T09:41:00.000Z';
const minutes = (from: number): string => new Date(Date.parse(NOW) + from * 60_000).toISOString();

const reason = (code: AssuranceReason['code'], supports: boolean): AssuranceReason => ({ code, supports, text: code });

export const device: SelfDevice = aDevice({
  permanentIdentifier: 'urn:ek:sha256:P6nCG0m1xVbTzXo0c8u2pYbq2x7yS3mLw0QeJt5aK9E=',
  name: 'carl-thinkpad',
  owner: { email: 'carl@example.com', displayName: 'Carl Ruiz' },
  assurance: {
    level: 'normal',
    reasons: [
      reason('not-approved', false),
      reason('owner-bound', true),
      reason('active', true),
      reason('attestation-valid', true),
      reason('class-accepted', true),
    ],
  },
  ceremonyCode: 'KTW-RBF',
  enrolledAt: minutes(-6),
  attestedAt: minutes(-6),
  team: 'Nordlicht Studio',
  approvers: 3,
});

const approved: SelfDevice = {
  ...device,
  approval: 'approved',
  assurance: {
    level: 'high',
    reasons: [
      reason('approved', true),
      reason('owner-bound', true),
      reason('active', true),
      reason('attestation-valid', true),
      reason('class-accepted', true),
    ],
  },
};

const software: SelfDevice = {
  ...approved,
  ekClass: 'software',
  assurance: {
    level: 'normal',
    reasons: [
      reason('approved', true),
      reason('owner-bound', true),
      reason('active', true),
      reason('attestation-valid', true),
      reason('class-not-accepted', false),
    ],
  },
};

const demo: SelfDevice = {
  ...software,
  demo: true,
  team: 'Muster Demo',
  assurance: {
    level: 'high',
    reasons: [
      reason('approved', true),
      reason('owner-bound', true),
      reason('active', true),
      reason('attestation-valid', true),
      reason('demo-software-tpm', true),
    ],
  },
};

export const send: WhatWillBeSent = {
  permanentIdentifier: device.permanentIdentifier,
  tpm: { manufacturer: 'Infineon (IFX)', firmwareVersion: '7.85.4555.0', ekCertificates: 2, algorithm: 'RSA 2048' },
  machine: aReport({
    hostName: 'carl-thinkpad',
    osVersion: 'Debian 12',
    architecture: 'x86_64',
    manufacturer: { value: 'LENOVO' },
    model: { value: 'ThinkPad X1 Carbon Gen 11' },
    serial: { unavailable: 'The serial number cannot be read: Linux lets only root read it.', why: 'not-allowed' },
    hardwareUuid: {
      unavailable: 'The hardware UUID cannot be read: Linux lets only root read it.',
      why: 'not-allowed',
    },
  }),
};

const noTpm: WhatWillBeSent = {
  permanentIdentifier: 'C02XK1ZHJGH5',
  tpm: null,
  machine: {
    ...send.machine,
    os: 'macOS',
    osVersion: '15.6',
    architecture: 'arm64',
    manufacturer: { value: 'Apple' },
    model: { value: 'MacBook Pro (14-inch, 2024)' },
    serial: { value: 'C02XK1ZHJGH5' },
    hardwareUuid: { value: '5F4B2C1A-7C0E-5D0B-9E6B-0D8C5A1B2C3D' },
    provisioningUdid: { value: '00006031-001C2D8E3A90401E' },
  },
};

export const tpmPermission: UserError = {
  code: 'tpm-permission',
  title: 'Muster may not use the security chip (TPM).',
  detail: 'The device /dev/tpmrm0 is there, but your account may not open it.',
  advice: 'Add your account to the group tss, sign out of the computer and in again, then try again.',
  correlationId: null,
};

const offlineReason: UserError = {
  code: 'server-unreachable',
  title: 'The server cannot be reached.',
  detail: 'connect ETIMEDOUT',
  advice: 'Check the network connection. Muster keeps trying.',
  correlationId: null,
};

const base: AppSnapshot = {
  state: { kind: 'starting' },
  connection: { kind: 'online' },
  demo: false,
  version: '0.1.0',
  platform: 'linux',
  host: 'electron',
  managed: {},
  settings: { serverUrl: 'https://muster.nordlicht.example', startAtLogin: true, language: 'en' },
  serverQuestion: null,
};

const having = (change: Partial<AppSnapshot>): AppSnapshot => ({ ...base, ...change });
const enrolled = (change: Partial<SelfDevice>, from: SelfDevice = device): AppSnapshot =>
  having({ state: { kind: 'enrolled', device: { ...from, ...change } } });

/** Every state that the window can be in, by the name that tests and screenshots use. */
export const SNAPSHOTS = {
  starting: base,
  'signed-out': having({
    state: { kind: 'signed-out', serverUrl: 'https://muster.nordlicht.example', team: 'Nordlicht Studio' },
  }),
  'signed-out-no-server': having({
    state: { kind: 'signed-out', serverUrl: null, team: null },
    settings: { ...base.settings, serverUrl: null },
  }),
  review: having({
    state: { kind: 'review', serverUrl: 'https://muster.nordlicht.example', team: 'Nordlicht Studio', send },
  }),
  'review-mac': having({
    platform: 'macos',
    state: { kind: 'review', serverUrl: 'https://muster.nordlicht.example', team: 'Nordlicht Studio', send: noTpm },
  }),
  'signing-in': having({
    state: {
      kind: 'signing-in',
      code: 'KTW-RBF',
      browserUrl: 'https://muster.nordlicht.example/oauth/auth?request_uri=urn:example',
      expiresAt: minutes(9.5),
    },
  }),
  enrolling: having({
    state: {
      kind: 'enrolling',
      code: 'KTW-RBF',
      step: 'activation',
      done: ['identity', 'announce', 'sign-in', 'grant', 'attestation-key'],
    },
  }),
  waiting: enrolled({}),
  'waiting-demo': { ...enrolled({ ekClass: 'software', demo: true, team: 'Muster Demo' }), demo: true },
  approved: enrolled({}, approved),
  'approved-software': enrolled({}, software),
  'approved-demo': { ...enrolled({}, demo), demo: true },
  'approved-stale': enrolled(
    {
      attestation: 'stale',
      assurance: {
        level: 'normal',
        reasons: [
          reason('approved', true),
          reason('owner-bound', true),
          reason('active', true),
          reason('attestation-stale', false),
          reason('class-accepted', true),
        ],
      },
    },
    approved,
  ),
  refused: enrolled({
    approval: 'refused',
    approvalReason: 'This laptop is not on our purchase list. Please bring it to the office on Thursday.',
  }),
  'refused-no-reason': enrolled({ approval: 'refused' }),
  quarantined: enrolled({ lifecycle: 'quarantined' }, approved),
  conflict: enrolled({ conflict: true }),
  deleted: enrolled({ lifecycle: 'deleted' }),
  offline: {
    ...enrolled({}, approved),
    connection: { kind: 'offline', since: minutes(-4), lastKnownAt: minutes(-5), reason: offlineReason },
  },
  failed: having({ state: { kind: 'failed', error: tpmPermission, retry: true } }),
  'failed-final': having({
    state: {
      kind: 'failed',
      retry: false,
      error: {
        code: 'self-enrolment-off',
        title: 'Your team does not let people enrol devices without an invite.',
        detail: 'The setting for enrolment through the identity provider is off.',
        advice: 'Ask an administrator for an invite.',
        correlationId: '01J7Z3K8Q9M4T2',
      },
    },
  }),
  managed: having({
    state: { kind: 'signed-out', serverUrl: 'https://muster.nordlicht.example', team: 'Nordlicht Studio' },
    managed: { serverUrl: 'enforced', startAtLogin: 'enforced' },
  }),
  'server-question': having({
    state: { kind: 'signed-out', serverUrl: 'https://muster.nordlicht.example', team: 'Nordlicht Studio' },
    serverQuestion: { requested: 'https://muster.other.example', current: 'https://muster.nordlicht.example' },
  }),
} satisfies Record<string, AppSnapshot>;

export type SnapshotName = keyof typeof SNAPSHOTS;

export const DIAGNOSTICS: Diagnostic[] = [
  {
    id: 'server',
    title: 'Inventory server',
    status: 'pass',
    detail: 'https://muster.nordlicht.example answers for the team "Nordlicht Studio" (version 0.1.0).',
    remedy: null,
    finding: {
      code: 'server-answers',
      values: { origin: 'https://muster.nordlicht.example', team: 'Nordlicht Studio', version: '0.1.0' },
    },
  },
  {
    id: 'clock',
    title: 'Clock',
    status: 'warn',
    detail: "94 s behind the server's clock.",
    remedy: 'Set the clock of this machine.',
    finding: { code: 'clock-behind', values: { seconds: 94 } },
  },
  {
    id: 'hardware',
    title: 'Security chip',
    status: 'pass',
    detail: 'TPM 2.0 by Infineon (IFX), firmware 7.85.4555.0, with a manufacturer certificate.',
    remedy: null,
    finding: { code: 'chip-certified', values: { maker: 'Infineon (IFX)', firmware: '7.85.4555.0' } },
  },
  {
    id: 'secrets',
    title: 'Secret storage',
    status: 'fail',
    detail: 'This system offers no safe place for secrets. No keyring is unlocked.',
    remedy: 'Unlock or install a keyring (GNOME Keyring, KWallet), then start Muster again.',
    finding: { code: 'secret-store-unsafe', values: {} },
  },
];
