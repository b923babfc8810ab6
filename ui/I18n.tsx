import { createContext, type ReactNode, useContext, useEffect, useMemo } from 'react';
import { createFormatter, type Formatter } from './format.ts';
import { commonDe } from './messages/common.de.ts';
import { commonEn } from './messages/common.en.ts';
import type { Catalogue, Translation } from './messages/types.ts';
import { createTranslate, type Language, type Translate } from './translate.ts';

/** One application's own texts in every language. */
export type Catalogues<C extends Catalogue> = { readonly en: C; readonly de: Translation<C> };

type I18n = { language: Language; locale: string; translate: unknown; format: Formatter };

const I18nContext = createContext<I18n | null>(null);

export function I18nProvider<C extends Catalogue>(props: {
  language: Language;
  locale: string;
  catalogues: Catalogues<C>;
  children: ReactNode;
}) {
  const { language, locale, catalogues } = props;
  const value = useMemo(() => {
    const catalogue = { ...(language === 'de' ? commonDe : commonEn), ...catalogues[language] };
    return { language, locale, translate: createTranslate(catalogue, locale), format: createFormatter(locale) };
  }, [language, locale, catalogues]);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  return <I18nContext value={value}>{props.children}</I18nContext>;
}

function useI18n(): I18n {
  const value = useContext(I18nContext);
  if (!value) throw new Error('I18nProvider is missing above this component');
  return value;
}

/** Translates keys of the common catalogue and of the application's own one, `C`. */
export function useTextOf<C extends Catalogue>(): Translate<typeof commonEn & C> {
  return useI18n().translate as Translate<typeof commonEn & C>;
}

export const useText = (): Translate<typeof commonEn> => useI18n().translate as Translate<typeof commonEn>;
export const useFormat = (): Formatter => useI18n().format;
export const useLanguage = (): Language => useI18n().language;
