import { isNativeError, NativeError } from '../native/errors.ts';
import type { TpmServiceClient } from '../native/service/client.ts';
import type { Values } from './command.ts';

/**
 * Asks this machine's own TPM, or the system service where this account may not use the TPM itself. The service's code is loaded only then.
 * Errors: those of `own`.
 */
export async function orThroughService<T>(
  values: Values,
  own: () => Promise<T>,
  ask: (service: TpmServiceClient, cause: NativeError) => Promise<T>,
  connect?: () => Promise<TpmServiceClient | undefined>,
): Promise<T> {
  try {
    return await own();
  } catch (error) {
    if (values.texts.has('tcti') || !isNativeError(error, 'tpm-permission')) throw error;
    const { askService } = await import('../native/service/client.ts');
    const told = await askService(async (service) => ({ answer: await ask(service, error) }), connect);
    if (!told) throw error;
    return told.answer;
  }
}

/** For a command that no service answers: where one keeps the TPM from this account, that is what stands in the way. */
export async function needingTpmItself<T>(
  values: Values,
  own: () => Promise<T>,
  connect?: () => Promise<TpmServiceClient | undefined>,
): Promise<T> {
  const kept = async (_service: TpmServiceClient, cause: NativeError): Promise<never> => {
    throw new NativeError('tpm-permission', 'This command needs the TPM itself, which the Muster service keeps.', {
      advice: 'Run it with sudo.',
      cause,
    });
  };
  return orThroughService<T>(values, own, kept, connect);
}
