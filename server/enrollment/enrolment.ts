import type { MachineReport, TeamSettings } from '../../contract/index.ts';
import type { EndorsementFacts } from '../attestation/attestation.ts';
import { refuse } from '../error.ts';
import type { Actor } from '../store/audit.ts';
import type { DeviceRow, GrantRow } from '../store/schema.ts';
import type { ProvenKey, ProvenTpm } from './tpmProof.ts';
import type { EvidenceBytes } from './verifyEvidence.ts';

/** What an enrolment proved, ready to be decided upon and stored. */
export type Proven =
  | { kind: 'tpm'; tpm: ProvenTpm; facts: EndorsementFacts }
  | { kind: 'claim'; key: ProvenKey; protection: string };

export type Enrolment = {
  now: number;
  grant: GrantRow;
  ceremonyCode: string | null;
  machine: MachineReport;
  proven: Proven;
  /** The request's proofs as received (JSON), kept as evidence. */
  received: unknown;
  settings: TeamSettings;
  /** The server's origin, which the proofs are bound to. */
  origin: string;
  actor: Actor;
  requestId: string;
};

/** A conflict is committed, and then answered as a refusal: so it is a result here, not an error. */
export type Decided = { kind: 'enrolled'; device: DeviceRow } | { kind: 'conflict' };

export type Facts = Partial<Omit<DeviceRow, 'id' | 'version' | 'updated_at'>>;

/** Errors: `device-deleted`, `device-refused`, `device-quarantined`. */
export function checkTombstone(device: DeviceRow): void {
  if (device.lifecycle === 'deleted') refuse('device-deleted');
  if (device.approval === 'refused') refuse('device-refused', device.approval_reason ?? undefined);
  if (device.lifecycle === 'quarantined') refuse('device-quarantined');
}

export function deviceName(enrolment: Enrolment): string {
  return enrolment.machine.hostName.trim() || 'Unnamed device';
}

export function machineFacts(machine: MachineReport): Facts {
  return { os_version: machine.osVersion, machine: JSON.stringify(machine) };
}

export function evidenceOf(enrolment: Enrolment, deviceId: string) {
  const { proven, grant, received, machine, origin } = enrolment;
  const verdict =
    proven.kind === 'tpm'
      ? {
          ekClass: proven.facts.ekClass,
          reasons: [...proven.facts.reasons, ...proven.tpm.verdict],
          secureBoot: proven.tpm.secureBoot,
        }
      : { reasons: ['A key claims this serial number; nothing proves it.'], protection: proven.protection };
  return {
    device_id: deviceId,
    kind: proven.kind,
    purpose: 'enrol',
    outcome: 'valid',
    bytes: JSON.stringify({
      version: 1,
      origin,
      boundTo: grant.key_thumbprint,
      permanentIdentifier: grant.permanent_identifier,
      received,
      endorsement: proven.kind === 'tpm' ? proven.facts : null,
      machine,
    } satisfies EvidenceBytes),
    verdict: JSON.stringify(verdict),
  } as const;
}
