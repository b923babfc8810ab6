import type { FastifyReply, FastifyRequest } from 'fastify';

const COMMENT_MS = 25_000;
/** Bytes that may wait for a slow reader before it is cut off; it comes back and is told the state as it is then. */
const BACKLOG = 1024 * 1024;

export type EventStream = {
  send(event: string, data: unknown, id: number): void;
  /** Sends text that was serialized once for many readers. */
  sendRaw(text: string): void;
  close(): void;
  onClose(listener: () => void): void;
};

export function frame(event: string, data: unknown, id: number): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Takes the response over for server-sent events. Authorize before: a hijacked reply passes no more hooks. */
export function openEventStream(request: FastifyRequest, reply: FastifyReply): EventStream {
  reply.hijack();
  const raw = reply.raw;
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': request.id,
    'x-accel-buffering': 'no',
  });
  raw.write(': open\n\n');
  const listeners: (() => void)[] = [];
  const timer = setInterval(() => raw.write(': still here\n\n'), COMMENT_MS);
  timer.unref();
  let open = true;
  const ended = (): void => {
    if (!open) return;
    open = false;
    clearInterval(timer);
    for (const listener of listeners) listener();
  };
  raw.on('close', ended);
  raw.on('error', ended);
  const sendRaw = (text: string): void => {
    if (!open) return;
    raw.write(text);
    if (raw.writableLength > BACKLOG) raw.destroy();
  };
  return {
    sendRaw,
    send: (event, data, id) => sendRaw(frame(event, data, id)),
    close: () => {
      raw.end();
      ended();
    },
    onClose: (listener) => listeners.push(listener),
  };
}

/** `Last-Event-ID` as a number, or undefined where it is absent or none of ours. */
export function lastEventId(request: FastifyRequest): number | undefined {
  const header = request.headers['last-event-id'];
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}
