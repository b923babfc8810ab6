import { isNativeError } from '../../native/errors.ts';
import type { Fact, MachineReport } from '../../native/machine/report.ts';
import { readMachineHere } from '../../native/service/machine.ts';
import { createTpmAttestor, type TpmEndorsement } from '../../native/tpm/attestor.ts';
import { describeManufacturer } from '../../native/tpm/info.ts';
import { addMakerCertificates, makerCertificateUrl } from '../../native/tpm/makerCertificate.ts';
import type { Context, Handler, Values } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { withTpm } from '../hardware.ts';
import { base64, printRows } from '../print.ts';
import { orThroughService } from '../throughService.ts';

/** What an enrolment quotes unless the server asks for others. */
const QUOTED = 'sha256:0-7';

/**
 * Everything of this machine that an enrolment sends, and sends nothing itself. The keys and signatures of the proof are made for that one
 * enrolment, so they are not here; of the PCRs and the event log, which go with it, stands what they are.
 */
export const identity: Handler = async (values, context) => {
  const [machine, endorsement] = await Promise.all([readMachineHere(), readEndorsement(values, context)]);
  const tpm = 'eks' in endorsement ? describe(endorsement) : null;
  const claimed = 'value' in machine.serial && machine.os === 'macOS' ? machine.serial.value : null;
  const report = {
    permanentIdentifier: tpm?.endorsementKey.permanentIdentifier ?? claimed,
    tpm,
    unavailable: 'unavailable' in endorsement ? endorsement.unavailable : null,
    machine,
  };
  if (values.flags.has('json')) context.out(`${JSON.stringify(report, null, 2)}\n`);
  else printReport(context, report);
  return EXIT.ok;
};

/** A machine without a usable TPM still has an identity to show; a wrong --tcti does not. */
async function readEndorsement(values: Values, context: Context): Promise<TpmEndorsement | { unavailable: string }> {
  try {
    const found = await orThroughService(
      values,
      () => withTpm(values, (tpm) => createTpmAttestor(tpm).readEndorsement()),
      (service) => service.readEndorsement(),
    );
    const { manufacturer } = found.tpm;
    const open = found.eks.some((ek) => !ek.certificate && makerCertificateUrl(manufacturer, ek.publicKeySpki));
    return open ? await askMaker(found, values, context) : found;
  } catch (error) {
    if (!isNativeError(error) || values.texts.has('tcti')) throw error;
    return { unavailable: error.message };
  }
}

/** What an enrolment would send has the maker's certificate where IT allows that the maker is asked. */
async function askMaker(found: TpmEndorsement, values: Values, context: Context): Promise<TpmEndorsement> {
  const { allowedMaker, loggerOf } = await import('../compose.ts');
  const ask = await allowedMaker(loggerOf(values, context))();
  return ask ? addMakerCertificates(found, ask) : found;
}

/** The endorsement key that names the device, as `POST /attest` carries it: others in the TPM are not told, nor a chain without its leaf. */
function describe({ eks: [ek], chain, tpm }: TpmEndorsement) {
  if (!ek) return null;
  return {
    manufacturer: describeManufacturer(tpm.manufacturer),
    vendor: tpm.vendor,
    firmwareVersion: tpm.firmwareVersion,
    endorsementKey: {
      algorithm: ek.algorithm,
      permanentIdentifier: ek.permanentIdentifier,
      publicKey: base64(ek.publicKeySpki),
      certificate: ek.certificate ? base64(ek.certificate) : null,
      certificateMismatch: ek.certificateMismatch ?? null,
    },
    chain: ek.certificate ? chain.map(base64) : [],
    quoted: QUOTED,
  };
}

type Report = {
  permanentIdentifier: string | null;
  tpm: ReturnType<typeof describe> | null;
  unavailable: string | null;
  machine: MachineReport;
};

function printReport(context: Context, { permanentIdentifier, tpm, unavailable, machine }: Report): void {
  const rows: (readonly [string, string])[] = [['Permanent identifier', permanentIdentifier ?? 'none']];
  if (tpm) {
    rows.push(['TPM', `${tpm.manufacturer.name} ${tpm.vendor}, firmware ${tpm.firmwareVersion}`]);
    const { endorsementKey: ek } = tpm;
    rows.push(['Endorsement key', `${ek.algorithm}, ${ek.certificate ? 'with certificate' : 'no certificate'}`]);
    if (ek.certificateMismatch) rows.push(['', ek.certificateMismatch]);
    if (tpm.chain.length > 0) rows.push(['Maker’s certificates', String(tpm.chain.length)]);
    rows.push(['Start of the machine', `PCRs ${tpm.quoted}, and the firmware’s event log where it can be read`]);
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

const text = (fact: Fact): string => {
  if ('unavailable' in fact) return fact.unavailable;
  return fact.readBy === 'service' ? `${fact.value} (read by the Muster service)` : fact.value;
};
