import type { UserError } from '../contract/bridge.ts';
import { type Catalogues, useLanguage, useTextOf } from '../ui/I18n.tsx';
import { errorsDe } from '../ui/messages/errors.de.ts';
import { windowDe } from '../ui/messages/window.de.ts';
import { windowEn } from '../ui/messages/window.en.ts';

export const windowCatalogues: Catalogues<typeof windowEn> = { en: windowEn, de: windowDe };

/** The texts of the window and the common ones. */
export const useWindowText = () => useTextOf<typeof windowEn>();

/** An error in the language that is shown. Its `detail` stays as it came: it is for whoever is asked for help. */
export function useErrorText(): (error: UserError) => { title: string; advice: string } {
  const language = useLanguage();
  return (error) => {
    if (language === 'en') return { title: error.title, advice: error.advice };
    const [title, advice] = errorsDe[error.code];
    return { title, advice };
  };
}

/** What "copy details" puts on the clipboard: exactly the error, which holds no secret. */
export const errorReport = (error: UserError, version: string): string =>
  [
    `Muster ${version}`,
    `${error.code}: ${error.title}`,
    error.detail,
    error.advice,
    ...(error.correlationId ? [`Request: ${error.correlationId}`] : []),
  ].join('\n');
