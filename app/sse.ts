export type ServerSentEvent = { event: string; data: string; id: string | undefined };

/** Splits a `text/event-stream` into its events (HTML Living Standard, 9.2.6). Comments come as events named `comment`. */
export async function* readEvents(stream: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let fields = empty();
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (fields.data !== undefined) yield { event: fields.event, data: fields.data, id: fields.id };
        fields = empty();
      } else if (line.startsWith(':')) {
        yield { event: 'comment', data: line.slice(1).trim(), id: undefined };
      } else {
        take(fields, line);
      }
    }
  }
}

type Fields = { event: string; data: string | undefined; id: string | undefined };
const empty = (): Fields => ({ event: 'message', data: undefined, id: undefined });

function take(fields: Fields, line: string): void {
  const colon = line.indexOf(':');
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
  if (name === 'event') fields.event = value;
  else if (name === 'id') fields.id = value;
  else if (name === 'data') fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
}
