import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import type { PageLanguage } from '../../contract/acceptLanguage.ts';
import { ERRORS, type ErrorCode } from '../../contract/index.ts';
import { errorTexts, sentenceIn } from './pageTexts.ts';

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5a6472;--line:#d5dae1;--paper:#f5f6f8;--card:#fff;--main:#1f5fbf;--on-main:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebf0;--soft:#a5afbd;--line:#39424f;--paper:#14181e;--card:#1d232b;--main:#8ab8ff;--on-main:#0c1420}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif;padding:1rem}
main{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:2rem;max-width:30rem;width:100%}
h1{font-size:1.35rem;line-height:1.3;margin:0 0 .75rem}
p{margin:.5rem 0}
.demo{border:1px solid var(--line);border-radius:6px;padding:.25rem .6rem;display:inline-block;margin:0 0 1rem;color:var(--soft);font-size:.9rem}
main.wide{max-width:72rem;align-self:start}
pre{overflow:auto;background:var(--paper);padding:.75rem;border-radius:8px;font-size:.85rem}
dl{display:grid;grid-template-columns:auto 1fr;gap:.4rem 1rem;margin:1.25rem 0}
dt{color:var(--soft)}
dd{margin:0;font-weight:600;overflow-wrap:anywhere}
.code{font:700 1.9rem/1.2 ui-monospace,monospace;letter-spacing:.08em;margin:.25rem 0}
form{display:flex;gap:.75rem;flex-wrap:wrap;margin-top:1.5rem}
label{display:block;width:100%}
input{font:inherit;width:100%;padding:.6rem;border:1px solid var(--soft);border-radius:8px;background:var(--card);color:var(--ink)}
button,a.button{font:inherit;font-weight:600;padding:.65rem 1.2rem;border-radius:8px;border:1px solid var(--main);background:var(--main);color:var(--on-main);cursor:pointer;text-decoration:none;display:inline-block}
button.quiet{background:transparent;color:var(--ink);border-color:var(--soft)}
:focus-visible{outline:3px solid var(--main);outline-offset:2px}
small{color:var(--soft)}
`;

const STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

export type Page = { html: string; headers: Record<string, string> };

export function send(reply: FastifyReply, status: number, { html, headers }: Page): FastifyReply {
  return reply.code(status).headers(headers).send(html);
}

type PageParts = {
  title: string;
  /** HTML; every value in it is escaped by the caller. */
  body: string;
  demo: boolean;
  /** Where the page's form may lead, redirects included: Chromium checks those against form-action too. */
  formTargets?: readonly string[];
  /** Where the browser goes on to by itself. */
  onwards?: string;
  /** Scripts of this server that the page loads, by path; never inline. */
  script?: string;
  /** For reading rather than for a decision. */
  wide?: boolean;
  language?: PageLanguage;
};

const DEMO_BANNER: Record<PageLanguage, string> = {
  en: 'Demo: accounts and security chip are not real',
  de: 'Demo: Konten und Sicherheitschip sind nicht echt',
};

/** A page of the sign-in: no inline script, nothing from elsewhere, never framed, never cached. */
export function page(parts: PageParts): Page {
  const { title, body, demo, formTargets = [], onwards, script, wide = false, language = 'en' } = parts;
  const banner = demo ? `<p class="demo">${DEMO_BANNER[language]}</p>` : '';
  const tag = script === undefined ? '' : `<script type="module" src="${escapeHtml(script)}"></script>`;
  const refresh = onwards === undefined ? '' : `<meta http-equiv="refresh" content="0;url=${escapeHtml(onwards)}">`;
  const html = `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeHtml(title)} · Muster</title><style>${STYLE}</style>${refresh}${tag}</head><body><main${wide ? ' class="wide"' : ''}>${banner}<h1>${escapeHtml(title)}</h1>${body}</main></body></html>`;
  const csp = [
    "default-src 'none'",
    `style-src ${STYLE_HASH}`,
    script === undefined ? "script-src 'none'" : "script-src 'self'",
    script === undefined ? "connect-src 'none'" : "connect-src 'self'",
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
  return {
    html,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': csp,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cross-origin-opener-policy': 'same-origin',
    },
  };
}

export type Confirmation = {
  team: string;
  person: { email: string; displayName: string | null };
  deviceName: string;
  os: string;
  code: string;
  demo: boolean;
  action: string;
  formTargets: readonly string[];
  language?: PageLanguage;
};

const CONFIRM = {
  en: {
    title: 'Confirm your device',
    question: 'Is this your device, and does its window show the same code?',
    code: 'Code',
    team: 'Team',
    person: 'Person',
    device: 'Device',
    warning:
      'If you did not start this on your own device, choose Refuse: someone may be trying to enrol their device in your name.',
    accept: 'Enrol this device',
    refuse: 'Refuse',
  },
  de: {
    title: 'Bestätigen Sie Ihr Gerät',
    question: 'Ist das Ihr Gerät, und zeigt sein Fenster denselben Code?',
    code: 'Code',
    team: 'Team',
    person: 'Person',
    device: 'Gerät',
    warning:
      'Haben Sie das nicht auf Ihrem eigenen Gerät begonnen, wählen Sie „Ablehnen“: Jemand versucht vielleicht, ein fremdes Gerät auf Ihren Namen zu registrieren.',
    accept: 'Dieses Gerät registrieren',
    refuse: 'Ablehnen',
  },
} as const satisfies Record<PageLanguage, Record<string, string>>;

/** The page that defeats a sign-in started by somebody else: the person sees whose device it would be. */
export function confirmPage(confirmation: Confirmation): Page {
  const { team, person, deviceName, os, code, action, demo, formTargets, language = 'en' } = confirmation;
  const t = CONFIRM[language];
  const name = person.displayName ? `${person.displayName} (${person.email})` : person.email;
  const body = `<p>${t.question}</p>
