import type { PlainRequest } from '../app/ports.ts';

/**
 * One HTTP/1.1 exchange by node:http or node:https, with the proxy and the authorities that `prepareNetwork` gave them. Fails as `fetch` does:
 * with the signal's reason, or a TypeError whose `cause` tells what happened.
 *
 * Not by `fetch`, and not by an `import` of node:http, which evaluates all that the module exports, WebSocket included: either brings in
 * undici, and with it memory that a watch would keep for weeks.
 */
export const plainRequest: PlainRequest = (input, { method, headers, body, signal }) => {
  const url = new URL(input);
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<PlainRequest>>>();
  const failure = (message: string, cause: unknown) =>
    signal?.aborted ? signal.reason : new TypeError(message, { cause });
  const sent = request(url, { method, headers: { ...headers }, ...(signal ? { signal } : {}) });
  sent.on('error', (cause) => reject(failure('fetch failed', cause)));
  sent.on('response', (message) => {
    // Told to whoever reads the body; without a reader it is nobody's error.
    message.on('error', () => undefined);
    const status = message.statusCode ?? 0;
    resolve({
      status,
      ok: status >= 200 && status < 300,
      type: 'default',
      headers: {
        get(name) {
          const value = message.headers[name.toLowerCase()];
          return Array.isArray(value) ? value.join(', ') : (value ?? null);
        },
      },
      body: {
        async *[Symbol.asyncIterator]() {
          try {
            yield* message as AsyncIterable<Uint8Array>;
          } catch (cause) {
            throw failure('terminated', cause);
          }
        },
        async cancel() {
          message.destroy();
        },
      },
    });
  });
  sent.end(body);
  return promise;
};
