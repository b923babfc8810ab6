import type { authoritiesEn } from './authorities.en.ts';
import type { Translation } from './types.ts';

export const authoritiesDe: Translation<typeof authoritiesEn> = {
  'nav.authorities': 'CA-Verbindungen',
  'authorities.title': 'Verbundene Zertifizierungsstellen',
  'authorities.text':
    'Eine step-ca, die hier eingetragen ist, fragt dieses Inventar, bevor sie ein Zertifikat ausstellt. Ein Gerät, das nicht freigegeben oder das in Quarantäne, entfernt oder strittig ist, bekommt keines.',
  'authorities.empty': 'Keine Zertifizierungsstelle fragt dieses Inventar.',
  'authorities.how':
    'step-ca macht Kennung und Geheimnis jedes Webhooks. Führen Sie dies dort aus, wo Sie sie verwalten, und tragen Sie ein, was jedes ausgibt:',
  'authorities.id': 'Kennung des Webhooks',
  'authorities.level': 'Verlangte Vertrauensstufe',
  'authorities.column.asked': 'Zuletzt gefragt',
  'authorities.enter': 'Webhook eintragen',
  'authorities.enterTitle': 'Webhook von step-ca eintragen',
  'authorities.enterConfirm': 'Eintragen',
  'authorities.change': 'Ändern …',
  'authorities.changeOf': 'Ändern … {name}',
  'authorities.changeTitle': '{name} ändern',
  'authorities.nameNote': 'Für Menschen: So steht er in dieser Liste und im Protokoll.',
  'authorities.idNote': 'So, wie step-ca sie ausgegeben hat.',
  'authorities.idWrong': 'Das ist keine Kennung eines Webhooks: Kopieren Sie, was step-ca ausgegeben hat.',
  'authorities.idTaken': 'Dieser Webhook steht schon in der Liste. Ändern Sie ihn dort.',
  'authorities.secret': 'Geheimnis',
  'authorities.secretNote': 'So, wie step-ca es ausgegeben hat. Es wird versiegelt verwahrt und nie wieder gezeigt.',
  'authorities.secretKept': 'Leer lassen, um das gespeicherte zu behalten.',
  'authorities.secretWrong':
    'Das ist kein Geheimnis eines Webhooks: Kopieren Sie, was step-ca ausgegeben hat, mit dem = am Ende.',
  'authorities.levelNote':
    'Die hohe Vertrauensstufe braucht eine Attestierung gegenüber diesem Inventar. Normal ist für Geräte, die sich nur gegenüber step-ca attestieren.',
  'authorities.saved': '{name} ist eingetragen.',
  'authorities.remove': 'Entfernen …',
  'authorities.removeOf': 'Entfernen … {name}',
  'authorities.removeTitle': '{name} entfernen?',
  'authorities.removeText':
    'Seine Fragen werden nicht mehr beantwortet; step-ca stellt also kein Zertifikat aus, wo sie mit diesem Webhook fragt. Entfernen Sie den Webhook auch bei step-ca.',
  'authorities.removeConfirm': 'Entfernen',
  'authorities.removed': '{name} ist entfernt.',
};
