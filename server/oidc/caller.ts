import type { IncomingMessage } from 'node:http';

/** Who sent a request, by what this server trusts of its proxies. */
export type Caller = { address: string; requestId: string };

const callers = new WeakMap<IncomingMessage, Caller>();

/** Notes it for the authorization server, which sees the raw request only. */
export function noteCaller(request: IncomingMessage, caller: Caller): void {
  callers.set(request, caller);
}

export function callerOf(request: IncomingMessage): Caller {
  return callers.get(request) ?? { address: request.socket.remoteAddress ?? '', requestId: '' };
}
