import type { MachineReport, SelfDevice } from '../device.ts';

/** An enrolled device that waits for approval, with everything else in order; tests and the gallery change what they are about. */
export function aDevice(change: Partial<SelfDevice> = {}): SelfDevice {
  return {
    id: '0195a000-0000-7000-8000-000000000001',
    permanentIdentifier: 'urn:ek:sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
    name: 'workbench',
    source: 'End-User',
    owner: { email: 'ada@example.com', displayName: 'Ada' },
    approval: 'pending',
    approvalReason: null,
    attestation: 'valid',
    lifecycle: 'active',
    ekClass: 'hardware',
    ekCertificate: 'verified',
    assurance: { level: 'normal', reasons: [{ code: 'not-approved', supports: false, text: 'Not approved yet.' }] },
    ceremonyCode: 'BCD-FGH',
    version: 1,
    enrolledAt: '2030-01-01T00:00:00.000Z',
    attestedAt: '2030-01-01T00:00:00.000Z',
    demo: false,
    team: 'Example',
    conflict: false,
    ...change,
  };
}

/** A Linux machine on which only root may read the numbers of the hardware. */
export function aReport(change: Partial<MachineReport> = {}): MachineReport {
  return {
    hostName: 'workbench',
    os: 'Linux',
    osVersion: 'Debian GNU/Linux 12',
    architecture: 'x64',
    manufacturer: { value: 'Example' },
    model: { value: 'Bench 1' },
    serial: { unavailable: 'needs root' },
    hardwareUuid: { unavailable: 'needs root' },
    virtualMachine: 'no',
    ...change,
  };
}
