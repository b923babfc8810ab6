/**
 * What the evidence of an attestation says, in German. The server stores its sentences in English as they were on that day, with their values
 * in them, so each is known by its wording; one that is not here is shown as it is.
 */
export const evidenceReasonsDe: readonly (readonly [english: string, german: string])[] = [
  [
    'The certificate chains to {subject} ({vendor}, administrator).',
    'Das Zertifikat führt zu {subject} ({vendor}, von diesem Team).',
  ],
  [
    'The certificate chains to {subject} ({vendor}, shipped).',
    'Das Zertifikat führt zu {subject} ({vendor}, aus der Liste von Muster).',
  ],
  [
    'The certificate chains to {subject} ({vendor}, demo).',
    'Das Zertifikat führt zu {subject} ({vendor}, aus der Demo).',
  ],
  ['{vendor} certifies TPM chips of their own (hardware).', '{vendor} zertifiziert eigene TPM-Chips (Hardware).'],
  [
    '{vendor} certifies TPMs inside its processors (firmware).',
    '{vendor} zertifiziert TPMs in den eigenen Prozessoren (Firmware).',
  ],
  ['{vendor} certifies TPMs of virtual machines.', '{vendor} zertifiziert TPMs virtueller Maschinen.'],
  ['Nobody said what kind of TPM {vendor} certifies.', 'Niemand hat gesagt, welche Art von TPM {vendor} zertifiziert.'],
  [
    'It is the certificate of a software TPM, which its own host can read and copy.',
    'Es ist das Zertifikat eines Software-TPMs, das der eigene Rechner lesen und kopieren kann.',
  ],
  [
    'No accepted root leads to this certificate (issuer: {issuer}).',
    'Keine Wurzel, der vertraut wird, führt zu diesem Zertifikat (Aussteller: {issuer}).',
  ],
  [
    'The device sent no certificate for its endorsement key.',
    'Das Gerät hat kein Zertifikat seines Endorsement Keys geschickt.',
  ],
  [
    'The certificate expired on {at}, which is accepted by configuration.',
    'Das Zertifikat ist am {at} abgelaufen, was die Einstellungen hinnehmen.',
  ],
  [
    'No current revocation list covers {count} of the certificates of the chain.',
    'Für {count} der Zertifikate der Kette gibt es keine aktuelle Sperrliste.',
  ],
  [
    'The attestation key was activated with the endorsement key and holds a live certificate of this inventory.',
    'Der Attestation Key wurde mit dem Endorsement Key aktiviert und hat ein gültiges Zertifikat dieses Inventars.',
  ],
  [
    'The attestation key certified the device key over the binding of this enrolment.',
    'Der Attestation Key hat den Geräteschlüssel für genau diese Registrierung zertifiziert.',
  ],
  [
    'The quote of sha256:0-7 answers the same binding and fits the PCR values.',
    'Das Quote über sha256:0-7 gehört zu derselben Registrierung und passt zu den PCR-Werten.',
  ],
  [
    'No event log came with the quote, so Secure Boot is not known.',
    'Mit dem Quote kam kein Ereignisprotokoll, deshalb ist Secure Boot unbekannt.',
  ],
  ['The firmware measured Secure Boot as enabled.', 'Die Firmware hat Secure Boot als eingeschaltet gemessen.'],
  ['The firmware measured Secure Boot as disabled.', 'Die Firmware hat Secure Boot als ausgeschaltet gemessen.'],
  [
    'The event log does not say whether Secure Boot is enabled.',
    'Das Ereignisprotokoll sagt nicht, ob Secure Boot eingeschaltet ist.',
  ],
  [
    'PCR 7 was not quoted, so nothing vouches for the Secure Boot state.',
    'PCR 7 war nicht im Quote, deshalb bürgt nichts für den Zustand von Secure Boot.',
  ],
  [
    'This inventory certified that it activated with the attestation key of the device.',
    'Dieses Inventar hat bescheinigt, dass er mit dem Attestation Key des Geräts aktiviert wurde.',
  ],
  ['Apple attested this serial number.', 'Apple hat diese Seriennummer attestiert.'],
  [
    'Apple attested the serial number {serial}, freshly for this inventory.',
    'Apple hat die Seriennummer {serial} attestiert, frisch für dieses Inventar.',
  ],
  [
    "Its leaf is one of {count} certificates up to Apple's root.",
    'Sein Blatt ist eines von {count} Zertifikaten bis zu Apples Wurzel.',
  ],
  [
    'A key claims this serial number; nothing proves it.',
    'Ein Schlüssel behauptet diese Seriennummer; nichts beweist sie.',
  ],
  ['The stored proof is incomplete.', 'Der gespeicherte Nachweis ist unvollständig.'],
];
