import { AttestationError, type AttestationErrorCode } from '../index.ts';

/** The code with which `attempt` is refused. Fails when it is not refused, or refused without a sentence. */
export function refusal(attempt: () => unknown): AttestationErrorCode {
  try {
    attempt();
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    if (!/^[A-Z0-9].*[.]$/s.test(error.message)) throw new Error(`Not a sentence: ${error.message}`);
    return error.code;
  }
  throw new Error('It was not refused.');
}
