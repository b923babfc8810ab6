import { createTpmAttestor, type TpmAttestorOptions } from '../../native/tpm/attestor.ts';
import { isEmulator, parseTcti } from '../../native/tpm/tcti.ts';
import { type Handler, UsageError } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { withTpm } from '../hardware.ts';
import { base64, printRows } from '../print.ts';
import { needingTpmItself } from '../throughService.ts';

export const tpmQuote: Handler = async (values, context) => {
  const pcrs = parsePcrs(values.texts.get('pcrs') ?? '0-7');
  const challenge = parseChallenge(values.texts.get('challenge'));
  const origin = parseOrigin(values.texts.get('origin') ?? 'https://localhost');
  const akAlgorithm = values.flags.has('rsa') ? 'RSA-2048' : 'ECC-P256';
  // Nobody granted anything: the thumbprint of no key, 32 zero bytes.
  const grantThumbprint = Buffer.alloc(32).toString('base64url');
  const report = await needingTpmItself(values, () =>
    withTpm(values, async (tpm) => {
      const attestor = createTpmAttestor(tpm, { akAlgorithm, ...logOf(values.texts.get('tcti')) });
      const { eks } = await attestor.readEndorsement();
      const permanentIdentifier = eks[0]?.permanentIdentifier ?? '';
      const ak = await attestor.createAttestationKey();
      const deviceKey = await attestor.createDeviceKey();
      const binding = { origin, challenge, grantThumbprint, permanentIdentifier };
      const quoted = await attestor.quote(ak.key, deviceKey.key, binding, { bank: 'sha256', pcrs });
      return {
        binding: { origin, challenge: base64(challenge), grantThumbprint, permanentIdentifier },
        attestationKey: { public: base64(ak.public), name: base64(ak.name) },
        deviceKey: { public: base64(deviceKey.public), name: base64(deviceKey.name) },
        quote: { attest: base64(quoted.attest), signature: base64(quoted.signature) },
        pcrs: quoted.pcrValues.map(({ index, value }) => ({ index, value: Buffer.from(value).toString('hex') })),
        eventLogBytes: quoted.eventLog?.length ?? 0,
      };
    }),
  );
  if (values.flags.has('json')) context.out(`${JSON.stringify(report, null, 2)}\n`);
  else {
    printRows(context, [
      ['Device', report.binding.permanentIdentifier],
      ['Challenge', report.binding.challenge],
      ['Attestation key', report.attestationKey.public],
      ['Device key', report.deviceKey.public],
      ['Attest', report.quote.attest],
      ['Signature', report.quote.signature],
      ...report.pcrs.map(({ index, value }) => [`PCR ${index}`, value] as const),
    ]);
  }
  return EXIT.ok;
};

/** A software TPM did not measure this machine's start: the machine's event log is not its own. */
function logOf(tcti: string | undefined): TpmAttestorOptions {
  return tcti !== undefined && isEmulator(parseTcti(tcti)) ? { eventLog: false } : {};
}

export function parsePcrs(text: string): number[] {
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const range = /^(\d{1,2})(?:-(\d{1,2}))?$/.exec(part.trim());
    const first = Number(range?.[1]);
    const last = Number(range?.[2] ?? range?.[1]);
    if (!range || first > last || last > 23)
      throw new UsageError(`"${text}" is not a list of PCRs from 0 to 23, such as 0-7.`);
    for (let pcr = first; pcr <= last; pcr += 1) found.add(pcr);
  }
  return [...found].sort((a, b) => a - b);
}

function parseChallenge(hex: string | undefined): Uint8Array {
  if (hex === undefined) return crypto.getRandomValues(new Uint8Array(32));
  if (!/^([0-9a-fA-F]{2}){1,64}$/.test(hex)) throw new UsageError('--challenge is 1 to 64 bytes in hexadecimal.');
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

function parseOrigin(text: string): string {
  try {
    return new URL(text).origin;
  } catch {
    throw new UsageError(`"${text}" is not the address of a server.`);
  }
}
