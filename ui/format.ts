export type Formatter = {
  dateTime(iso: string): string;
  date(iso: string): string;
  time(iso: string): string;
  /** "5 minutes ago", "in 9 minutes"; `now` in milliseconds since the epoch. */
  relative(iso: string, now: number): string;
  number(value: number): string;
  list(items: readonly string[]): string;
};

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/**
 * Each formatter is made when it is first used: making one of each reads tens of milliseconds of locale data, before the first screen, which
 * shows no date.
 */
export function createFormatter(locale: string): Formatter {
  const dateTime = later(() => new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }));
  const date = later(() => new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }));
  const time = later(() => new Intl.DateTimeFormat(locale, { timeStyle: 'short' }));
  const relative = later(() => new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }));
  const number = later(() => new Intl.NumberFormat(locale));
  const list = later(() => new Intl.ListFormat(locale));
  return {
    dateTime: (iso) => dateTime().format(new Date(iso)),
    date: (iso) => date().format(new Date(iso)),
    time: (iso) => time().format(new Date(iso)),
    relative: (iso, now) => {
      const seconds = (new Date(iso).getTime() - now) / 1000;
      for (const [unit, size] of UNITS) {
        if (Math.abs(seconds) >= size) return relative().format(Math.trunc(seconds / size), unit);
      }
      // Below a minute "now" is enough: a counter of seconds would only flicker.
      return relative().format(0, 'second');
    },
    number: (value) => number().format(value),
    list: (items) => list().format(items),
  };
}

/** Makes its value at the first call, and keeps it. */
export function later<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
