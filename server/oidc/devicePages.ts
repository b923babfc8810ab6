import type { PageLanguage } from '../../contract/acceptLanguage.ts';
import { isErrorCode } from '../error.ts';
import { errorPage, escapeHtml, type Message, messagePage, type Page, page } from './pages.ts';

type Viewer = { demo: boolean; language: PageLanguage };

const TEXTS = {
  en: {
    enter: 'Enter the code of your device',
    label: 'Code shown by the device',
    next: 'Continue',
    unknown: 'This code is not known, was used, or has expired.',
    compare: 'Compare the code',
    question: 'Does the device show this code?',
    yes: 'Yes, continue',
    no: 'No, stop',
  },
  de: {
    enter: 'Code Ihres Geräts eingeben',
    label: 'Code, den das Gerät zeigt',
    next: 'Weiter',
    unknown: 'Dieser Code ist nicht bekannt, wurde schon benutzt oder ist abgelaufen.',
    compare: 'Code vergleichen',
    question: 'Zeigt das Gerät diesen Code?',
    yes: 'Ja, weiter',
    no: 'Nein, abbrechen',
  },
} as const satisfies Record<PageLanguage, Record<string, string>>;

const MESSAGES = {
  en: {
    done: { title: 'Done', paragraphs: ['The device goes on by itself. You can close this page.'] },
    stopped: {
      title: 'Stopped',
      paragraphs: ['Nothing was enrolled. If you started this yourself, start it again on your device.'],
    },
    failed: { title: 'This sign-in cannot go on', paragraphs: ['Start the enrolment again on your device.'] },
  },
  de: {
    done: { title: 'Fertig', paragraphs: ['Das Gerät macht von selbst weiter. Sie können diese Seite schließen.'] },
    stopped: {
      title: 'Abgebrochen',
      paragraphs: [
        'Es wurde nichts registriert. Haben Sie das selbst begonnen, beginnen Sie auf Ihrem Gerät noch einmal.',
      ],
    },
    failed: {
      title: 'Diese Anmeldung kann nicht weitergehen',
      paragraphs: ['Beginnen Sie die Registrierung auf Ihrem Gerät neu.'],
    },
  },
} as const satisfies Record<PageLanguage, Record<string, Message>>;

/** Where a person types the code; `form` is the provider's own, of which address and token are taken. */
export function userCodePage(form: string, failed: boolean, { demo, language }: Viewer): Page {
  const t = TEXTS[language];
  const value = /name="xsrf" value="([^"]*)"/.exec(form)?.[1] ?? '';
  const action = /action="([^"]*)"/.exec(form)?.[1] ?? '';
  const error = failed ? `<p role="alert">${t.unknown}</p>` : '';
  const body = `${error}<form method="post" action="${escapeHtml(action)}"><input type="hidden" name="xsrf" value="${escapeHtml(value)}">
<label>${t.label} <input name="user_code" autocomplete="off" autocapitalize="characters" required></label><button>${t.next}</button></form>`;
  return page({ title: t.enter, body, demo, language });
}

export function userCodeConfirmPage(form: string, code: string, { demo, language }: Viewer): Page {
  const t = TEXTS[language];
  const body = `<p>${t.question}</p><p class="code">${escapeHtml(code)}</p>${form}
<p class="choice"><button form="op.deviceConfirmForm" autofocus>${t.yes}</button>
<button class="quiet" form="op.deviceConfirmForm" name="abort" value="yes">${t.no}</button></p>`;
  return page({ title: t.compare, body, demo, language });
}

export function deviceMessage(which: keyof (typeof MESSAGES)['en'], { demo, language }: Viewer): Page {
  return messagePage(MESSAGES[language][which], demo, language);
}

/** How a sign-in ended that led nowhere: by a code of the contract where there is one, else by the provider's own word. */
export function signInEndedPage(out: { error: string; error_description?: string | undefined }, viewer: Viewer): Page {
  const { demo, language } = viewer;
  const code = out.error_description;
  if (code === 'sign-in-cancelled') return deviceMessage('stopped', viewer);
  if (code !== undefined && isErrorCode(code)) return errorPage({ code }, demo, language);
  const { title, paragraphs } = MESSAGES[language].failed;
  return messagePage({ title, paragraphs: [...paragraphs, `(${out.error})`] }, demo, language);
}
