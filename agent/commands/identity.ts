import { isNativeError } from '../../native/errors.ts';
import { readMachine } from '../../native/machine/readMachine.ts';
import type { Fact } from '../../native/machine/report.ts';
import { createTpmAttestor, type TpmEndorsement } from '../../native/tpm/attestor.ts';
import { describeManufacturer } from '../../native/tpm/info.ts';
import type { Context, Handler, Values } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { withTpm } from '../hardware.ts';
import { base64, printRows } from '../print.ts';

/** Everything that an enrolment sends before any proof is made. Sends nothing itself. */
export const identity: Handler = async (values, context) => {
  const [machine, endorsement] = await Promise.all([readMachine(), readEndorsement(values)]);
  const tpm = 'eks' in endorsement ? describe(endorsement) : null;
  const claimed = 'value' in machine.serial && machine.os === 'macOS' ? machine.serial.value : null;
  const report = {
    permanentIdentifier: tpm?.endorsementKeys[0]?.permanentIdentifier ?? claimed,
    tpm,
    unavailable: 'unavailable' in endorsement ? endorsement.unavailable : null,
    machine,
  };
  if (values.flags.has('json')) context.out(`${JSON.stringify(report, null, 2)}\n`);
  else printReport(context, report);
  return EXIT.ok;
};

/** A machine without a usable TPM still has an identity to show; a wrong --tcti does not. */
async function readEndorsement(values: Values): Promise<TpmEndorsement | { unavailable: string }> {
  try {
    return await withTpm(values, (tpm) => createTpmAttestor(tpm).readEndorsement());
  } catch (error) {
    if (!isNativeError(error) || values.texts.has('tcti')) throw error;
    return { unavailable: error.message };
  }
}

function describe({ eks, chain, tpm }: TpmEndorsement) {
  return {
    manufacturer: describeManufacturer(tpm.manufacturer),
    vendor: tpm.vendor,
    firmwareVersion: tpm.firmwareVersion,
    endorsementKeys: eks.map((ek, at) => ({
      algorithm: ek.algorithm,
      permanentIdentifier: ek.permanentIdentifier,
      preferred: at === 0,
      publicKey: base64(ek.publicKeySpki),
      certificate: ek.certificate ? base64(ek.certificate) : null,
      certificateMismatch: ek.certificateMismatch ?? null,
    })),
    chain: chain.map(base64),
  };
}

type Report = {
  permanentIdentifier: string | null;
  tpm: ReturnType<typeof describe> | null;
  unavailable: string | null;
  machine: Awaited<ReturnType<typeof readMachine>>;
};

function printReport(context: Context, { permanentIdentifier, tpm, unavailable, machine }: Report): void {
  const rows: (readonly [string, string])[] = [['Permanent identifier', permanentIdentifier ?? 'none']];
  if (tpm) {
    rows.push(['TPM', `${tpm.manufacturer.name} ${tpm.vendor}, firmware ${tpm.firmwareVersion}`]);
    for (const ek of tpm.endorsementKeys) {
      rows.push([
        'Endorsement key',
        `${ek.algorithm} ${ek.permanentIdentifier}, ${ek.certificate ? 'with certificate' : 'no certificate'}`,
      ]);
      if (ek.certificateMismatch) rows.push(['', ek.certificateMismatch]);
    }
    if (tpm.chain.length > 0) rows.push(['Maker’s certificates', String(tpm.chain.length)]);
  } else rows.push(['TPM', unavailable ?? 'none']);
  rows.push(
    ['Host name', machine.hostName],
    ['Operating system', `${machine.os}: ${machine.osVersion}`],
    ['Architecture', machine.architecture],
    ['Maker', text(machine.manufacturer)],
    ['Model', text(machine.model)],
    ['Serial number', text(machine.serial)],
    ['Hardware UUID', text(machine.hardwareUuid)],
  );
  if (machine.provisioningUdid) rows.push(['Provisioning UDID', text(machine.provisioningUdid)]);
  rows.push(['Virtual machine', machine.virtualMachine]);
  printRows(context, rows);
}

const text = (fact: Fact): string => ('value' in fact ? fact.value : fact.unavailable);
