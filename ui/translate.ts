import { later } from './format.ts';
import type { Catalogue, Message, ParametersOf } from './messages/types.ts';

export type Language = 'en' | 'de';

type Values = Readonly<Record<string, string | number>>;

/** `key` and, where the text has placeholders, their values; numbers are written as the locale does. */
export type Translate<C extends Catalogue> = <K extends keyof C & string>(
  key: K,
  ...values: [ParametersOf<C[K]>] extends [never] ? [] : [{ readonly [N in ParametersOf<C[K]>]: string | number }]
) => string;

export function createTranslate<C extends Catalogue>(catalogue: Catalogue, locale: string): Translate<C> {
  const numbers = later(() => new Intl.NumberFormat(locale));
  const plurals = later(() => new Intl.PluralRules(locale));
  return (key, ...values) => {
    const message = catalogue[key];
    if (message === undefined) throw new Error(`No message named ${key}`);
    const given: Values = values[0] ?? {};
    return textOf(message, given, plurals).replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = given[name];
      if (value === undefined) return whole;
      return typeof value === 'number' ? numbers().format(value) : value;
    });
  };
}

function textOf(message: Message, values: Values, plurals: () => Intl.PluralRules): string {
  if (typeof message === 'string') return message;
  return plurals().select(Number(values.count)) === 'one' ? message.one : message.other;
}

/** The language to show: what the person chose, otherwise the first of the system's languages that we have. */
export function chooseLanguage(chosen: 'system' | Language, systemLanguages: readonly string[]): Language {
  if (chosen !== 'system') return chosen;
  for (const tag of systemLanguages) {
    const base = tag.split('-')[0]?.toLowerCase();
    if (base === 'en' || base === 'de') return base;
  }
  return 'en';
}

/** The locale for dates and numbers: the system's own region (`de-AT`, `en-GB`) where it fits the language shown. */
export function chooseLocale(language: Language, systemLanguages: readonly string[]): string {
  return systemLanguages.find((tag) => tag.toLowerCase().split('-')[0] === language) ?? language;
}
