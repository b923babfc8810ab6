import type { makersEn } from './makers.en.ts';
import type { Translation } from './types.ts';

export const makersDe: Translation<typeof makersEn> = {
  'nav.makers': 'Hersteller von TPMs',
  'makers.title': 'Hersteller von TPMs',
  'makers.text':
    'Wessen Zertifikate gelten. Ein Sicherheitschip ist echt, wenn sein Zertifikat zu einem von diesen führt; jeder andere gilt als der eines unbekannten Herstellers.',
  'makers.empty': 'Hier ist kein Zertifikat eines Herstellers, also gilt kein Sicherheitschip.',
  'makers.how':
    'Die, die Muster kennt, werden dort geholt, wo der Server läuft; wem Sie nicht mehr vertrauen, dabei bleibt es:',
  'makers.column.maker': 'Hersteller',
  'makers.column.certificate': 'Zertifikat und SHA-256',
  'makers.column.counts': 'Chips gelten als',
  'makers.column.until': 'Gültig bis',
  'makers.role.root': 'Wurzel',
  'makers.role.intermediate': 'Zwischenzertifikat',
  'makers.source.shipped': 'Liste von Muster',
  'makers.source.administrator': 'Dieses Team',
  'makers.source.demo': 'Die Demo',
  'makers.trusted': 'Vertraut',
  'makers.distrusted': 'Entzogen',
  'makers.expired': 'Abgelaufen',
  'makers.ofVendor': 'Was vom Hersteller bekannt ist',
  'makers.ofRoot': 'Was ihre Wurzel sagt',
  'makers.stop': 'Entziehen …',
  'makers.stopOf': 'Entziehen: Vertrauen in {vendor}, {subject}',
  'makers.resume': 'Wieder vertrauen …',
  'makers.resumeOf': 'Wieder vertrauen: {vendor}, {subject}',
  'makers.stopTitle': 'Diesem Zertifikat von {vendor} nicht mehr vertrauen?',
  'makers.stopRoot':
    'Jedes Gerät, dessen Sicherheitschip zu ihm führt, gilt sofort als eines mit unbekanntem Hersteller und verliert die hohe Vertrauensstufe und alles, was sie braucht. Die Geräte bleiben registriert und freigegeben. Die Liste von Muster bringt das Vertrauen nicht zurück; das können nur Eigentümer:innen.',
  'makers.stopIntermediate':
    'Keine Kette führt mehr durch es, auch nicht, wenn ein Gerät es selbst mitbringt: Jedes Gerät, das es braucht, gilt sofort als eines mit unbekanntem Hersteller und verliert die hohe Vertrauensstufe und alles, was sie braucht. Die Geräte bleiben registriert und freigegeben. Die Liste von Muster bringt das Vertrauen nicht zurück; das können nur Eigentümer:innen.',
  'makers.stopConfirm': 'Nicht mehr vertrauen',
  'makers.resumeTitle': 'Diesem Zertifikat von {vendor} wieder vertrauen?',
  'makers.resumeRoot':
    'Jedes Gerät, dessen Sicherheitschip zu ihm führt, wird sofort neu beurteilt und kann die hohe Vertrauensstufe wieder erreichen. Vergewissern Sie sich, dass der Grund von damals nicht mehr besteht.',
  'makers.resumeIntermediate':
    'Ketten führen wieder durch es zu ihrer Wurzel; die Geräte werden sofort neu beurteilt. Vergewissern Sie sich, dass der Grund von damals nicht mehr besteht.',
  'makers.resumeConfirm': 'Wieder vertrauen',
  'makers.goesOn': 'Der Server macht mit den übrigen von selbst weiter.',
  'makers.stopped': {
    one: '{vendor} wird nicht mehr vertraut; {count} Gerät wurde neu beurteilt.',
    other: '{vendor} wird nicht mehr vertraut; {count} Geräte wurden neu beurteilt.',
  },
  'makers.resumed': {
    one: '{vendor} wird wieder vertraut; {count} Gerät wurde neu beurteilt.',
    other: '{vendor} wird wieder vertraut; {count} Geräte wurden neu beurteilt.',
  },
  'makers.add': 'Zertifikat hinzufügen',
  'makers.addTitle': 'Zertifikat eines TPM-Herstellers hinzufügen',
  'makers.addText':
    'Wer den Schlüssel dieses Zertifikats hat, kann Chips machen, die als echt gelten. Holen Sie die Datei vom Hersteller, und vergleichen Sie ihren Fingerabdruck mit dem, den der Hersteller anderswo veröffentlicht.',
  'makers.file': 'Zertifikat, PEM oder DER',
  'makers.fileMissing': 'Wählen Sie die Datei des Zertifikats.',
  'makers.fileLarge': 'Diese Datei ist zu groß für ein Zertifikat (höchstens 16 KB).',
  'makers.fileNone': 'In dieser Datei wurde kein Zertifikat gefunden. Sie muss PEM (Text) oder DER sein.',
  'makers.fileMany':
    'Diese Datei enthält mehrere Zertifikate. Wählen Sie eine mit einem, damit jedes für sich verglichen wird.',
  'makers.fingerprint': 'SHA-256 des Zertifikats, zum Vergleichen',
  'makers.vendor': 'Name des Herstellers',
  'makers.vendorMissing': 'Nennen Sie den Hersteller.',
  'makers.role': 'Was es ist',
  'makers.roleNote':
    'Eine Wurzel beendet die Kette. Ein Zwischenzertifikat führt von Chips zu einer Wurzel, der schon vertraut wird.',
  'makers.countsNote':
    'Mit „Was vom Hersteller bekannt ist“ gelten Chips eines Herstellers, den Muster unter diesem Namen nicht kennt, weiter als die eines unbekannten.',
  'makers.added':
    'Dem Zertifikat von {vendor} wird vertraut. Geräte mit seinen Chips gelten ab ihrer nächsten Attestierung.',
};
