import type { MachineReport, ServerInfo, WhatWillBeSent } from '../contract/index.ts';
import { AppError } from './errors.ts';
import type { Clock, HardwareIdentity } from './ports.ts';
import { closeProver, openProver, type Prover } from './prover.ts';

/** Reads the machine and opens what it proves itself with; both take their time, so at once. */
export async function readIdentity(hardware: HardwareIdentity): Promise<{ machine: MachineReport; prover: Prover }> {
  const [machine, found] = await Promise.all([hardware.readMachine(), hardware.hardware()]);
  return { machine, prover: await openProver(found, machine) };
}

/** What the person sees before anything is sent. */
export async function describeIdentity(hardware: HardwareIdentity): Promise<WhatWillBeSent> {
  const { machine, prover } = await readIdentity(hardware);
  try {
    return whatWillBeSent(machine, prover);
  } finally {
    await closeProver(prover);
  }
}

export function whatWillBeSent(machine: MachineReport, prover: Prover): WhatWillBeSent {
  const { permanentIdentifier } = prover;
  if (prover.kind === 'claim') return { permanentIdentifier, tpm: null, machine };
  const { eks, chain, tpm } = prover.endorsement;
  return {
    permanentIdentifier,
    tpm: {
      manufacturer: manufacturerName(tpm.manufacturer),
      firmwareVersion: tpm.firmwareVersion,
      ekCertificates: eks.filter(({ certificate }) => certificate).length + chain.length,
      algorithm: eks[0]?.algorithm ?? '',
    },
    machine,
  };
}

/** TPM_PT_MANUFACTURER is four ASCII characters in a number (TCG Vendor ID Registry), padded with spaces or zeros. */
export function manufacturerName(manufacturer: number): string {
  const bytes = [24, 16, 8, 0].map((shift) => (manufacturer >>> shift) & 0xff);
  return String.fromCharCode(...bytes.filter((byte) => byte > 0x20 && byte < 0x7f));
}

/** The client's own check of the policy; the server decides by certificate, whatever a TPM says of itself. */
export function refuseSoftwareTpm(prover: Prover): void {
  if (prover.kind === 'tpm' && /^\s*sw\s*tpm/i.test(prover.endorsement.tpm.vendor)) {
    throw new AppError('software-tpm-refused', 'The settings of your organization do not let a software TPM enrol.');
  }
}

/** Beyond this the server refuses proofs, so it is named before the person signs in. */
const MAX_SKEW_MS = 5 * 60_000;

/** The server and this machine must agree on team and time before anything is sent. */
export function checkServer(server: ServerInfo, team: string | null, clock: Clock): void {
  if (team !== null && team !== server.team.slug) {
    throw new AppError(
      'server-not-muster',
      `This server belongs to the team "${server.team.slug}"; the settings of this machine name "${team}".`,
      { advice: 'Ask your IT which server this machine belongs to.' },
    );
  }
  const skewMs = clock.now().getTime() - Date.parse(server.time);
  if (Math.abs(skewMs) > MAX_SKEW_MS) {
    const minutes = Math.round(Math.abs(skewMs) / 60_000);
    const direction = skewMs > 0 ? 'ahead of' : 'behind';
    throw new AppError('clock-skew', `The clock of this machine is ${minutes} minutes ${direction} the server's.`);
  }
}
