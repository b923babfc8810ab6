import { ERRORS, type ErrorCode, LocalErrorCode, type UserError } from '../contract/index.ts';

export type AppErrorCode = ErrorCode | LocalErrorCode;

/** The one error of this room. `message` is the detail that a person may read; it holds no secret. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: AppErrorCode;
  readonly advice: string | undefined;
  /** The server's request id, where the error came from the server. */
  readonly correlationId: string | undefined;
  /** Milliseconds after which trying again makes sense, where the server said so. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: AppErrorCode,
    message: string,
    options: {
      advice?: string | undefined;
      correlationId?: string | undefined;
      retryAfterMs?: number | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.advice = options.advice;
    this.correlationId = options.correlationId;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Title and advice of every error that arises on this machine; the server's are in contract/errors.ts. */
export const LOCAL_ERRORS: Record<LocalErrorCode, readonly [title: string, advice: string]> = {
  'server-unreachable': [
    'The inventory server cannot be reached.',
    'Check the network connection; Muster tries again by itself.',
  ],
  'server-untrusted': [
    'The certificate of the server is not trusted on this machine.',
    'If your network inspects traffic, ask your IT to install its certificate authority on this machine; otherwise check the address.',
  ],
  'server-not-muster': ['This address does not answer like a Muster server.', 'Check the address of the server.'],
  'server-insecure': [
    'This address is not protected by https.',
    'Use an https address; plain http is accepted only on this machine itself.',
  ],
  'captive-portal': [
    'The network asks for a sign-in of its own.',
    'Open any web page in your browser, sign in to the network, then try again.',
  ],
  'browser-not-opened': ['Your browser could not be opened.', 'Copy the address and open it in your browser yourself.'],
  'sign-in-cancelled': ['The sign-in was cancelled.', 'Start again when you are ready.'],
  'sign-in-timeout': ['The sign-in took too long.', 'Start again and finish the sign-in in your browser.'],
  'tpm-missing': [
    'This machine has no security chip that Muster can use.',
    'Turn the TPM on in the firmware settings, or ask your IT.',
  ],
  'tpm-permission': [
    'Muster may not use the security chip of this machine.',
    'Ask your IT to install the Muster service, or to give your account access to the TPM.',
  ],
  'tpm-busy': ['The security chip is in use.', 'Close other programs that use the TPM, then try again.'],
  'tpm-locked-out': [
    'The security chip is locked after too many failed attempts.',
    'Wait until it recovers by itself, or have its administrator reset the lockout.',
  ],
  'tpm-timeout': ['The security chip does not answer.', 'Try again; if it stays so, restart this machine.'],
  'tpm-unsupported': [
    'The security chip cannot do what enrolment needs.',
    'Update its firmware, or use a machine with TPM 2.0.',
  ],
  'key-of-another-tpm': [
    'The stored keys belong to another security chip.',
    'Enrol again; the keys of the other chip are of no use here.',
  ],
  'machine-enrolled': [
    'Another account of this machine enrolled it already.',
    'Unenrol it in that account first, or ask your IT.',
  ],
  'elevation-refused': [
    'Administrator rights are needed once, and were not given.',
    'Try again and allow it, or ask your IT to install the Muster service.',
  ],
  'state-unreadable': [
    'The saved state of Muster on this machine cannot be read.',
    'Unenrol on this machine to reset it, then enrol again.',
  ],
  'secret-store-unsafe': [
    'This system offers no safe place for secrets.',
    'Unlock or install a keyring (GNOME Keyring, KWallet), then start Muster again.',
  ],
  'policy-unreadable': [
    'The settings of your organization cannot be read.',
    'Tell your IT; Muster keeps the last settings that it could read.',
  ],
  unexpected: [
    'Something went wrong that Muster did not expect.',
    'Try again; if it stays so, copy the details for your IT.',
  ],
};

/** The only place where an error of any kind becomes what a person reads. Never carries a stack or a secret. */
export function toUserError(error: unknown): UserError {
  const known = toAppError(error);
  const [title, advice] = texts(known.code);
  return {
    code: known.code,
    title,
    detail: known.message,
    advice: known.advice ?? advice,
    correlationId: known.correlationId ?? null,
  };
}

