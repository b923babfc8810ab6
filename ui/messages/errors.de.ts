import type { UserError } from '../../contract/bridge.ts';

type Code = UserError['code'];

/** What happened and what to do next, in German. The English texts come with the error itself. A new code does not compile without one. */
export const errorsDe: Record<Code, readonly [title: string, advice: string]> = {
  'invalid-request': [
    'Die Anfrage ist nicht gültig.',
    'Berichtigen Sie die genannten Felder und senden Sie sie erneut.',
  ],
  unauthenticated: ['Dafür ist eine Anmeldung nötig.', 'Melden Sie sich an und versuchen Sie es erneut.'],
  forbidden: [
    'Ihre Rolle erlaubt das nicht.',
    'Bitten Sie eine Eigentümerin oder einen Eigentümer des Teams um die genannte Rolle.',
  ],
  'not-found': ['Hier ist nichts.', 'Prüfen Sie die Adresse oder die Kennung.'],
  'already-exists': [
    'Das gibt es bereits.',
    'Benutzen Sie den vorhandenen Eintrag oder wählen Sie einen anderen Namen.',
  ],
  'version-mismatch': [
    'Das Gerät hat sich geändert, seit es angezeigt wurde.',
    'Sehen Sie sich den jetzigen Stand an und entscheiden Sie dann erneut.',
  ],
  'version-required': [
    'Zu einer Entscheidung gehört der Stand, auf dem sie beruht.',
    'Laden Sie die Seite neu und entscheiden Sie erneut.',
  ],
  'too-large': ['Die Anfrage ist zu groß.', 'Senden Sie weniger auf einmal.'],
  'unsupported-media-type': ['Dieser Inhaltstyp wird hier nicht angenommen.', 'Senden Sie application/json.'],
  'rate-limited': ['Zu viele Anfragen.', 'Warten Sie einen Moment und versuchen Sie es dann erneut.'],
  internal: [
    'Der Server konnte das nicht abschließen.',
    'Versuchen Sie es erneut. Bleibt es dabei, nennen Sie der Administration die Anfragenummer.',
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
  'provisioning-token-refused': [
    'Das Bereitstellungs-Token dieses Geräts wird nicht angenommen.',
    'Bitten Sie die IT, ein aktuelles zu verteilen.',
  ],
  'source-not-allowed': [
    'Ihr Team nimmt keine Geräte an, die auf diesem Weg kommen.',
    'Fragen Sie die Administration, wie Geräte registriert werden.',
  ],
  'device-limit': [
    'Sie haben so viele Geräte, wie Ihr Team einer Person erlaubt.',
    'Bitten Sie die Administration, eines davon zu entfernen.',
  ],
  'grant-expired': ['Die Erlaubnis für diese Registrierung ist abgelaufen.', 'Beginnen Sie die Registrierung neu.'],
  'grant-used': ['Die Erlaubnis für diese Registrierung wurde schon benutzt.', 'Beginnen Sie die Registrierung neu.'],
  'grant-other-identifier': [
    'Die Erlaubnis galt einem anderen Gerät.',
    'Beginnen Sie die Registrierung auf diesem Gerät neu.',
  ],
  'proof-refused': [
    'Die Anfrage war nicht mit dem Schlüssel signiert, an den sie gebunden ist.',
    'Beginnen Sie neu; prüfen Sie, ob die Uhr dieses Geräts stimmt.',
  ],
  'clock-skew': [
    'Die Uhr dieses Geräts weicht zu stark von der des Servers ab.',
    'Stellen Sie die Uhr dieses Geräts und versuchen Sie es erneut.',
  ],
  'ek-unknown': [
    'Das Inventar kennt dieses Gerät nicht.',
    'Registrieren Sie es mit einer Anmeldung, oder bitten Sie die Administration, es einzutragen.',
  ],
  'ek-certificate-mismatch': [
    'Das Zertifikat gehört nicht zum Schlüssel dieses Sicherheitschips.',
    'Melden Sie dieses Gerät Ihrer Administration.',
  ],
  'ek-refused': [
    'Der Endorsement Key dieses Geräts ist nicht annehmbar.',
    'Melden Sie dieses Gerät Ihrer Administration.',
  ],
  'ak-refused': [
    'Der Attestierungsschlüssel beweist nichts.',
    'Setzen Sie den lokalen Zustand von Muster zurück und registrieren Sie das Gerät erneut.',
  ],
  'attestation-malformed': [
    'Die Attestierung ist nicht lesbar.',
    'Aktualisieren Sie Muster auf diesem Gerät und versuchen Sie es erneut.',
  ],
  'attestation-signature': [
    'Die Signatur der Attestierung ist falsch.',
    'Registrieren Sie das Gerät erneut; bleibt es dabei, melden Sie es.',
  ],
  'secret-refused': [
    'Das Geheimnis passt zu keiner offenen Aufgabe.',
    'Registrieren Sie das Gerät erneut; vielleicht hält es Schlüssel eines anderen Sicherheitschips.',
  ],
  'ak-certificate-refused': [
    'Das Zertifikat des Attestierungsschlüssels ist nicht von uns oder wurde verändert.',
    'Registrieren Sie das Gerät erneut.',
  ],
  'challenge-refused': ['Der Beweis beantwortet eine alte oder fremde Aufgabe.', 'Registrieren Sie das Gerät erneut.'],
  'binding-mismatch': [
    'Der Beweis wurde für einen anderen Server, eine andere Erlaubnis oder ein anderes Gerät gemacht.',
    'Prüfen Sie die Adresse des Servers und registrieren Sie das Gerät erneut.',
  ],
  'device-key-refused': [
    'Der Geräteschlüssel wurde nicht vom Attestierungsschlüssel dieses Geräts bestätigt.',
    'Registrieren Sie das Gerät erneut.',
  ],
  'quote-mismatch': [
    'Die Messwerte passen nicht zu dem, was der Sicherheitschip signiert hat.',
    'Starten Sie das Gerät neu und registrieren Sie es erneut.',
  ],
  'software-tpm-refused': [
    'Dieses Gerät hat ein Software-TPM, und die Richtlinie lässt solche Geräte nicht zu.',
    'Benutzen Sie ein Gerät mit einem TPM in Hardware oder Firmware.',
  ],
  'apple-attestation-refused': [
    'Apples Attestierung konnte nicht angenommen werden.',
    'Sehen Sie sich den Grund an; fordern Sie über Ihr MDM eine frische Attestierung an.',
  ],
  'device-refused': ['Die Administration hat dieses Gerät abgelehnt.', 'Fragen Sie die genannte Person.'],
  'device-quarantined': ['Dieses Gerät ist in Quarantäne.', 'Fragen Sie Ihre Administration.'],
  'device-deleted': [
    'Dieses Gerät wurde aus dem Inventar entfernt.',
    'Bitten Sie die Administration, die Entfernung zu vergessen, und registrieren Sie es dann erneut.',
  ],
  'self-approval': [
    'Sie haben dieses Gerät angemeldet, und in Ihrem Team genehmigt niemand das eigene.',
    'Bitten Sie eine andere Person in der Administration um die Entscheidung.',
  ],
  'device-conflict': [
    'Ein anderer Eintrag beansprucht dieses Gerät bereits.',
    'Die Administration muss den Konflikt auflösen; nichts wurde geändert.',
  ],
  'server-unreachable': [
    'Der Server ist nicht erreichbar.',
    'Prüfen Sie die Netzwerkverbindung. Muster versucht es weiter.',
  ],
  'server-untrusted': [
    'Dem Zertifikat des Servers wird auf diesem Gerät nicht vertraut.',
    'Prüft Ihr Netz den Datenverkehr, bitten Sie Ihre IT, dessen Zertifizierungsstelle hier einzurichten; prüfen Sie sonst die Adresse.',
  ],
  'server-not-muster': [
    'Unter dieser Adresse antwortet kein Muster-Server.',
    'Prüfen Sie die Adresse mit Ihrer Administration.',
  ],
  'server-insecure': [
    'Die Verbindung zu diesem Server wäre nicht sicher.',
    'Benutzen Sie eine Adresse, die mit https:// beginnt.',
  ],
  'captive-portal': [
    'Dieses Netzwerk verlangt zuerst eine Anmeldung.',
    'Öffnen Sie Ihren Browser, melden Sie sich im Netzwerk an und versuchen Sie es erneut.',
  ],
  'browser-not-opened': ['Der Browser ließ sich nicht öffnen.', 'Kopieren Sie die Adresse und öffnen Sie sie selbst.'],
  'sign-in-cancelled': ['Die Anmeldung wurde abgebrochen.', 'Beginnen Sie erneut, wenn Sie so weit sind.'],
  'sign-in-timeout': ['Die Anmeldung hat zu lange gedauert.', 'Beginnen Sie erneut.'],
  'tpm-missing': [
    'Dieses Gerät hat keinen Sicherheitschip (TPM), der antwortet.',
    'Schalten Sie das TPM in der Firmware ein, oder fragen Sie Ihre IT.',
  ],
  'tpm-permission': [
    'Muster darf den Sicherheitschip (TPM) nicht benutzen.',
    'Unter Linux muss Ihr Konto zur Gruppe tss gehören. Fragen Sie Ihre IT.',
  ],
  'tpm-busy': ['Der Sicherheitschip (TPM) ist gerade beschäftigt.', 'Versuchen Sie es in einem Moment erneut.'],
  'tpm-locked-out': [
    'Der Sicherheitschip (TPM) hat sich vorübergehend gesperrt.',
    'Warten Sie einige Stunden oder fragen Sie Ihre IT.',
  ],
  'tpm-timeout': [
    'Der Sicherheitschip (TPM) hat nicht rechtzeitig geantwortet.',
    'Versuchen Sie es erneut; bleibt es dabei, starten Sie das Gerät neu.',
  ],
  'tpm-unsupported': [
    'Der Sicherheitschip (TPM) kann nicht, was die Registrierung braucht.',
    'Fragen Sie Ihre IT nach einem anderen Gerät.',
  ],
  'key-of-another-tpm': [
    'Die gespeicherten Schlüssel gehören zu einem anderen Sicherheitschip.',
    'Registrieren Sie dieses Gerät erneut.',
  ],
  'elevation-refused': [
    'Die nötigen Rechte wurden nicht erteilt.',
    'Versuchen Sie es erneut und stimmen Sie zu, oder fragen Sie Ihre IT.',
  ],
  'state-unreadable': [
    'Der gespeicherte Zustand von Muster ist nicht lesbar.',
    'Fragen Sie Ihre IT, bevor Sie etwas löschen.',
  ],
  'secret-store-unsafe': [
    'Dieses System kann Geheimnisse nicht sicher aufbewahren.',
    'Richten Sie einen Schlüsselbund ein oder fragen Sie Ihre IT.',
  ],
  'machine-enrolled': [
    'Ein anderes Konto dieses Geräts hat es bereits registriert.',
    'Heben Sie die Registrierung zuerst dort auf, oder fragen Sie Ihre IT.',
  ],
  'policy-unreadable': ['Die Einstellungen Ihrer Organisation sind nicht lesbar.', 'Melden Sie das Ihrer IT.'],
  unexpected: [
    'Etwas Unerwartetes ist geschehen.',
    'Versuchen Sie es erneut; bleibt es dabei, kopieren Sie die Einzelheiten für Ihre Administration.',
  ],
};
