import { aboutSetting, MANAGED_NAMES, type ManagedName } from '../contract/managedSettings.ts';

type SettingTexts = { title: string; description: string; choices?: Readonly<Record<string, string>> };

/** Everything an administrative template shows, in one language. */
export type PolicyTexts = {
  file: string;
  category: string;
  defaultsCategory: string;
  defaultsNote: string;
  secretNote: string;
  supported: string;
  settings: Record<ManagedName, SettingTexts>;
};

function englishSettings(): Record<ManagedName, SettingTexts> {
  const entries: [string, SettingTexts][] = MANAGED_NAMES.map((name) => [name, aboutSetting(name)]);
  return Object.fromEntries(entries) as Record<ManagedName, SettingTexts>;
}

export const POLICY_TEXTS_EN: PolicyTexts = {
  file: 'Settings of Muster, the device inventory.',
  category: 'Muster',
  defaultsCategory: 'Defaults (a person can change them)',
  defaultsNote: 'This is only a default: a person can choose otherwise.',
  secretNote: 'It is a secret: everyone who can read this policy can read it. Give it a short life and a count.',
  supported: 'Muster 0.1 or later',
  settings: englishSettings(),
};

export const POLICY_TEXTS_DE: PolicyTexts = {
  file: 'Einstellungen von Muster, dem Geräteinventar.',
  category: 'Muster',
  defaultsCategory: 'Vorgaben (von der Person änderbar)',
  defaultsNote: 'Dies ist nur eine Vorgabe: Die Person kann anders wählen.',
  secretNote:
    'Es ist ein Geheimnis: Wer diese Richtlinie lesen kann, kann es lesen. Geben Sie ihm eine kurze Frist und eine Anzahl.',
  supported: 'Muster 0.1 oder neuer',
  settings: {
    ServerUrl: {
      title: 'Inventarserver',
      description: 'Adresse des Muster-Servers. Unverschlüsseltes http wird abgelehnt, außer zu diesem Rechner selbst.',
    },
    Team: {
      title: 'Team',
      description: 'Kurzname des Teams. Die Registrierung endet, wenn der Server ein anderes nennt.',
    },
    SelfEnrolment: {
      title: 'Wie sich Personen beim Registrieren anmelden',
      description: 'Wie sich eine Person anmeldet, die diesen Rechner registriert.',
      choices: {
        browser: 'Im Browser dieses Rechners',
        'device-code': 'Mit einem Code, in einem Browser anderswo',
        off: 'Gar nicht: nur mit dem Bereitstellungstoken',
      },
    },
    ProvisioningToken: {
      title: 'Bereitstellungstoken',
      description:
        'Damit wird dieser Rechner ohne eine Person registriert. Es genehmigt nie ein Gerät und ordnet es niemandem zu.',
    },
    Updates: {
      title: 'Aktualisierungen',
      description:
        'Wer Muster aktualisiert. Eine Installation mit msi, pkg, deb oder rpm aktualisiert sich nie selbst; jede andere, die Sie verwalten, nur wo Sie dies festlegen.',
      choices: {
        automatic: 'Muster aktualisiert sich selbst',
        notify: 'Muster meldet eine Aktualisierung',
        disabled: 'Ihre Softwareverteilung aktualisiert Muster',
      },
    },
    StartAtLogin: {
      title: 'Bei der Anmeldung starten',
      description: 'Muster startet im Hintergrund, wenn sich eine Person anmeldet.',
    },
    LogLevel: {
      title: 'Protokollstufe',
      description: 'Wie viel Muster protokolliert. Keine Stufe schreibt Geheimnisse.',
      choices: { error: 'Fehler', warn: 'Warnungen', info: 'Ereignisse', debug: 'Alles' },
    },
    Proxy: {
      title: 'Proxy',
      description:
        'system: die Einstellungen dieses Rechners. direct: keiner. Sonst die Adresse eines Proxys oder einer PAC-Datei (endet auf .pac).',
    },
    ExtraCaFile: {
      title: 'Weitere Zertifizierungsstellen',
      description:
        'Absoluter Pfad einer PEM-Datei mit Zertifizierungsstellen, denen neben denen des Systems vertraut wird.',
    },
    MakerCertificates: {
      title: 'Zertifikate vom Hersteller des TPM',
      description:
        'Ob Intel oder AMD nach dem Zertifikat eines Endorsement Keys gefragt wird, wenn das TPM selbst keines enthält. Die Anfrage nennt dem Hersteller einen Hash dieses Schlüssels.',
    },
    AllowSoftwareTpm: {
      title: 'Registrierung mit Software-TPM',
      description:
        'Ob ein Rechner, dessen TPM Software ist, überhaupt registriert werden darf; ist es nicht gesetzt, entscheidet allein der Server. Auf die Vertrauensstufe hat es nie Einfluss.',
    },
  },
};