/** The same as an AppError, for code that decides by its `code`. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const hardware = hardwareError(error);
  if (hardware) return hardware;
  const transport = transportError(error);
  if (transport) return transport;
  return new AppError('unexpected', `Muster met an unexpected ${nameOf(error)}.`, { cause: error });
}

function texts(code: AppErrorCode): readonly [title: string, advice: string] {
  if (code in ERRORS) {
    const [, title, advice] = ERRORS[code as ErrorCode];
    return [title, advice];
  }
  return LOCAL_ERRORS[code as LocalErrorCode];
}

/** Errors of native/ carry `advice`, and our code for them in `coreCode`; nothing is imported from there. */
function hardwareError(error: unknown): AppError | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const advice = 'advice' in error && typeof error.advice === 'string' ? error.advice : undefined;
  const own = LocalErrorCode.safeParse(error.code);
  const code = own.success ? own.data : HARDWARE[String(error.code)];
  return code === undefined ? undefined : new AppError(code, error.message, { advice, cause: error });
}

/** Codes of native/ that the window does not tell apart; message and advice stay those of the error itself. */
const HARDWARE: Record<string, LocalErrorCode> = {
  'tcti-refused': 'tpm-missing',
  'no-tpm': 'tpm-missing',
  'tpm-library-missing': 'tpm-missing',
  'tpm-library-untrusted': 'tpm-unsupported',
  'tpm-no-permission': 'tpm-permission',
  'tpm-1.2': 'tpm-unsupported',
  'tpm-disabled': 'tpm-missing',
  'tpm-failure-mode': 'tpm-unsupported',
  'tpm-auth-required': 'tpm-permission',
  'tpm-connection-lost': 'tpm-timeout',
  'tpm-response-malformed': 'tpm-unsupported',
  'tpm-command-unsupported': 'tpm-unsupported',
  'tpm-command-blocked': 'tpm-permission',
  'tpm-error': 'tpm-unsupported',
  'tpm-closed': 'tpm-timeout',
  'key-file-damaged': 'state-unreadable',
  'credential-of-another-key': 'key-of-another-tpm',
  'no-endorsement-key': 'tpm-unsupported',
  'endorsement-key-unknown': 'key-of-another-tpm',
  'pcrs-changing': 'tpm-busy',
  'elevation-needed': 'tpm-permission',
  'service-request-refused': 'tpm-unsupported',
  'settings-unreadable': 'policy-unreadable',
  'state-folder-unusable': 'state-unreadable',
  'secure-enclave-unavailable': 'tpm-unsupported',
  'platform-unsupported': 'tpm-missing',
};

const UNREACHABLE =
  /^(ECONN|ENET|EHOST|ETIMEDOUT|ENOTFOUND|EAI_|EPIPE|EPROTO|ERR_TLS|ERR_(SSL|INTERNET|NETWORK|CONNECTION|NAME|ADDRESS|PROXY|TUNNEL|EMPTY|TIMED)|UND_ERR)/;
const CERTIFICATE = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|ERR_CERT)/;

/** `fetch` says "TypeError: fetch failed" and hides what happened in `cause`; Electron's says net::ERR_…. */
function transportError(error: unknown): AppError | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 6; at = at.cause, depth += 1) {
    const chromium = /net::(ERR_[A-Z_]+)/.exec(at.message)?.[1];
    const code = chromium ?? ('code' in at && typeof at.code === 'string' ? at.code : '');
    if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID' || code === 'ERR_CERT_DATE_INVALID') {
      return new AppError('clock-skew', 'The certificate of the server is not valid at the time this machine shows.', {
        cause: error,
      });
    }
    if (CERTIFICATE.test(code)) {
      return new AppError('server-untrusted', `The certificate of the server is not trusted here (${code}).`, {
        cause: error,
      });
    }
    if (UNREACHABLE.test(code)) {
      return new AppError('server-unreachable', `The connection to the server failed (${code}).`, { cause: error });
    }
    if (at.name === 'TimeoutError') {
      return new AppError('server-unreachable', 'The server did not answer in time.', { cause: error });
    }
  }
  if (error instanceof TypeError && error.message === 'fetch failed') {
    return new AppError('server-unreachable', 'The connection to the server failed.', { cause: error });
  }
  if (error instanceof TypeError && error.message === 'terminated') {
    return new AppError('server-unreachable', 'The connection to the server was cut.', { cause: error });
  }
  return undefined;
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'problem';
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  return `${error.name}${code}`;
}
