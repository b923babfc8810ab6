import type { z } from 'zod';
import type { OperatingSystem, Source } from '../../contract/index.ts';
import { normalizeSerial } from './serials.ts';

/** Fields that an MDM may know, and that an explicit value masks. `email` is the owner's address. */
export type DerivableValues = {
  displayId?: string;
  displayName?: string;
  serial?: string;
  os?: z.infer<typeof OperatingSystem>;
  ownership?: 'company' | 'personal';
  email?: string;
};

/** What API and console set. The last three are never derived. */
export type ExplicitValues = DerivableValues & {
  tags?: string[];
  metadata?: Record<string, string>;
  shared?: boolean;
  /** The `data` of the collection instance as it was last put; returned with the owner's address laid over it. */
  data?: Record<string, unknown>;
};

export type DerivableField = keyof DerivableValues;
export const DERIVABLE_FIELDS = ['displayId', 'displayName', 'serial', 'os', 'ownership', 'email'] as const;

/** One MDM connection's words about a device. `createdAt` (epoch milliseconds) is when it first reported it. */
export type MdmLayer = { connection: string; source: Source; values: DerivableValues; createdAt: number };

export type Layers = {
  explicit: ExplicitValues;
  mdm: readonly MdmLayer[];
  /** What the machine says of itself; unproven, so it comes last. */
  machine: Pick<DerivableValues, 'displayName' | 'serial' | 'os'>;
};

export type Visible = {
  values: DerivableValues;
  /** Which layer each visible value came from: `explicit`, `machine`, or the source of the MDM. */
  from: Partial<Record<DerivableField, string>>;
};

/**
 * The values that everybody sees: explicit over MDM over machine, field by field. Where two MDMs both supply a value, the one that
 * reported the device first wins (then the names of source and connection decide), so that two syncs never make a value flap.
 */
export function visibleValues(layers: Layers): Visible {
  const ordered: [string, DerivableValues][] = [
    ['explicit', layers.explicit],
    ...[...layers.mdm]
      .sort((a, b) => a.createdAt - b.createdAt || (orderOf(a) < orderOf(b) ? -1 : 1))
      .map((layer): [string, DerivableValues] => [layer.source, layer.values]),
    ['machine', layers.machine],
  ];
  const values: Record<string, unknown> = {};
  const from: Partial<Record<DerivableField, string>> = {};
  for (const field of DERIVABLE_FIELDS) {
    const winner = ordered.find(([, candidate]) => candidate[field] !== undefined);
    if (!winner) continue;
    values[field] = winner[1][field];
    from[field] = winner[0];
  }
  return { values: values as DerivableValues, from };
}

const orderOf = ({ source, connection }: MdmLayer) => `${source} ${connection}`;

/** A change to the explicit layer: absent leaves, null unmasks, a value masks. */
export type ExplicitChange = { [K in keyof ExplicitValues]?: ExplicitValues[K] | null };

export function changeExplicit(current: ExplicitValues, change: ExplicitChange): ExplicitValues {
  const next: Record<string, unknown> = { ...current };
  for (const [field, value] of Object.entries(change)) {
    if (value === undefined) continue;
    if (value === null) delete next[field];
    else next[field] = value;
  }
  return next as ExplicitValues;
}

/**
 * Who owns the device: an explicit binding; else the person who enrolled it by signing in, whom no MDM's guess displaces; else the
 * MDM's user.
 */
export function visibleOwner(visible: Visible, enrolledBy: string | null): { email: string; from: string } | null {
  const { email } = visible.values;
  if (email !== undefined && visible.from.email === 'explicit') return { email, from: 'explicit' };
  if (enrolledBy !== null) return { email: enrolledBy, from: 'enrolment' };
  return email === undefined ? null : { email, from: visible.from.email ?? 'explicit' };
}

/** The machine's own layer out of the stored report (MachineReport as JSON text); unreadable or absent gives an empty one. */
export function machineLayer(machine: string | null): Layers['machine'] {
  if (machine === null) return {};
  const report = JSON.parse(machine) as {
    hostName?: string;
    os?: 'Linux' | 'Windows' | 'macOS';
    serial?: { value?: string };
  };
  const serial = normalizeSerial(report.serial?.value);
  return {
    ...(report.hostName ? { displayName: report.hostName } : {}),
    ...(report.os ? { os: report.os } : {}),
    ...(serial ? { serial } : {}),
  };
}
