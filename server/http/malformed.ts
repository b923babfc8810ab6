import { randomUUID } from 'node:crypto';
import type { IncomingMessage, OutgoingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { isCompatible } from '../smallstep/answer.ts';
import { API_VERSIONS } from '../smallstep/version.ts';
import { problemOf } from './problem.ts';

/** An error of `clientError`; `rawPacket` holds the bytes as a Buffer, whatever Fastify's types say of it. */
type Fault = Error & { code?: string; rawPacket?: unknown };

/** Status line, code and sentence of what Node's parser could not read. */
function answerTo({ code }: Fault) {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'Request Header Fields Too Large', 'too-large', 'The header of the request is too large.'] as const;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'Request Timeout', 'invalid-request', 'The request did not arrive in time.'] as const;
    default:
      return [400, 'Bad Request', 'invalid-request', 'This is not an HTTP request that can be read.'] as const;
  }
}

/**
 * Answers what is no HTTP in the form of every other answer. No request exists, so the target is read from the bytes where they hold one:
 * the compatible API answers `{ "message" }`. The connection ends, since nobody knows where the next request would begin.
 */
export function answerMalformed(origin: string, fault: Fault, socket: Socket): void {
  // Node's own check: an answer that began on this connection must not get another one in its middle.
  const { _httpMessage: begun } = socket as Socket & { _httpMessage?: OutgoingMessage };
  if (!socket.writable || fault.code === 'ECONNRESET' || begun?.headersSent) {
    socket.destroy(fault);
    return;
  }
  const [status, phrase, code, detail] = answerTo(fault);
  const bytes = Buffer.isBuffer(fault.rawPacket) ? fault.rawPacket.toString('latin1', 0, 4096) : '';
  const target = /^[A-Z]{1,16} (\S{1,2048})/.exec(bytes)?.[1];
  const compatible = isCompatible(target);
  const id = randomUUID();
  const body = JSON.stringify(
    compatible ? { message: detail } : { ...problemOf(origin, code, detail, id), status, title: phrase },
  );
  const headers = {
    'content-type': compatible ? 'application/json' : 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'x-request-id': id,
    ...(compatible ? { 'x-smallstep-api-version': API_VERSIONS.at(-1) } : {}),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const answer = `HTTP/1.1 ${status} ${phrase}\r\n${lines.join('')}\r\n${body}`;
  // Not left half open: who sends this may never close.
  socket.end(answer, () => socket.destroy());
}

/** Whether a request names its host as RFC 9112 section 3.2 asks of HTTP/1.1: once. */
export function namesHostOnce({ httpVersion, rawHeaders }: IncomingMessage): boolean {
  const hosts = rawHeaders.filter((name, at) => at % 2 === 0 && name.length === 4 && name.toLowerCase() === 'host');
  return hosts.length === 1 || (hosts.length === 0 && httpVersion !== '1.1');
}
