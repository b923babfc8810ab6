import type { AssuranceReason, Device } from '../../contract/device.ts';
import type { Session } from '../../contract/settings.ts';

/** The moment that every fixture is told from. */
export const NOW = '2026-09-14T09:41:00.000Z';
const minutes = (from: number): string => new Date(Date.parse(NOW) + from * 60_000).toISOString();
const reasons = (...list: [AssuranceReason['code'], boolean][]): AssuranceReason[] =>
  list.map(([code, supports]) => ({ code, supports, text: code }));

export const SESSION: Session = {
  user: { id: '0b7e3a52-8a3c-4f0e-9d55-3f6a1f6e2c10', email: 'ada@nordlicht.example', displayName: 'Ada Brandt' },
  role: 'owner',
  team: { slug: 'nordlicht', name: 'Nordlicht Studio' },
  demo: false,
  selfApprovalForbidden: false,
  expiresAt: minutes(600),
};

const base: Device = {
  id: '00000000-0000-4000-8000-000000000000',
  permanentIdentifier: 'urn:ek:sha256:P6nCG0m1xVbTzXo0c8u2pYbq2x7yS3mLw0QeJt5aK9E=',
  aliases: [],
  name: 'carl-thinkpad',
  serial: 'PF3K9X2M',
  os: 'Linux',
  osVersion: 'Debian 12',
  source: 'End-User',
  owner: { email: 'carl@nordlicht.example', displayName: 'Carl Ruiz' },
  shared: false,
  tags: [],
  ownership: 'company',
  approval: 'pending',
  approvalReason: null,
  decidedBy: null,
  decidedAt: null,
  requestedBy: 'carl@nordlicht.example',
  attestation: 'valid',
  lifecycle: 'active',
  ekClass: 'hardware',
  ekCertificate: 'verified',
  secureBoot: 'on',
  assurance: {
    level: 'normal',
    reasons: reasons(
      ['not-approved', false],
      ['owner-bound', true],
      ['active', true],
      ['attestation-valid', true],
      ['class-accepted', true],
    ),
  },
  ceremonyCode: 'KTW-RBF',
  conflictId: null,
  candidateOf: null,
  version: 3,
  createdAt: minutes(-6),
  enrolledAt: minutes(-6),
  attestedAt: minutes(-6),
  lastSeenAt: minutes(-1),
  demo: false,
};

const high: Device['assurance'] = {
  level: 'high',
  reasons: reasons(
    ['approved', true],
    ['owner-bound', true],
    ['active', true],
    ['attestation-valid', true],
    ['class-accepted', true],
  ),
};

let serial = 0;
/** A device of its own: id and permanent identifier are derived from its number. */
export function makeDevice(change: Partial<Device>): Device {
  serial += 1;
  const hash = btoa(
    String.fromCharCode(...Array.from({ length: 32 }, (_, index) => (serial * 37 + index * 91 + serial * index) % 256)),
  );
  const id = `7d1b6a0e-2f7c-4b51-9d0a-${serial.toString(16).padStart(12, '0')}`;
  return { ...base, id, permanentIdentifier: `urn:ek:sha256:${hash}`, ...change };
}

const approved: Partial<Device> = {
  approval: 'approved',
  decidedBy: 'ada@nordlicht.example',
  decidedAt: minutes(-60 * 30),
  assurance: high,
  createdAt: minutes(-60 * 50),
  enrolledAt: minutes(-60 * 50),
  attestedAt: minutes(-60 * 3),
};

/** Newest first, as the inventory lists them. */
export const DEVICES: Device[] = [
  makeDevice({}),
  makeDevice({
    name: 'mira-xps',
    owner: { email: 'mira@nordlicht.example', displayName: 'Mira Okafor' },
    ceremonyCode: 'PLX-GND',
    os: 'Windows',
    osVersion: '11 24H2',
    ekClass: 'firmware',
    serial: '8XJ4R53',
    createdAt: minutes(-41),
    enrolledAt: minutes(-41),
  }),
  makeDevice({
    name: 'build-vm-07',
    owner: { email: 'tomas@nordlicht.example', displayName: null },
    ceremonyCode: 'ZZB-QHT',
    ekClass: 'virtual',
    ekCertificate: 'unverified',
    osVersion: 'Ubuntu 24.04',
    serial: null,
    secureBoot: 'off',
    createdAt: minutes(-190),
    enrolledAt: minutes(-190),
    lastSeenAt: minutes(-120),
  }),
  makeDevice({
    name: 'ada-framework',
    owner: { email: 'ada@nordlicht.example', displayName: 'Ada Brandt' },
    ceremonyCode: 'TTR-MVK',
    conflictId: '5a1c0f9e-7d7b-4c6b-9a36-6d3f6a1f9b42',
    createdAt: minutes(-60 * 20),
    enrolledAt: minutes(-60 * 20),
    lastSeenAt: minutes(-60 * 2),
  }),
  makeDevice({ ...approved, name: 'lena-x1', owner: { email: 'lena@nordlicht.example', displayName: 'Lena Vogt' } }),
  makeDevice({
    ...approved,
    name: 'front-desk',
    owner: null,
    shared: true,
    assurance: {
      level: 'high',
      reasons: reasons(
        ['approved', true],
        ['shared', true],
        ['active', true],
        ['attestation-valid', true],
        ['class-accepted', true],
      ),
    },
    source: 'Intune',
    os: 'Windows',
    osVersion: '11 23H2',
    requestedBy: null,
  }),
  makeDevice({
    ...approved,
    name: 'jonas-macbook',
    permanentIdentifier: 'C02XK1ZHJGH5',
    serial: 'C02XK1ZHJGH5',
    os: 'macOS',
    osVersion: '15.6',
    source: 'Jamf',
    owner: { email: 'jonas@nordlicht.example', displayName: 'Jonas Weber' },
    ekClass: 'absent',
    ekCertificate: 'absent',
    attestation: 'none',
    attestedAt: null,
    secureBoot: 'unknown',
    assurance: {
      level: 'normal',
      reasons: reasons(['approved', true], ['owner-bound', true], ['active', true], ['apple-claim-only', false]),
    },
  }),
  makeDevice({
    ...approved,
    name: 'old-tower',
    owner: { email: 'piet@nordlicht.example', displayName: 'Piet de Boer' },
    lifecycle: 'quarantined',
    attestation: 'stale',
    assurance: {
      level: 'normal',
      reasons: reasons(['approved', true], ['owner-bound', true], ['not-active', false], ['attestation-stale', false]),
    },
    lastSeenAt: minutes(-60 * 24 * 40),
  }),
  makeDevice({
    name: 'unknown-laptop',
    owner: { email: 'guest@nordlicht.example', displayName: null },
    approval: 'refused',
    approvalReason: 'Not on our purchase list.',
    decidedBy: 'ada@nordlicht.example',
    decidedAt: minutes(-60 * 70),
    createdAt: minutes(-60 * 71),
    enrolledAt: minutes(-60 * 71),
    lastSeenAt: null,
  }),
];
