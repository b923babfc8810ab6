type Told = { event: string; id: string; data: unknown };

/** Reads server-sent events one by one; `next` fails after thirty seconds of silence. */
export async function readEvents(url: string, headers: Record<string, string>) {
  const stop = new AbortController();
  const response = await fetch(url, { headers, signal: stop.signal });
  if (response.status !== 200 || !response.body) throw new Error(`${response.status} ${await response.text()}`);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  const next = async (): Promise<Told> => {
    for (;;) {
      const end = rest.indexOf('\n\n');
      if (end >= 0) {
        const lines = rest.slice(0, end).split('\n');
        rest = rest.slice(end + 2);
        const field = (name: string) =>
          lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? '';
        if (!field('data')) continue;
        return { event: field('event'), id: field('id'), data: JSON.parse(field('data')) };
      }
      const { done, value } = await within(reader.read());
      if (done) throw new Error('The stream ended.');
      rest += decoder.decode(value, { stream: true });
    }
  };
  /** The first of the following events that is as wanted: others may come before it, as many as there are changes. */
  const until = async (wanted: (event: Told) => boolean): Promise<Told> => {
    for (;;) {
      const event = await next();
      if (wanted(event)) return event;
    }
  };
  return { next, until, close: () => stop.abort() };
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error('No event came for thirty seconds.')), 30_000);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
