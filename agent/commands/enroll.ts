import { type EnrolOnceOptions, enrolOnce } from '../../app/enrolOnce.ts';
import { AppError } from '../../app/errors.ts';
import type { ManagedSettings } from '../../app/managedSettings.ts';
import { type Context, type Handler, UsageError, type Values } from '../command.ts';
import { composePorts, platformName } from '../compose.ts';
import { exitOfDevice, printDevice } from '../describeDevice.ts';
import { inviteFrom } from '../invite.ts';
import { openManaged, withoutToken } from '../managed.ts';
import { readSecretFile } from '../secretFile.ts';

export const enroll: Handler = async (values, context) => {
  const ports = composePorts(values, context);
  const managed = await openManaged(ports.log);
  try {
    const device = await enrolOnce(ports, optionsOf(values, context, managed));
    if (values.flags.has('json')) context.out(`${JSON.stringify(device)}\n`);
    else printDevice(context, device);
    return exitOfDevice(device);
  } finally {
    managed.close();
  }
};

function optionsOf(values: Values, context: Context, managed: ManagedSettings): EnrolOnceOptions {
  const server = managed.effective('ServerUrl', values.texts.get('server'));
  if (!server) throw new UsageError('muster enroll needs the address of the server: --server URL.');
  const token = readToken(values, managed.effective('ProvisioningToken'));
  const invite = token === undefined ? inviteFrom(values, context, server) : undefined;
  if (token === undefined && managed.effective('SelfEnrolment') === 'off') {
    throw new AppError('self-enrolment-off', 'The settings of your organization do not let people enrol this device.');
  }
  return {
    serverUrl: server,
    version: context.version,
    platform: platformName(),
    managed: withoutToken(managed),
    signIn: token === undefined ? 'device-code' : { provisioningToken: token },
    ...(invite ? { invite: invite.source } : {}),
    until: values.flags.has('wait') ? 'decided' : 'enrolled',
    onSignIn: ({ url, userCode, code }) => {
      context.err(
        `Open this address in a browser, on any machine:\n  ${url}\nand type the code:\n  ${userCode ?? ''}\n`,
      );
      context.err(`The page has to show this code for the device: ${code}\n`);
      if (!invite?.sent()) context.err('Where you have an invite, open its link in that browser first.\n');
    },
    onStep: (name, ms) => progress(context, name, ms),
    onEnrolled: ({ approval }) => {
      if (approval === 'pending') context.err('Enrolled. An administrator has to approve this device.\n');
    },
    signal: context.signal,
  };
}

const STEPS: Record<string, string> = {
  announce: 'Announced to the server',
  'sign-in': 'Signed in',
  grant: 'Permission received',
  'attestation-key': 'Attestation key made in the TPM',
  activation: 'Proved that the key is in this TPM',
  'device-key': 'Device key made',
  enrollment: 'Enrolled',
  approval: 'Decided',
};

function progress(context: Context, name: string, ms: number): void {
  const text = STEPS[name];
  if (text) context.err(`${text} (${Math.round(ms)} ms)\n`);
}

/** A provisioning token from a file (- is standard input) or from policy; never from the arguments, which others can read. */
function readToken(values: Values, fromPolicy: string | undefined): string | undefined {
  const file = values.texts.get('token-file');
  const byPerson = ['device-flow', 'invite-file'].find((name) => values.flags.has(name) || values.texts.has(name));
  if (file === undefined) return byPerson === undefined ? fromPolicy : undefined;
  if (byPerson !== undefined) throw new UsageError(`Choose one of --${byPerson} and --token-file.`);
  const token = readSecretFile(file, 'provisioning token', { ownerOnly: false });
  if (!/^muster_provision_[A-Za-z0-9_-]{16,256}$/.test(token))
    throw new UsageError('The file does not hold a provisioning token.');
  return token;
}
