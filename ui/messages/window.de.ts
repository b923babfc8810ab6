import type { Translation } from './types.ts';
import type { windowEn } from './window.en.ts';

export const windowDe: Translation<typeof windowEn> = {
  'app.name': 'Muster',
  'app.menu': 'Menü',
  'app.documentTitle': '{screen} – Muster',
  'app.yourOrganization': 'Ihre Organisation',

  'menu.details': 'Gerätedetails',
  'menu.diagnostics': 'Diagnose',
  'menu.settings': 'Einstellungen',
  'menu.help': 'Hilfe',
  'menu.privacy': 'Datenschutz',
  'menu.unenrol': 'Registrierung aufheben …',

  'starting.title': 'Start',
  'starting.text': 'Der Zustand dieses Geräts wird gelesen …',

  'signedOut.title': 'Dieses Gerät registrieren',
  'signedOut.text':
    'Ihre Organisation führt eine Liste der Geräte, denen sie vertraut. Mit der Registrierung kommt dieses Gerät auf die Liste.',
  'signedOut.promise': 'Zuerst sehen Sie, was gesendet wird.',
  'signedOut.serverLabel': 'Serveradresse',
  'signedOut.serverNote': 'Ihre Administration kennt sie. Sie sieht so aus: https://muster.example.com',
  'signedOut.serverMissing': 'Geben Sie die Adresse des Servers Ihrer Organisation ein.',
  'signedOut.serverInvalid': 'Das ist keine Adresse. Sie beginnt mit https://',
  'signedOut.serverInsecure': 'Diese Adresse ist nicht sicher. Sie muss mit https:// beginnen.',
  'signedOut.server': 'Server',
  'signedOut.otherServer': 'Anderen Server benutzen',
  'signedOut.sameServer': 'Bei diesem Server bleiben',
  'signedOut.enrol': 'Dieses Gerät registrieren',

  'review.title': 'Das wird gesendet',
  'review.to': 'An {team}, {server}. Noch ist nichts gesendet.',
  'review.deviceName': 'Name dieses Geräts',
  'review.system': 'Betriebssystem',
  'review.model': 'Hersteller und Modell',
  'review.serial': 'Seriennummer',
  'review.chip': 'Sicherheitschip (TPM)',
  'review.chipNote': 'Seine Identität, {short}, beweist, dass es genau dieses Gerät ist.',
  'review.chipMissing': 'Keiner gefunden',
  'review.chipMissingNote':
    'Ohne ihn kann dieses Gerät nicht beweisen, welches es ist. Seine Vertrauensstufe bleibt normal.',
  'review.chipMac': 'Auf einem Mac nicht',
  'review.chipMacNote':
    'Seine Seriennummer nennt der Mac nur selbst. Seine Vertrauensstufe bleibt normal, bis Apple sie über die Geräteverwaltung Ihrer Organisation bestätigt.',
  'review.you': 'Sie',
  'review.youValue': 'Ihr Name und Ihre E-Mail-Adresse',
  'review.youNote': 'Aus Ihrer Anmeldung, die als Nächstes kommt.',
  'review.notReadable': 'Nicht lesbar',
  'review.readByService': 'Vom Muster-Dienst gelesen; sonst darf das nur die Administration dieses Geräts.',
  'why.none': 'Dieses Gerät hat keine.',
  'why.placeholder': 'Der Hersteller hat dort keinen brauchbaren Wert hinterlassen.',
  'why.not-allowed': 'Das darf nur die Administration dieses Geräts lesen.',
  'why.not-attested': 'Diese Art beglaubigt Apple nicht (Intel oder virtuell).',
  'why.service-failed': 'Der Muster-Dienst dieses Geräts konnte es nicht sagen.',
  'review.never': 'Nie gesendet: Ihre Dateien, Passwörter, Ihr Standort und was Sie auf diesem Gerät tun.',
  'review.hardwareUuid': 'Hardware-UUID',
  'review.provisioningUdid': 'Provisioning-UDID',
  'review.architecture': 'Architektur',
  'review.virtualMachine': 'Virtuelle Maschine',
  'review.chipFirmware': 'Firmware des Sicherheitschips',
  'review.chipAlgorithm': 'Algorithmus des Endorsement Key',
  'review.chipCertificates': 'Zertifikate des Endorsement Key',
  'review.agree': 'Zustimmen und anmelden',
  'review.browserNext': 'Zur Anmeldung öffnet sich Ihr Browser.',

  'signingIn.title': 'Warten auf Ihren Browser',
  'signingIn.text': 'Melden Sie sich auf der geöffneten Seite an. Kommen Sie zurück, wenn sie es sagt.',
  'signingIn.textHere':
    'Öffnen Sie die Anmeldeseite in diesem Browser. Kehren Sie zu diesem Tab zurück, wenn sie es sagt.',
  'signingIn.openHere': 'Anmeldeseite öffnen',
  'signingIn.codeLabel': 'Ihr Browser zeigt denselben Code',
  'signingIn.codeNote': 'Zeigt er einen anderen, hat Sie vielleicht jemand anderes dorthin geschickt: Brechen Sie ab.',
  'signingIn.expires': 'Diese Anmeldung endet {when}.',
  'signingIn.expired': 'Die Zeit für diese Anmeldung ist abgelaufen.',
  'signingIn.reopen': 'Browser erneut öffnen',
  'signingIn.userCodeLabel': 'Öffnen Sie diese Seite in einem beliebigen Browser und geben Sie dort diesen Code ein',
  'signingIn.copyAddress': 'Adresse kopieren',

  'enrolling.title': 'Dieses Gerät wird registriert',
  'enrolling.text': 'Das dauert einige Sekunden. Lassen Sie das Gerät an.',
  'enrolling.identityText': 'Seine Identität wird gelesen. Noch ist nichts gesendet.',
  'enrolling.progress': 'Schritt {number} von {total}: {step}',
  'enrolling.stepDone': 'Erledigt',
  'enrolling.stepNow': 'Jetzt',
  'enrolling.stepNext': 'Offen',
  'step.identity': 'Identität des Geräts lesen',
  'step.announce': 'Beim Server ankündigen',
  'step.sign-in': 'Sie anmelden',
  'step.grant': 'Erlaubnis zur Registrierung holen',
  'step.attestation-key': 'Schlüssel im Sicherheitschip erzeugen',
  'step.activation': 'Beweisen, dass der Schlüssel in diesem Chip ist',
  'step.device-key': 'Schlüssel des Geräts erzeugen',
  'step.enrollment': 'Beweis einreichen',

  'waiting.title': 'Warten auf Freigabe',
  'waiting.text':
    'Die Administration von {team} muss dieses Gerät freigeben. Sie können das Fenster schließen: Muster meldet sich, sobald das geschehen ist.',
  'waiting.told': {
    one: '{count} Person darf es freigeben und sieht es in ihrer Konsole. Eine Nachricht bekommt sie nicht: Geben Sie Bescheid, wenn es eilt.',
    other:
      '{count} Personen dürfen es freigeben und sehen es in ihrer Konsole. Eine Nachricht bekommen sie nicht: Geben Sie Bescheid, wenn es eilt.',
  },
  'waiting.nobody': 'Zurzeit darf niemand in Ihrem Team Geräte freigeben. Sagen Sie Ihrer IT Bescheid.',
  'waiting.codeLabel': 'Falls die Administration fragt, lesen Sie diesen Code vor',
  'waiting.check': 'Jetzt prüfen',

  'approved.title': 'Dieses Gerät ist freigegeben',
  'approved.text': '{team} kennt dieses Gerät und lässt es ein.',
  'approved.high': 'Seine eigene Hardware hat bewiesen, welches Gerät es ist.',
  'approved.highDemo':
    'Nur in dieser Demo: Sein TPM ist Software, und kein echtes Inventar lässt das als Beweis gelten.',
  'approved.normal': 'Freigegeben, aber nicht mit allem, was die hohe Vertrauensstufe verlangt.',
  'approved.missing': 'Was fehlt',
  'approved.prove': 'Dieses Gerät erneut beweisen',
  'approved.why': 'Warum diese Stufe',

  'refused.title': 'Dieses Gerät wurde abgelehnt',
  'refused.text': 'Die Administration von {team} hat entschieden, dass dieses Gerät nicht benutzt werden darf.',
  'refused.reason': 'Angegebener Grund',
  'refused.noReason': 'Es wurde kein Grund angegeben.',
  'refused.next':
    'Wenn Sie das für einen Irrtum halten, sprechen Sie mit Ihrer Administration und nennen Sie ihr die Kurzform unten.',

  'quarantined.title': 'Dieses Gerät ist in Quarantäne',
  'quarantined.text':
    '{team} hat dieses Gerät angehalten. Es bleibt auf der Liste, wird aber vorerst nicht eingelassen.',
  'quarantined.next':
    'Fragen Sie Ihre Administration, was geschehen muss. Dieses Fenster ändert sich von selbst, sobald sie die Quarantäne beendet.',

  'conflict.title': 'Das muss sich jemand ansehen',
  'conflict.text': '{team} hat bereits einen Eintrag, der dieses Gerät sein will. Nichts wurde geändert.',
  'conflict.next':
    'Die Administration muss den Konflikt auflösen. Nennen Sie ihr die Kurzform unten; mehr müssen Sie nicht tun.',

  'deleted.title': 'Dieses Gerät wurde entfernt',
  'deleted.text': 'Es steht nicht mehr auf der Liste von {team} und wird nicht eingelassen.',
  'deleted.next':
    'Wenn Sie es noch brauchen, bitten Sie die Administration, die Entfernung zu vergessen. Registrieren Sie es dann erneut.',
  'deleted.enrolAgain': 'Neu beginnen',

  'failed.next': 'Was Sie tun können',
  'failed.copy': 'Einzelheiten kopieren',
  'failed.startOver': 'Neu beginnen',
  'failed.code': 'Fehlercode',
  'failed.correlation': 'Anfrage',
  'failed.original': 'So wurde es gemeldet (Englisch)',

  'offline.title': 'Keine Verbindung zum Server',
  'offline.lastKnown': 'Das war der Stand {when}.',
  'offline.neverKnown': 'Vom Server ist noch nichts bekannt.',
  'offline.since': 'Offline seit {when}. Muster versucht es weiter.',
  'offline.refresh': 'Jetzt versuchen',

  'lost.title': 'Muster läuft nicht mehr',
  'lost.text':
    'Diese Seite hört nichts mehr von der App auf diesem Gerät. Starten Sie Muster neu; nennt es eine neue Adresse, öffnen Sie diese.',

  'details.title': 'Gerätedetails',
  'details.prove': 'Jetzt erneut beweisen',
  'details.proveNote': 'Lässt den Sicherheitschip einen frischen Beweis erstellen und sendet ihn.',
  'details.proveDone': 'Ein frischer Beweis wurde gesendet.',
  'details.none': 'Dieses Gerät ist noch nicht registriert.',

  'diagnostics.title': 'Diagnose',
  'diagnostics.text': 'Prüfungen, die helfen, wenn etwas nicht geht.',
  'diagnostics.running': 'Wird geprüft …',
  'diagnostics.again': 'Erneut prüfen',
  'diagnostics.copy': 'Bericht kopieren',
  'diagnostics.pass': 'In Ordnung',
  'diagnostics.warn': 'Sollte man ansehen',
  'diagnostics.fail': 'Geht nicht',
  'check.server': 'Inventarserver',
  'check.clock': 'Uhr',
  'check.hardware': 'Sicherheitschip',
  'check.state': 'Gespeicherter Zustand',
  'check.secrets': 'Ablage für Geheimnisse',
  'diagnostics.allWell': 'Alles ist in Ordnung.',
  'diagnostics.problems': {
    one: '{count} Prüfung braucht Aufmerksamkeit.',
    other: '{count} Prüfungen brauchen Aufmerksamkeit.',
  },

  'settings.title': 'Einstellungen',
  'settings.language': 'Sprache',
  'settings.languageSystem': 'Wie das System',
  'settings.startAtLogin': 'Starten, wenn ich mich am Computer anmelde',
  'settings.startAtLoginNote': 'Muster meldet dann sofort, wenn sich der Zustand Ihres Geräts ändert.',
  'settings.startAtLoginBrowser': 'Nur die installierte App kann von selbst starten.',
  'settings.managed': 'Von Ihrer Organisation verwaltet',
  'settings.server': 'Server',
  'settings.serverNone': 'Nicht gesetzt',
  'settings.textSize': 'Textgröße',
  'settings.controlKey': 'Strg',
  'settings.textSizeKeys': '{larger} oder {smaller}',
  'settings.textSizeUsual': '{key} ist die übliche Größe.',
  'settings.version': 'Version',
  'settings.about': 'Über Muster',

  'serverQuestion.title': 'Einen anderen Server benutzen?',
  'serverQuestion.text':
    'Ein Link möchte, dass Muster dieses Gerät woanders registriert. Stimmen Sie nur zu, wenn Sie das erwartet haben.',
  'serverQuestion.current': 'Jetzt',
  'serverQuestion.requested': 'Gewünscht',
  'serverQuestion.keep': 'Beim jetzigen bleiben',
  'serverQuestion.change': 'Den anderen benutzen',

  'signOut.title': 'Auf diesem Gerät abmelden?',
  'signOut.text':
    'Muster vergisst hier Sie und die Schlüssel dieses Geräts. Das Gerät bleibt auf der Liste Ihrer Organisation; registrieren Sie es erneut, um es zu benutzen.',

  'unenrol.title': 'Registrierung dieses Geräts aufheben?',
  'unenrol.text':
    'Es verliert seine Schlüssel und seine Freigabe, und {team} lässt es nicht mehr ein. Um zurückzukommen, muss es erneut registriert und freigegeben werden.',
  'unenrol.confirm': 'Aufheben',

  'problem.title': 'Das hat nicht geklappt',
};
