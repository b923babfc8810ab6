import type { AppErrorCode } from '../app/errors.ts';
import { isNativeError, type NativeErrorCode } from '../native/errors.ts';
import { EXIT, type ExitCode } from './exitCodes.ts';

export type Told = { code: string; message: string; advice: string; exit: ExitCode };

const HARDWARE_EXIT: Partial<Record<NativeErrorCode, ExitCode>> = {
  'tcti-refused': EXIT.usage,
  'tpm-permission': EXIT.permission,
  'tpm-command-blocked': EXIT.permission,
  'tpm-auth-required': EXIT.permission,
  'elevation-needed': EXIT.permission,
  'elevation-refused': EXIT.permission,
  'machine-enrolled': EXIT.permission,
  'key-of-another-tpm': EXIT.state,
  'key-file-damaged': EXIT.state,
  'state-folder-unusable': EXIT.state,
  'settings-unreadable': EXIT.state,
  'service-request-refused': EXIT.state,
};

/** What the core advises in a window, said for a command that ends. */
export const ADVICE_HERE: Readonly<Record<string, string>> = {
  'clock-skew':
    'Set the clock of this machine. Where it is right, the certificate of the server has expired: tell whoever runs the server.',
  'server-unreachable':
    'Check the network and the address of the server, then run it again; muster doctor looks at each part of the way.',
  'state-unreadable': 'Reset it (muster unenroll), then enrol this device again.',
};

/** One sentence, advice, and the exit code of any error. Never a stack. */
export async function describeError(error: unknown): Promise<Told> {
  if (isNativeError(error)) {
    return {
      code: error.code,
      message: error.message,
      advice: error.advice,
      exit: HARDWARE_EXIT[error.code] ?? EXIT.hardware,
    };
  }
  if (isAppError(error)) {
    return { code: error.code, message: error.message, advice: await adviceOf(error), exit: exitOfApp(error.code) };
  }
  if (isNotEnrolled(error)) {
    return { code: error.code, message: error.message, advice: error.advice, exit: EXIT.notEnrolled };
  }
  const text = error instanceof Error ? error.message : String(error);
  return {
    code: 'unexpected',
    message: `Something happened that Muster did not expect: ${text}`,
    advice: 'Run it again with --debug and report what it shows.',
    exit: EXIT.unexpected,
  };
}

/** The error's own advice, or that of its code; the core is loaded already where an error is its own. */
async function adviceOf(error: Error & { code: string; advice: string | undefined }): Promise<string> {
  const { AppError, toUserError } = await import('../app/errors.ts');
  const general = toUserError(new AppError(error.code as AppErrorCode, '')).advice;
  const { advice = general } = error;
  return (advice === general ? ADVICE_HERE[error.code] : undefined) ?? advice;
}

/** Told apart by shape: importing app/ for its class would load the whole core for `muster tpm`. */
function isAppError(error: unknown): error is Error & { code: string; advice: string | undefined } {
  return error instanceof Error && error.name === 'AppError' && 'code' in error && typeof error.code === 'string';
}

function isNotEnrolled(error: unknown): error is Error & { code: string; advice: string } {
  return error instanceof Error && error.name === 'NotEnrolled' && 'advice' in error;
}

function exitOfApp(code: string): ExitCode {
  switch (code) {
    case 'server-unreachable':
    case 'server-untrusted':
    case 'server-not-muster':
    case 'server-insecure':
    case 'captive-portal':
    case 'clock-skew':
    case 'unavailable':
    case 'internal':
    case 'rate-limited':
      return EXIT.network;
    case 'tpm-missing':
    case 'tpm-busy':
    case 'tpm-timeout':
    case 'tpm-locked-out':
    case 'tpm-unsupported':
      return EXIT.hardware;
    case 'tpm-permission':
    case 'machine-enrolled':
    case 'elevation-refused':
      return EXIT.permission;
    case 'key-of-another-tpm':
    case 'state-unreadable':
    case 'secret-store-unsafe':
    case 'policy-unreadable':
      return EXIT.state;
    case 'unexpected':
      return EXIT.unexpected;
    case 'sign-in-cancelled':
      return EXIT.interrupted;
    default:
      return EXIT.refused;
  }
}
