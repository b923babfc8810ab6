import type { ApprovalReasonCode } from '../../contract/approvalReasons.ts';

/** Reasons that the server gives by itself; the English ones are those of contract/approvalReasons.ts. */
export const reasonsDe: Record<ApprovalReasonCode, string> = {
  'owner-left': 'Die Person, der es gehörte, ist nicht mehr da.',
  'owner-changed': 'Es gehört jetzt jemand anderem; die Freigabe galt für die Person davor.',
  'owner-missing': 'Die Richtlinie verlangt einen Besitzer, bevor Geräte aus dieser Quelle freigegeben werden.',
  'own-decision':
    'Es gehört jetzt der Person, die darüber entschieden hat: Jemand anderes aus der Verwaltung muss es ansehen.',
  'bound-to-person': 'Es wurde freigegeben, als es niemandem gehörte, und {owner} hat es registriert.',
  'new-keys': 'Es wurde mit neuen Schlüsseln noch einmal registriert.',
  'keys-revoked': 'Seine Schlüssel wurden widerrufen, weil ein ersetzter noch unterschrieb.',
  'changed-hands': 'Es hat den Besitzer gewechselt; wem es jetzt gehört, muss es registrieren.',
  'un-enrolled': 'Es wurde abgemeldet.',
  'added-again': 'Es wurde entfernt und wieder hinzugefügt.',
  'serial-of-refused': 'Es trägt die Seriennummer eines Geräts, das abgelehnt oder entfernt wurde.',
  'serial-held':
    'Ein anderer Eintrag hat diese Seriennummer; jemand aus der Verwaltung muss sagen, ob es dasselbe Gerät ist.',
  'another-device': 'Es ist ein anderes Gerät als das, das es zu sein behauptet.',
  'by-source': 'Geräte aus {source} werden automatisch freigegeben.',
  'by-rule': 'Durch die Regel „{rule}“ freigegeben.',
};
