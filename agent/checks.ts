import { lookup } from 'node:dns/promises';
import { access, constants, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { toAppError } from '../app/errors.ts';
import type { ManagedSettings } from '../app/managedSettings.ts';
import { trustFurther } from '../app/node/trust.ts';
import type { EnrollmentRecord } from '../app/records.ts';
import { loadKey } from '../app/records.ts';
import type { Diagnostic } from '../contract/index.ts';
import { isNativeError } from '../native/errors.ts';
import { createTpmAttestor, type TpmAttestor } from '../native/tpm/attestor.ts';
import { explainAbsence } from '../native/tpm/findTpm.ts';
import { readTpmInfo } from '../native/tpm/info.ts';
import { openTpm } from '../native/tpm/open.ts';
import { findLibrary } from '../native/tpm/tctiLibrary.ts';
import { proxyOf } from './network.ts';

export type Outcome = { status?: Diagnostic['status']; detail: string; remedy?: string | null };

/** Runs one check; what it throws becomes a failure with its advice. */
export async function check(id: string, title: string, run: () => Promise<Outcome> | Outcome): Promise<Diagnostic> {
  try {
    const { status = 'pass', detail, remedy = null } = await run();
    return { id, title, status, detail, remedy };
  } catch (error) {
    if (!isNativeError(error)) throw error;
    const told = explainAbsence(error);
    return { id, title, status: 'fail', detail: told.message, remedy: told.advice };
  }
}

const DEVICE = '/dev/tpmrm0';

/** Linux: the device node and who may open it. */
export function checkDeviceAccess(device = DEVICE): Promise<Diagnostic> {
  return check('tpm-access', 'Access to the TPM', async () => {
    const found = await stat(device).catch(() => undefined);
    if (!found) {
      return {
        status: 'fail',
        detail: `There is no ${device}: no TPM 2.0, or it is turned off, or not passed into this container.`,
        remedy:
          'Turn the TPM on in the firmware settings (named TPM, PTT or fTPM). In a container: --device /dev/tpmrm0.',
      };
    }
    const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
    if ((found.mode & 0o006) !== 0) {
      return {
        status: 'warn',
        detail: `${device} has mode ${mode}: every program of this machine may use the TPM.`,
        remedy:
          'Install the udev rule of your distribution (package tpm-udev) and remove the one that opens the device.',
      };
    }
    try {
      await access(device, constants.R_OK | constants.W_OK);
      return { detail: `${device} (mode ${mode}) may be used by this account.` };
    } catch {
      const ruled = found.gid !== 0 && (found.mode & 0o060) === 0o060;
      return {
        status: 'fail',
        detail: `This account may not use ${device} (mode ${mode}, group ${found.gid}).`,
        remedy: ruled
          ? 'Turn on the Muster service (sudo systemctl enable --now muster-tpm), or: sudo usermod -aG tss "$USER", then sign out and in again.'
          : 'Install the udev rule that gives the device to the group tss (package tpm-udev), then: sudo usermod -aG tss "$USER".',
      };
    }
  });
}

export function checkTpmLibrary(find: typeof findLibrary = findLibrary): Promise<Diagnostic> {
  return check('tpm-library', 'TPM library', () => {
    const path = find('libtss2-tctildr.so.0');
    if (path !== undefined) return { detail: `tpm2-tss is installed (${path}).` };
    return {
      status: 'warn',
      detail: 'tpm2-tss is not installed; Muster uses the device directly.',
      remedy:
        'Debian and Ubuntu: sudo apt install libtss2-tctildr0 libtss2-tcti-device0. Fedora: sudo dnf install tpm2-tss.',
    };
  });
}

/** The TPM itself, its endorsement key, and whether the keys of the enrolment are its own. One connection for all. */
export async function checkTpm(tcti: string | undefined, record: EnrollmentRecord | undefined): Promise<Diagnostic[]> {
  const checks: Diagnostic[] = [];
  const first = await check('tpm', 'TPM', async () => {
    const tpm = await openTpm({ tcti, inProcess: true });
    try {
      const info = await readTpmInfo(tpm);
      const attestor = createTpmAttestor(tpm);
      checks.push(await checkAuthorizations(info), await checkEndorsement(attestor), await checkKeys(attestor, record));
      return {
        detail: `TPM 2.0 by ${info.manufacturer.name} (${info.vendor}, firmware ${info.firmwareVersion}) at ${info.address}.`,
      };
    } finally {
      await tpm.close();
    }
  });
  return [first, ...checks];
}

function checkAuthorizations(info: Awaited<ReturnType<typeof readTpmInfo>>): Promise<Diagnostic> {
  return check('tpm-authorization', 'Authorizations of the TPM', () => {
    if (info.inLockout) {
      return {
        status: 'fail',
        detail: 'The TPM is locked out after too many wrong authorizations.',
        remedy:
          'Wait until it recovers by itself, or have its administrator reset the lockout (tpm2_dictionarylockout).',
      };
    }
    if (info.endorsementAuthSet) {
      return {
        status: 'fail',
        detail: 'The endorsement hierarchy has an authorization, so an enrolment cannot prove the endorsement key.',
        remedy: 'Ask whoever manages this TPM to take the endorsement authorization off.',
      };
    }
    return { detail: 'No authorization stands in the way.' };
  });
}

export function checkEndorsement(attestor: Pick<TpmAttestor, 'readEndorsement'>): Promise<Diagnostic> {
  return check('ek-certificate', 'Endorsement key certificate', async () => {
    const { eks, chain } = await attestor.readEndorsement();
    const [preferred] = eks;
    if (preferred?.certificate) {
      return {
        detail: `${preferred.algorithm}, with a certificate of its maker${chain.length > 0 ? ` and ${chain.length} intermediates` : ''}.`,
      };
    }
    const mismatch = eks.find(({ certificateMismatch }) => certificateMismatch)?.certificateMismatch;
    return {
      status: 'warn',
      detail: mismatch ?? 'The endorsement key has no certificate, so nobody vouches for this TPM.',
      remedy:
        'Some makers (Intel, AMD) keep it on a server, where the inventory looks for it; otherwise update the TPM firmware. Without one the device cannot reach high assurance.',
    };
  });
}

export function checkKeys(
  attestor: Pick<TpmAttestor, 'sign'>,
  record: EnrollmentRecord | undefined,
): Promise<Diagnostic> {
  return check('keys', 'Keys of this enrolment', async () => {
    if (!record) return { detail: 'Not enrolled yet: there are no keys to check.' };
    if (record.deviceKey.kind !== 'tpm') return { detail: 'This device is enrolled without a TPM key.' };
    // The digest of nothing: shows that the key loads and signs, and is of no use to anyone.
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(0)));
    await attestor.sign(loadKey(record.deviceKey), digest);
    return { detail: 'The device key loads and signs.' };
  });
}

