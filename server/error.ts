import { ERRORS, type ErrorCode } from '../contract/index.ts';

/** Why a server cannot start, or a command of it cannot run; never sent over HTTP. */
export const START_ERROR_CODES = [
  'store-is-demo',
  'store-is-production',
  'store-in-use',
  'store-unreadable',
  'store-too-new',
  'port-in-use',
  'demo-needs-loopback',
  'configuration',
] as const;
export type StartErrorCode = (typeof START_ERROR_CODES)[number];

type Detail = {
  /** JSON pointers into the request with what is wrong there. Never a value that was sent. */
  errors?: { pointer: string; detail: string }[];
  headers?: Record<string, string>;
  cause?: unknown;
};

/** The one error of this room: a refusal with a code of the contract, or a reason not to start. `message` is a sentence for people. */
export class ServerError extends Error {
  readonly code: ErrorCode | StartErrorCode;
  readonly errors: { pointer: string; detail: string }[] | undefined;
  readonly headers: Record<string, string>;
  /** Whether an audit record of this refusal was written where it was thrown. */
  recorded = false;

  constructor(code: ErrorCode | StartErrorCode, message: string, detail: Detail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'ServerError';
    this.code = code;
    this.errors = detail.errors;
    this.headers = detail.headers ?? {};
  }
}

/** Throws; an expression, so that it fits `?? refuse(…)`. Without a message, the sentence of the contract. */
export function refuse(code: ErrorCode, message?: string, detail?: Detail): never {
  throw new ServerError(code, message ?? ERRORS[code][1], detail);
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
