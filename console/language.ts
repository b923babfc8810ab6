import type { Language } from '../ui/translate.ts';

const KEY = 'muster.console.language';

/** The language that was chosen in this browser, where the browser lets pages remember anything. */
export function rememberedLanguage(): Language | null {
  try {
    const remembered = localStorage.getItem(KEY);
    return remembered === 'en' || remembered === 'de' ? remembered : null;
  } catch {
    return null;
  }
}

export function rememberLanguage(language: Language): void {
  try {
    localStorage.setItem(KEY, language);
  } catch {
    // Storage is turned off: the choice holds until the page is closed.
  }
}
