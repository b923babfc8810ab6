import { type AppSnapshot, type EnrolledScreen, enrolledScreen } from '../contract/index.ts';

/** What tray, notifications and the native menu say. The window has its own catalogue; the states and words are the same. */
export type Texts = {
  open: string;
  refresh: string;
  quit: string;
  states: Record<Exclude<AppSnapshot['state']['kind'], 'enrolled'>, string>;
  screens: Record<EnrolledScreen, string>;
  offline: string;
  news: Record<EnrolledScreen, { title: string; body: string }>;
  update: { title: string; body: string };
};

const en: Texts = {
  open: 'Open Muster',
  refresh: 'Check now',
  quit: 'Quit',
  states: {
    starting: 'Starting …',
    'signed-out': 'Not enrolled',
    review: 'Waiting for you',
    'signing-in': 'Waiting for your browser',
    enrolling: 'Enrolling …',
    failed: 'The enrolment stopped',
  },
  screens: {
    waiting: 'Waiting for approval',
    approved: 'Approved',
    refused: 'Refused',
    quarantined: 'Quarantined',
    conflict: 'Conflict',
    deleted: 'Removed from the inventory',
  },
  offline: 'offline',
  news: {
    waiting: {
      title: 'Waiting for approval',
      body: 'An administrator decides about this device. You can close the window.',
    },
    approved: { title: 'This device is approved', body: 'It counts as a device of your organization from now on.' },
    refused: { title: 'This device was refused', body: 'Open Muster to see the reason and whom to ask.' },
    quarantined: { title: 'This device is quarantined', body: 'Ask your administrator what to do.' },
    conflict: {
      title: 'Another record claims this device',
      body: 'An administrator has to resolve this; nothing was changed.',
    },
    deleted: { title: 'This device was removed', body: 'It is no longer in the inventory of your organization.' },
  },
  update: {
    title: 'There is a newer Muster',
    body: 'Install it in the same way as this one. Your enrolment stays as it is.',
  },
};

const de: Texts = {
  open: 'Muster öffnen',
  refresh: 'Jetzt prüfen',
  quit: 'Beenden',
  states: {
    starting: 'Startet …',
    'signed-out': 'Nicht registriert',
    review: 'Wartet auf Sie',
    'signing-in': 'Wartet auf Ihren Browser',
    enrolling: 'Wird registriert …',
    failed: 'Die Registrierung wurde abgebrochen',
  },
  screens: {
    waiting: 'Wartet auf Freigabe',
    approved: 'Freigegeben',
    refused: 'Abgelehnt',
    quarantined: 'In Quarantäne',
    conflict: 'Konflikt',
    deleted: 'Aus dem Inventar entfernt',
  },
  offline: 'offline',
  news: {
    waiting: {
      title: 'Wartet auf Freigabe',
      body: 'Die Administration entscheidet über dieses Gerät. Sie können das Fenster schließen.',
    },
    approved: { title: 'Dieses Gerät ist freigegeben', body: 'Es zählt ab jetzt als Gerät Ihrer Organisation.' },
    refused: {
      title: 'Dieses Gerät wurde abgelehnt',
      body: 'Öffnen Sie Muster: dort stehen Grund und Ansprechperson.',
    },
    quarantined: { title: 'Dieses Gerät ist in Quarantäne', body: 'Fragen Sie Ihre Administration, was zu tun ist.' },
    conflict: {
      title: 'Ein anderer Eintrag beansprucht dieses Gerät',
      body: 'Die Administration muss das klären; nichts wurde geändert.',
    },
    deleted: { title: 'Dieses Gerät wurde entfernt', body: 'Es ist nicht mehr im Inventar Ihrer Organisation.' },
  },
  update: {
    title: 'Es gibt ein neueres Muster',
    body: 'Installieren Sie es auf demselben Weg wie dieses. Ihre Registrierung bleibt, wie sie ist.',
  },
};

/** The chosen language, or the system's where it is German; English otherwise. `locale` as in `de-AT`. */
export function textsFor(language: AppSnapshot['settings']['language'], locale: string): Texts {
  const wanted = language === 'system' ? locale.toLowerCase().split(/[-_]/)[0] : language;
  return wanted === 'de' ? de : en;
}

/** One short line for the tray: the state, and that it may be old where the server is away. */
export function statusLine(snapshot: AppSnapshot, texts: Texts): string {
  const { state, connection, demo } = snapshot;
  const what = state.kind === 'enrolled' ? texts.screens[enrolledScreen(state.device)] : texts.states[state.kind];
  const offline = connection.kind === 'offline' ? ` (${texts.offline})` : '';
  return `${what}${offline}${demo ? ' · demo' : ''}`;
}
