/** Texts of the console about certificate authorities that ask the inventory. */
export const authoritiesEn = {
  'nav.authorities': 'CA connections',
  'authorities.title': 'Connected certificate authorities',
  'authorities.text':
    'A step-ca that is entered here asks this inventory before it issues a certificate. A device that is not approved, or is quarantined, removed or disputed, gets none.',
  'authorities.empty': 'No certificate authority asks this inventory.',
  'authorities.how':
    'step-ca makes the id and the secret of each webhook. Run these where you administer it, then enter what each prints:',
  'authorities.id': 'Webhook id',
  'authorities.level': 'Assurance asked for',
  'authorities.column.asked': 'Last asked',
  'authorities.enter': 'Enter a webhook',
  'authorities.enterTitle': 'Enter a webhook of step-ca',
  'authorities.enterConfirm': 'Enter',
  'authorities.change': 'Change…',
  'authorities.changeOf': 'Change… {name}',
  'authorities.changeTitle': 'Change {name}',
  'authorities.nameNote': 'For people: it stands in this list and in the audit.',
  'authorities.idNote': 'As step-ca printed it.',
  'authorities.idWrong': 'This is not the id of a webhook: copy what step-ca printed.',
  'authorities.idTaken': 'This webhook is in the list already. Change it there.',
  'authorities.secret': 'Secret',
  'authorities.secretNote': 'As step-ca printed it. It is kept sealed and never shown again.',
  'authorities.secretKept': 'Leave it empty to keep the one that is stored.',
  'authorities.secretWrong': 'This is not the secret of a webhook: copy what step-ca printed, with the = at its end.',
  'authorities.levelNote':
    'High assurance needs an attestation to this inventory. Normal is for devices that attest to step-ca only.',
  'authorities.saved': '{name} is entered.',
  'authorities.remove': 'Remove…',
  'authorities.removeOf': 'Remove… {name}',
  'authorities.removeTitle': 'Remove {name}?',
  'authorities.removeText':
    'Its questions are answered no more, so step-ca issues no certificate where it asks by this webhook. Remove the webhook at step-ca too.',
  'authorities.removeConfirm': 'Remove',
  'authorities.removed': '{name} is removed.',
} as const;
