import type { PageLanguage } from '../../contract/acceptLanguage.ts';
import { ERRORS, type ErrorCode } from '../../contract/index.ts';

type TitleAndAdvice = readonly [title: string, advice: string];

/** German titles and advice of what a person can meet in a browser; every other code is told in the contract's English. */
const ERRORS_DE: { [K in ErrorCode]?: TitleAndAdvice } = {
  'invalid-request': ['Die Anfrage ist nicht gültig.', 'Beginnen Sie dort neu, wo Sie hergekommen sind.'],
  forbidden: ['Das ist Ihnen hier nicht erlaubt.', 'Bitten Sie eine Eigentümer:in des Teams um die genannte Rolle.'],
  'not-found': ['Hier ist nichts.', 'Prüfen Sie die Adresse.'],
  'too-large': ['Die Anfrage ist zu groß.', 'Beginnen Sie dort neu, wo Sie hergekommen sind.'],
  'rate-limited': ['Zu viele Anfragen.', 'Warten Sie eine Minute und versuchen Sie es dann erneut.'],
  internal: [
    'Der Server konnte das nicht abschließen.',
    'Versuchen Sie es erneut. Bleibt es dabei, sagen Sie es Ihrer Administration.',
  ],
  unavailable: ['Der Server ist dafür gerade nicht bereit.', 'Versuchen Sie es gleich noch einmal.'],
  'ceremony-expired': [
    'Diese Registrierung hat zu lange gedauert und ist abgelaufen.',
    'Beginnen Sie die Registrierung neu.',
  ],
  'sign-in-failed': [
    'Die Anmeldung wurde nicht angenommen.',
    'Melden Sie sich erneut an, oder fragen Sie Ihre Administration, ob Sie Geräte registrieren dürfen.',
  ],
  'self-enrolment-off': [
    'Ihr Team lässt niemanden ohne Einladung Geräte registrieren.',
    'Bitten Sie die Administration um eine Einladung.',
  ],
  'invite-refused': [
    'Diese Einladung kann nicht benutzt werden.',
    'Bitten Sie die Administration um eine neue Einladung.',
  ],
  'setup-refused': [
    'Dieser Link zur Einrichtung kann nicht benutzt werden.',
    'Starten Sie den Server neu: Solange das Inventar niemandem gehört, nennt er einen neuen.',
  ],
  'source-not-allowed': [
    'Ihr Team nimmt keine Geräte an, die auf diesem Weg kommen.',
    'Fragen Sie die Administration, wie Geräte registriert werden.',
  ],
};

/** German for the sentences with which this server refuses a person in a browser, by their English. */
const SENTENCES_DE: Record<string, string> = {
  'No identity provider is connected to this inventory yet.':
    'Mit diesem Inventar ist noch kein Identity Provider verbunden.',
  'The identity provider of your organization does not answer as expected.':
    'Der Identity Provider Ihrer Organisation antwortet nicht wie erwartet.',
  'This form was not sent from this server.': 'Dieses Formular kam nicht von diesem Server.',
  'This sign-in was started in another browser, was finished before, or took too long.':
    'Diese Anmeldung wurde in einem anderen Browser begonnen, schon abgeschlossen oder hat zu lange gedauert.',
  'You are signed in, but you are not an administrator of this inventory.':
    'Sie sind angemeldet, gehören aber nicht zur Administration dieses Inventars.',
  'Your identity provider has not verified your e-mail address.':
    'Ihr Identity Provider hat Ihre E-Mail-Adresse nicht bestätigt.',
  'People with addresses of this domain cannot sign in here.':
    'Mit Adressen dieser Domain kann man sich hier nicht anmelden.',
  'This account is no longer active.': 'Dieses Konto ist nicht mehr aktiv.',
  'This invite is for another address than yours.': 'Diese Einladung gilt einer anderen Adresse als Ihrer.',
  'The identity provider did not confirm the sign-in.': 'Der Identity Provider hat die Anmeldung nicht bestätigt.',
  'The identity provider sent no ID token.': 'Der Identity Provider hat kein ID-Token gesendet.',
  'The identity provider did not say which e-mail address you have.':
    'Der Identity Provider hat nicht gesagt, welche E-Mail-Adresse Sie haben.',
};

/** What happened and what to do next, for a person in a browser. */
export function errorTexts(code: ErrorCode, language: PageLanguage): TitleAndAdvice {
  const [, title, advice] = ERRORS[code];
  return (language === 'de' ? ERRORS_DE[code] : undefined) ?? [title, advice];
}

/** A sentence of a refusal in the language of its reader; English where there is no other. */
export function sentenceIn(language: PageLanguage, english: string): string {
  return (language === 'de' ? SENTENCES_DE[english] : undefined) ?? english;
}
