/** Every way in which this machine's hardware can fail to answer. Closed: callers switch over it. */
export type NativeErrorCode =
  | 'tcti-refused'
  | 'tpm-library-missing'
  | 'tpm-library-untrusted'
  | 'tpm-missing'
  | 'tpm-permission'
  | 'tpm-busy'
  | 'tpm-1.2'
  | 'tpm-disabled'
  | 'tpm-failure-mode'
  | 'tpm-locked-out'
  | 'tpm-auth-required'
  | 'tpm-timeout'
  | 'tpm-connection-lost'
  | 'tpm-response-malformed'
  | 'tpm-command-unsupported'
  | 'tpm-command-blocked'
  | 'tpm-error'
  | 'tpm-closed'
  | 'key-of-another-tpm'
  | 'key-file-damaged'
  | 'credential-of-another-key'
  | 'no-endorsement-key'
  | 'endorsement-key-unknown'
  | 'pcrs-changing'
  | 'elevation-needed'
  | 'elevation-refused'
  | 'state-folder-unusable'
  | 'service-request-refused'
  | 'machine-enrolled'
  | 'settings-unreadable'
  | 'secure-enclave-unavailable'
  | 'platform-unsupported';

/** The one error of this room. `message` says what happened and what it means; `advice` what to do next. */
export class NativeError extends Error {
  override readonly name = 'NativeError';
  readonly code: NativeErrorCode;
  readonly advice: string;
  /** The code under which the client's core shows it to people (contract/bridge.ts, LocalErrorCode). */
  readonly coreCode: CoreCode;
  /** TPM response code (TPM 2.0 part 2, 6.6) or the operating system's error number, where there is one. */
  readonly responseCode: number | undefined;

