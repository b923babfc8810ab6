import * as oauth from 'openid-client';
import { ErrorCode } from '../contract/index.ts';
import { AppError, toAppError } from './errors.ts';

/** Every failure of the sign-in library as one of ours. The server may put one of its own codes in front of `error_description`. */
export function mapOAuthError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof oauth.AuthorizationResponseError || error instanceof oauth.ResponseBodyError) {
    return fromOAuth(error.error, error.error_description, error);
  }
  if (error instanceof oauth.ClientError) return fromLibrary(error);
  return toAppError(error);
}

function fromOAuth(code: string, description: string | undefined, cause: unknown): AppError {
  const [first = '', ...rest] = (description ?? '').split(':');
  const ours = ErrorCode.safeParse(first.trim());
  if (ours.success)
    return new AppError(ours.data, rest.join(':').trim() || 'The server stopped the sign-in.', { cause });
  switch (code) {
    case 'access_denied':
      return new AppError('sign-in-cancelled', 'The sign-in was refused or cancelled in the browser.', { cause });
    case 'expired_token':
      return new AppError('sign-in-timeout', 'Nobody finished the sign-in in time.', { cause });
    case 'use_dpop_nonce':
    case 'invalid_dpop_proof':
      return new AppError('proof-refused', 'The server did not accept the proof of this ceremony.', { cause });
    case 'temporarily_unavailable':
    case 'server_error':
      return new AppError('unavailable', 'The server could not finish the sign-in.', { cause });
    default:
      return new AppError('sign-in-failed', `The server did not accept the sign-in (${code}).`, { cause });
  }
}

function fromLibrary(error: oauth.ClientError): AppError {
  switch (error.code) {
    case 'OAUTH_TIMEOUT':
      return new AppError('server-unreachable', 'The server did not answer in time.', { cause: error });
    case 'OAUTH_ABORT':
      return new AppError('sign-in-cancelled', 'The sign-in was cancelled.', { cause: error });
    case 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED':
      return new AppError('clock-skew', 'The times in the answer of the server do not fit the clock of this machine.', {
        cause: error,
      });
    case 'OAUTH_HTTP_REQUEST_FORBIDDEN':
      return new AppError('server-insecure', 'The sign-in service of this server is not protected by https.', {
        cause: error,
      });
    case 'OAUTH_RESPONSE_IS_NOT_CONFORM':
    case 'OAUTH_RESPONSE_IS_NOT_JSON':
    case 'OAUTH_PARSE_ERROR':
      return statusError(error);
    default: {
      const transport = toAppError(error.cause);
      if (['server-unreachable', 'server-untrusted', 'clock-skew'].includes(transport.code)) return transport;
      return new AppError('sign-in-failed', `The answer to the sign-in is not valid (${error.code ?? 'unknown'}).`, {
        cause: error,
      });
    }
  }
}

/** An unexpected HTTP answer: 5xx is a server that restarts, a redirect somebody else's network. */
function statusError(error: oauth.ClientError): AppError {
  const status = error.cause instanceof Response ? error.cause.status : undefined;
  if (status !== undefined && status >= 500) {
    return new AppError('unavailable', `The server answered with status ${status}.`, { cause: error });
  }
  if (status !== undefined && status >= 300 && status < 400) {
    return new AppError('captive-portal', 'Something between this machine and the server answered in its place.', {
      cause: error,
    });
  }
  return new AppError('server-not-muster', 'The sign-in service gave an answer that Muster does not know.', {
    cause: error,
  });
}
