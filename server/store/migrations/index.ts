import type { Migration } from 'kysely/migration';
import { up as initial } from './m001Initial.ts';
import { up as inventory } from './m002Inventory.ts';
import { up as aliases } from './m003Aliases.ts';
import { up as lists } from './m004Lists.ts';
import { up as caWebhooks } from './m005CaWebhooks.ts';
import { up as connectionLayers } from './m006ConnectionLayers.ts';
import { up as roots } from './m007Roots.ts';
import { up as auditActors } from './m008AuditActors.ts';
import { up as deviceTags } from './m009DeviceTags.ts';
import { up as tokenMakers } from './m010TokenMakers.ts';
import { up as rejudging } from './m011Rejudging.ts';

/** In order; names are for ever, since stores remember them. */
export const MIGRATIONS: Record<string, Migration> = {
  '001-initial': { up: initial },
  '002-inventory': { up: inventory },
  '003-aliases': { up: aliases },
  '004-lists': { up: lists },
  '005-ca-webhooks': { up: caWebhooks },
  '006-connection-layers': { up: connectionLayers },
  '007-roots': { up: roots },
  '008-audit-actors': { up: auditActors },
  '009-device-tags': { up: deviceTags },
  '010-token-makers': { up: tokenMakers },
  '011-rejudging': { up: rejudging },
};
