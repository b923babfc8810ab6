import type { FindingCode } from '../../contract/findings.ts';

/** What a check saw, and what to do, in German. The English texts come with the check itself. A new code does not compile without one. */
export const findingsDe: Record<FindingCode, readonly [detail: string, remedy: string | null]> = {
  'server-answers': ['{origin} antwortet für das Team „{team}“ (Version {version}).', null],
  'server-not-set': ['Noch ist kein Server eingetragen.', 'Geben Sie die Adresse Ihres Muster-Servers ein.'],
  'clock-right': ['Sie weicht höchstens {seconds} s vom Server ab.', null],
  'clock-ahead': ['Sie geht gegenüber dem Server {seconds} s vor.', 'Stellen Sie die Uhr dieses Geräts.'],
  'clock-behind': ['Sie geht gegenüber dem Server {seconds} s nach.', 'Stellen Sie die Uhr dieses Geräts.'],
  'clock-not-compared': ['Nicht verglichen: Noch ist kein Server eingetragen.', null],
  'chip-certified': ['TPM 2.0 von {maker}, Firmware {firmware}, mit Zertifikat des Herstellers.', null],
  'chip-uncertified': ['TPM 2.0 von {maker}, Firmware {firmware}, ohne Zertifikat des Herstellers.', null],
  'chip-none': ['Kein TPM; dieses Gerät ist an seiner Seriennummer {serial} zu erkennen.', null],
  'state-enrolled': ['Registriert bei {origin}.', null],
  'state-none': ['Nicht registriert.', null],
  'secrets-kept': ['Geheimnisse lassen sich ablegen und wieder lesen.', null],
};
