import type { Bridge, UserError } from '../contract/bridge.ts';

/** The bridge, and whether what is behind it still answers. */
export type Link = {
  bridge: Bridge;
  /** Calls back when the app behind the page is lost or found again; returns the way to stop. */
  watch(listener: (alive: boolean) => void): () => void;
};

/** A refused call of the bridge. */
export class BridgeError extends Error {
  readonly userError: UserError;
  constructor(userError: UserError) {
    super(userError.title);
    this.name = 'BridgeError';
    this.userError = userError;
  }
}

const isUserError = (value: unknown): value is UserError =>
  typeof value === 'object' && value !== null && 'code' in value && 'title' in value && 'advice' in value;

/** What a failed call says to the person. Electron's bridge keeps plain fields only, so the error is looked for in both places. */
export function userErrorOf(thrown: unknown): UserError {
  if (typeof thrown === 'object' && thrown !== null) {
    if ('userError' in thrown && isUserError(thrown.userError)) return thrown.userError;
    if ('error' in thrown && isUserError(thrown.error)) return thrown.error;
  }
  return {
    code: 'unexpected',
    title: 'Something unexpected happened.',
    detail: thrown instanceof Error ? thrown.message : String(thrown),
    advice: 'Try again; if it stays, copy the details for your administrator.',
    correlationId: null,
  };
}
