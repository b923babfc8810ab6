import type { Diagnostic, UserError } from '../contract/bridge.ts';
import { type Catalogues, useLanguage, useTextOf } from '../ui/I18n.tsx';
import { errorsDe } from '../ui/messages/errors.de.ts';
import { findingsDe } from '../ui/messages/findings.de.ts';
import { windowDe } from '../ui/messages/window.de.ts';
import { windowEn } from '../ui/messages/window.en.ts';
import type { Language } from '../ui/translate.ts';

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

/** What a check saw, in the language that is shown; in the English that came with it, where this window does not know the code. */
export function useFindingText(): (check: Diagnostic) => { language: Language; detail: string; remedy: string | null } {
  const language = useLanguage();
  return ({ detail, remedy, finding }) => {
    const known = language === 'de' && finding ? germanFinding(finding.code) : undefined;
    if (!finding || !known) return { language: 'en', detail, remedy };
    const fill = (text: string | null) =>
      text?.replace(/\{(\w+)\}/g, (_, name: string) => String(finding.values[name]));
    return { language, detail: fill(known[0]) ?? '', remedy: fill(known[1]) ?? null };
  };
}

type Code = NonNullable<Diagnostic['finding']>['code'];

function germanFinding(code: Code): readonly [string, string | null] | undefined {
  if (code in findingsDe) return findingsDe[code as keyof typeof findingsDe];
  return errorsDe[code as keyof typeof errorsDe];
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
