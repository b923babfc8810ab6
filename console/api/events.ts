import type { ConsoleEvent } from '../../contract/decisions.ts';

export type Listener = (event: ConsoleEvent) => void;
export type LiveState = 'live' | 'interrupted';

/** The console's event stream. After an interruption `onResume` says that something may have been missed. */
export type Events = {
  listen(listener: Listener): () => void;
  close(): void;
};

const RETRY_MS = 3000;

export type Connect = (handlers: { onState: (state: LiveState) => void; onResume: () => void }) => Events;

export const openEvents: Connect = (handlers) => {
  const listeners = new Set<Listener>();
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let interrupted = false;

  const receive = (message: MessageEvent<string>): void => {
    const event = JSON.parse(message.data) as ConsoleEvent;
    for (const listener of listeners) listener(event);
  };
  const open = (): void => {
    source = new EventSource('/api/v1/events');
    source.addEventListener('open', () => {
      handlers.onState('live');
      if (interrupted) handlers.onResume();
      interrupted = false;
    });
    source.addEventListener('device', receive);
    // Rare, and nothing that a row shows: the lists are read anew.
    source.addEventListener('gone', () => handlers.onResume());
    source.addEventListener('error', () => {
      interrupted = true;
      handlers.onState('interrupted');
      // The browser reconnects by itself, with Last-Event-ID, unless the answer was no stream at all.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, RETRY_MS);
    });
  };
  open();
  return {
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      clearTimeout(timer);
      source.close();
    },
  };
};
