import { AppError, toUserError } from '../app/index.ts';
import type { Logger } from '../app/ports.ts';
import { BRIDGE, type Bridge, type BridgeFailure, type BridgeMethod } from '../contract/index.ts';

export type DispatchAnswer = { result: unknown } | BridgeFailure;
export type Dispatch = (method: unknown, params: unknown) => Promise<DispatchAnswer>;

/** What a caller hears that is not the window. */
export const FOREIGN: DispatchAnswer = {
  error: toUserError(new AppError('forbidden', 'Only the window of Muster may call this.')),
};

/**
 * The one way from the window into the core, whatever carried the call: unknown methods and parameters that do not match the contract are
 * refused before anything runs, results that do not match it never leave. Errors cross as a UserError, never as a stack.
 * SECURITY: docs/security.md, rows 17 and 20.
 */
export function createDispatcher(bridge: Bridge, log: Logger): Dispatch {
  return async (method, params) => {
    try {
      if (!isMethod(method))
        throw new AppError('invalid-request', 'The window asked for something that does not exist.');
      const parsed = BRIDGE[method].params.safeParse(params);
      if (!parsed.success)
        throw new AppError('invalid-request', `The window sent a call of ${method} that is not valid.`);
      const result: unknown = await bridge.invoke(method, parsed.data as never);
      return { result: BRIDGE[method].result.parse(result) };
    } catch (error) {
      const shown = toUserError(error);
      log.warn('a call of the window failed', { method: isMethod(method) ? method : 'unknown', code: shown.code });
      if (shown.code === 'unexpected') log.error('unexpected', { what: String(error) });
      return { error: shown };
    }
  };
}

function isMethod(method: unknown): method is BridgeMethod {
  return typeof method === 'string' && Object.hasOwn(BRIDGE, method);
}
