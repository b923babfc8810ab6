import { type Catalogues, useLanguage, useTextOf } from '../ui/I18n.tsx';
import { administrationDe } from '../ui/messages/administration.de.ts';
import { administrationEn } from '../ui/messages/administration.en.ts';
import { authoritiesDe } from '../ui/messages/authorities.de.ts';
import { authoritiesEn } from '../ui/messages/authorities.en.ts';
import { consoleDe } from '../ui/messages/console.de.ts';
import { consoleEn } from '../ui/messages/console.en.ts';
import { errorsDe } from '../ui/messages/errors.de.ts';
import { makersDe } from '../ui/messages/makers.de.ts';
import { makersEn } from '../ui/messages/makers.en.ts';
import { oversightDe } from '../ui/messages/oversight.de.ts';
import { oversightEn } from '../ui/messages/oversight.en.ts';
import type { ConsoleProblem } from './api/client.ts';

const texts = { ...consoleEn, ...administrationEn, ...oversightEn, ...makersEn, ...authoritiesEn };

export const consoleCatalogues: Catalogues<typeof texts> = {
  en: texts,
  de: { ...consoleDe, ...administrationDe, ...oversightDe, ...makersDe, ...authoritiesDe },
};

/** The texts of the console and the common ones. */
export const useConsoleText = () => useTextOf<typeof texts>();
export type ConsoleText = ReturnType<typeof useConsoleText>;

/** A refusal of one item among many: its code, with the server's English sentence. */
export type ItemProblem = { kind: 'said'; code: string; detail: string };

/** What a refusal of the server, or its silence, says to the administrator. */
export function useProblemText(): (problem: ConsoleProblem | ItemProblem) => { title: string; advice: string } {
  const t = useConsoleText();
  const language = useLanguage();
  return (problem) => {
    if (problem.kind === 'unreachable') {
      return { title: t('problem.unreachable'), advice: t('problem.unreachableAdvice') };
    }
    if (problem.kind === 'said') {
      const [title, advice] = errorsDe[problem.code as keyof typeof errorsDe] ?? errorsDe.internal;
      if (language === 'de') return { title, advice };
      return { title: problem.detail || t('bulk.changed'), advice: '' };
    }
    if (language === 'en')
      return { title: problem.problem.detail || problem.problem.title, advice: problem.problem.advice };
    const [title, advice] = errorsDe[problem.problem.code] ?? errorsDe.internal;
    return { title, advice };
  };
}