  constructor(
    code: NativeErrorCode,
    message: string,
    options: { advice?: string; responseCode?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.advice = options.advice ?? ADVICE[code];
    this.coreCode = CORE_CODES[code];
    this.responseCode = options.responseCode;
  }
}

/** What a person can do about each code where the place of the error knows nothing better. */
const ADVICE: Record<NativeErrorCode, string> = {
  'tcti-refused':
    'Use device:/dev/tpmrm0, tabrmd:, or a software TPM on this machine: swtpm:host=127.0.0.1,port=N or mssim:host=127.0.0.1,port=N.',
  'tpm-library-missing':
    'Install the TPM library (Debian and Ubuntu: libtss2-tctildr0 and libtss2-tcti-device0; Fedora: tpm2-tss).',
  'tpm-library-untrusted': 'Reinstall tpm2-tss from your distribution; its files must belong to root alone.',
  'tpm-missing': 'Turn the TPM on in the firmware settings (named TPM, PTT or fTPM) and start again.',
  'tpm-permission':
    'Turn on the Muster service (sudo systemctl enable --now muster-tpm), or add yourself to the group "tss" (sudo usermod -aG tss "$USER") and sign in again.',
  'tpm-busy': 'Close other programs that use the TPM directly, or use /dev/tpmrm0, and try again.',
  'tpm-1.2': 'Muster needs TPM 2.0. Some machines can switch their TPM to 2.0 in a firmware update.',
  'tpm-disabled': 'Turn the TPM on in the firmware settings and start again.',
  'tpm-failure-mode':
    'Shut the machine down, wait, and start it again; if it stays so, the TPM needs a firmware update or repair.',
  'tpm-locked-out':
    'Wait (a TPM recovers by itself after minutes to hours), or have its administrator reset the lockout.',
  'tpm-auth-required': 'This TPM is managed by other software. Its administrator has to allow Muster to use it.',
  'tpm-timeout': 'Try again. If it stays so, restart the machine: the TPM is there, but busy or broken.',
  'tpm-connection-lost': 'Try again. If it stays so, restart the TPM service or the machine.',
  'tpm-response-malformed': 'Try again. If it stays so, update the TPM firmware and report this to Muster.',
  'tpm-command-unsupported': 'Update the TPM firmware; this TPM lacks a command that attestation needs.',
  'tpm-command-blocked': 'Install the Muster service, or run Muster once as an administrator.',
  'tpm-error': 'Try again, and report this to Muster if it stays so.',
  'tpm-closed': 'Start again.',
  'key-of-another-tpm': 'Reset the local state (muster unenroll) and enrol this device again.',
  'key-file-damaged': 'Reset the local state (muster unenroll) and enrol this device again.',
  'credential-of-another-key': 'Start the enrolment again. If it stays so, tell the administrator of the inventory.',
  'no-endorsement-key':
    'Clear the TPM in the firmware settings only if you know what else uses it; otherwise ask your IT.',
  'endorsement-key-unknown': 'Start the enrolment again.',
  'pcrs-changing': 'Wait until the machine has finished starting and try again.',
  'elevation-needed': 'Run it once as an administrator, or have your IT install the Muster service.',
  'elevation-refused': 'Try again and allow it when Windows asks, or have your IT install the Muster service.',
  'state-folder-unusable': 'Check that the folder exists, belongs to you, and that the disk is not full.',
  'service-request-refused': 'Update Muster: the app and the service of this machine do not fit together.',
  'machine-enrolled': 'Unenrol it in the account that enrolled it, or ask your IT.',
  'settings-unreadable': 'Tell your IT; Muster keeps the last settings that it could read.',
  'secure-enclave-unavailable': 'Muster will use a keychain key instead; nothing to do.',
  'platform-unsupported': 'Muster reads hardware identity on Linux, Windows and macOS.',
};

/** True for a NativeError with one of the given codes (any code when none is given). */
export function isNativeError(error: unknown, ...codes: NativeErrorCode[]): error is NativeError {
  return error instanceof NativeError && (codes.length === 0 || codes.includes(error.code));
}

export type CoreCode =
  | 'tpm-missing'
  | 'tpm-permission'
  | 'tpm-busy'
  | 'tpm-locked-out'
  | 'tpm-timeout'
  | 'tpm-unsupported'
  | 'key-of-another-tpm'
  | 'machine-enrolled'
  | 'elevation-refused'
  | 'state-unreadable'
  | 'policy-unreadable';

const CORE_CODES: Record<NativeErrorCode, CoreCode> = {
  'tcti-refused': 'tpm-missing',
  'tpm-library-missing': 'tpm-missing',
  'tpm-library-untrusted': 'tpm-unsupported',
  'tpm-missing': 'tpm-missing',
  'tpm-permission': 'tpm-permission',
  'tpm-busy': 'tpm-busy',
  'tpm-1.2': 'tpm-unsupported',
  'tpm-disabled': 'tpm-missing',
  'tpm-failure-mode': 'tpm-unsupported',
  'tpm-locked-out': 'tpm-locked-out',
  'tpm-auth-required': 'tpm-permission',
  'tpm-timeout': 'tpm-timeout',
  'tpm-connection-lost': 'tpm-busy',
  'tpm-response-malformed': 'tpm-unsupported',
  'tpm-command-unsupported': 'tpm-unsupported',
  'tpm-command-blocked': 'tpm-permission',
  'tpm-error': 'tpm-unsupported',
  'tpm-closed': 'tpm-busy',
  'key-of-another-tpm': 'key-of-another-tpm',
  'key-file-damaged': 'state-unreadable',
  'credential-of-another-key': 'tpm-unsupported',
  'no-endorsement-key': 'tpm-unsupported',
  'endorsement-key-unknown': 'key-of-another-tpm',
  'pcrs-changing': 'tpm-busy',
  'elevation-needed': 'elevation-refused',
  'elevation-refused': 'elevation-refused',
  'state-folder-unusable': 'state-unreadable',
  'service-request-refused': 'tpm-unsupported',
  'machine-enrolled': 'machine-enrolled',
  'settings-unreadable': 'policy-unreadable',
  'secure-enclave-unavailable': 'tpm-missing',
  'platform-unsupported': 'tpm-missing',
};
