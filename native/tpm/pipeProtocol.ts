import { NativeError, type NativeErrorCode } from '../errors.ts';

/** What parent and pipe process tell each other. Bytes and error codes; nothing that the process could act on otherwise. */
export type PipeRequest =
  | { id: number; kind: 'submit'; command: Uint8Array; deadlineMs: number }
  | { id: number; kind: 'close' };
export type PipeReply =
  | { id: number; kind: 'response'; response: Uint8Array }
  | { id: number; kind: 'error'; error: PlainError }
  /** The pipe is open. Where it could not be opened, an error with id 0 comes instead. */
  | { id: 0; kind: 'ready' };

export type PlainError = { code: NativeErrorCode; message: string; advice: string; responseCode?: number };

/**
 * A process that runs `pipeChild`: node:child_process's fork, or Electron's utilityProcess through an adapter of a few
 * lines. Messages are structured clones.
 */
export type PipeProcess = {
  send(message: PipeRequest): void;
  onMessage(listener: (message: PipeReply) => void): void;
  onExit(listener: () => void): void;
  /** Ends the process at once, also while a native call blocks it (SIGKILL, TerminateProcess). */
  kill(): void;
};

/** Starts a pipe process for one TCTI string, which travels as the process's only argument. */
export type SpawnPipe = (tcti: string) => PipeProcess;

export function plainError(error: unknown): PlainError {
  if (error instanceof NativeError) {
    const { code, message, advice, responseCode } = error;
    return { code, message, advice, ...(responseCode === undefined ? {} : { responseCode }) };
  }
  const text = error instanceof Error ? error.message : String(error);
  return plainError(new NativeError('tpm-connection-lost', `The TPM process failed: ${text}`));
}

export function nativeError({ code, message, advice, responseCode }: PlainError): NativeError {
  return new NativeError(code, message, { advice, responseCode });
}