export function checkPolicy({ current }: ManagedSettings): Promise<Diagnostic> {
  return check('policy', 'Settings of your organization', () => {
    const { profile, problems } = current();
    const names = Object.keys(profile);
    if (problems.length > 0) {
      const detail = problems
        .map(({ location, name, reason }) => `${location}${name ? ` (${name})` : ''}: ${reason}`)
        .join(' ');
      return { status: 'fail', detail, remedy: 'Tell your IT what is wrong with the settings that it pushes.' };
    }
    return { detail: names.length > 0 ? `In force: ${names.join(', ')}.` : 'None are set.' };
  });
}

export function checkProxy(managed: ManagedSettings, env: NodeJS.ProcessEnv = process.env): Promise<Diagnostic> {
  return check('proxy', 'Proxy', () => {
    const setting = managed.effective('Proxy');
    const proxy = proxyOf(setting, env);
    if (!proxy)
      return { detail: setting === 'direct' ? 'None, by the settings of your organization.' : 'None is set.' };
    const from =
      setting === undefined || setting === 'system' ? 'the environment' : 'the settings of your organization';
    const address = proxy.https_proxy ?? proxy.http_proxy ?? '';
    if (URL.canParse(address)) return { detail: `${new URL(address).host}, from ${from}.` };
    return {
      status: 'fail',
      detail: `The proxy from ${from} is not an address.`,
      remedy: 'Write it as http://proxy.example:3128.',
    };
  });
}

/** The file of further certificate authorities, where IT names one. */
export function checkAuthorities(managed: ManagedSettings): Promise<Diagnostic> {
  return check('authorities', 'Certificate authorities', async () => {
    const file = managed.effective('ExtraCaFile');
    if (file === undefined) return { detail: 'Those of the system are used.' };
    try {
      return { detail: `Those of the system, and ${await trustFurther(file)} of ${file}.` };
    } catch (error) {
      return {
        status: 'fail',
        detail: toAppError(error).message,
        remedy: 'Tell your IT that the file it names cannot be used.',
      };
    }
  });
}

export function checkName(
  origin: string | null,
  resolve: (host: string) => Promise<unknown> = (host) => lookup(host),
): Promise<Diagnostic> {
  return check('dns', 'Name of the server', async () => {
    if (origin === null)
      return {
        status: 'warn',
        detail: 'Not looked up: no server is set.',
        remedy: 'Name it: muster doctor --server URL',
      };
    const host = new URL(origin).hostname.replace(/^\[|\]$/g, '');
    if (isIP(host)) return { detail: `${host} is an address; no name to look up.` };
    try {
      await resolve(host);
      return { detail: `${host} can be looked up.` };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      return {
        status: 'fail',
        detail: `${host} cannot be looked up (${code}).`,
        remedy: 'Check the network and the spelling of the name; inside an organization it may need the VPN.',
      };
    }
  });
}
