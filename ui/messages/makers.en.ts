/** Texts of the console about the certificates of TPM makers. */
export const makersEn = {
  'nav.makers': 'Makers of TPMs',
  'makers.title': 'Makers of TPMs',
  'makers.text':
    'Whose certificates count. A security chip is genuine where its certificate leads to one of these; any other counts as one of an unknown maker.',
  'makers.empty': 'No certificate of a maker is here, so no security chip counts.',
  'makers.how': 'Those that Muster knows are brought where the server runs; what you trust no longer stays so:',
  'makers.column.maker': 'Maker',
  'makers.column.certificate': 'Certificate and SHA-256',
  'makers.column.counts': 'Chips count as',
  'makers.column.until': 'Valid until',
  'makers.role.root': 'Root',
  'makers.role.intermediate': 'Intermediate',
  'makers.source.shipped': 'Muster’s list',
  'makers.source.administrator': 'This team',
  'makers.source.demo': 'The demo',
  'makers.trusted': 'Trusted',
  'makers.distrusted': 'No longer trusted',
  'makers.expired': 'Expired',
  'makers.ofVendor': 'What is known of the maker',
  'makers.ofRoot': 'What their root says',
  'makers.stop': 'Stop trusting…',
  'makers.stopOf': 'Stop trusting {vendor}, {subject}',
  'makers.resume': 'Trust again…',
  'makers.resumeOf': 'Trust again: {vendor}, {subject}',
  'makers.stopTitle': 'Stop trusting this certificate of {vendor}?',
  'makers.stopRoot':
    'Every device whose security chip leads to it counts as one of an unknown maker at once, and loses high assurance and whatever needs it. Devices stay enrolled and approved. Muster’s list does not bring the trust back; only an owner does.',
  'makers.stopIntermediate':
    'No chain leads through it any more, not even where a device brings it along: every device that needs it counts as one of an unknown maker at once, and loses high assurance and whatever needs it. Devices stay enrolled and approved. Muster’s list does not bring the trust back; only an owner does.',
  'makers.stopConfirm': 'Stop trusting',
  'makers.resumeTitle': 'Trust this certificate of {vendor} again?',
  'makers.resumeRoot':
    'Every device whose security chip leads to it is judged again at once and may reach high assurance again. Make sure that the reason for stopping is gone.',
  'makers.resumeIntermediate':
    'Chains lead through it to their root again; devices are judged again at once. Make sure that the reason for stopping is gone.',
  'makers.resumeConfirm': 'Trust again',
  'makers.goesOn': 'The server goes on with the others by itself.',
  'makers.stopped': {
    one: '{vendor} is no longer trusted; {count} device was judged again.',
    other: '{vendor} is no longer trusted; {count} devices were judged again.',
  },
  'makers.resumed': {
    one: '{vendor} is trusted again; {count} device was judged again.',
    other: '{vendor} is trusted again; {count} devices were judged again.',
  },
  'makers.add': 'Add a certificate',
  'makers.addTitle': 'Add a certificate of a TPM maker',
  'makers.addText':
    'Whoever holds the key of this certificate can make chips that count as genuine. Get the file from the maker, and compare its fingerprint with what the maker publishes elsewhere.',
  'makers.file': 'Certificate, PEM or DER',
  'makers.fileMissing': 'Choose the file of the certificate.',
  'makers.fileLarge': 'This file is too large for one certificate (16 KB at most).',
  'makers.fileNone': 'No certificate was found in this file. It has to be PEM (text) or DER.',
  'makers.fileMany':
    'This file holds several certificates. Choose a file with one, so that each is compared by itself.',
  'makers.fingerprint': 'SHA-256 of the certificate, to compare',
  'makers.vendor': 'Name of the maker',
  'makers.vendorMissing': 'Name the maker.',
  'makers.role': 'What it is',
  'makers.roleNote': 'A root ends the chain. An intermediate leads from chips to a root that is trusted already.',
  'makers.countsNote':
    'With “What is known of the maker”, chips of a maker that Muster does not know by this name keep counting as of an unknown maker.',
  'makers.added': 'The certificate of {vendor} is trusted. Devices with its chips count from their next attestation.',
} as const;