<p class="code" aria-label="${t.code} ${escapeHtml(code.split('').join(' '))}">${escapeHtml(code)}</p>
<dl><dt>${t.team}</dt><dd>${escapeHtml(team)}</dd><dt>${t.person}</dt><dd>${escapeHtml(name)}</dd><dt>${t.device}</dt><dd>${escapeHtml(deviceName)} (${escapeHtml(os)})</dd></dl>
<p><small>${t.warning}</small></p>
<form method="post" action="${escapeHtml(action)}">
<button name="decision" value="accept">${t.accept}</button>
<button class="quiet" name="decision" value="refuse">${t.refuse}</button></form>`;
  return page({ title: t.title, body, demo, formTargets, language });
}

const ONWARDS = {
  en: { title: 'Going on to your sign-in', link: 'Continue' },
  de: { title: 'Weiter zur Anmeldung', link: 'Weiter' },
} as const satisfies Record<PageLanguage, Record<string, string>>;

/**
 * Leads on to another site after a form. A redirect cannot: Chromium holds each of them against the form-action of the page with the form,
 * and where an identity provider sends people from its own address is not known.
 */
export function onwardsPage(url: string, demo: boolean, language: PageLanguage): Page {
  const t = ONWARDS[language];
  const body = `<p><a href="${escapeHtml(url)}">${t.link}</a></p>`;
  return page({ title: t.title, body, demo, onwards: url, language });
}

export type Message = { title: string; paragraphs: readonly string[] };

export function messagePage({ title, paragraphs }: Message, demo: boolean, language: PageLanguage): Page {
  return page({ title, body: paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`).join(''), demo, language });
}

/** A refusal as a page: what happened, the sentence that says why where there is one, and what to do next. */
export function errorPage(
  { code, detail }: { code: ErrorCode; detail?: string },
  demo: boolean,
  language: PageLanguage,
): Page {
  const [title, advice] = errorTexts(code, language);
  const why = detail === undefined || detail === ERRORS[code][1] ? [] : [sentenceIn(language, detail)];
  return messagePage({ title, paragraphs: [...why, advice] }, demo, language);
}
