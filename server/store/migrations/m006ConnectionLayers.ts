import { type Kysely, sql } from 'kysely';
import type { Tables } from '../schema.ts';

/**
 * Each MDM connection has a layer of its own, named by its id: two connections of one source shared one before, and spoke over each other.
 * What each said last stands in its rows. A layer that no row explains is a former connection's, and stays under the name of its source.
 */
export async function up(db: Kysely<Tables>): Promise<void> {
  await db.schema.alterTable('device_layers').addColumn('source', 'text').execute();
  await sql`update device_layers set source = layer where layer <> 'explicit'`.execute(db);
  await sql`insert into device_layers (device_id, layer, source, fields, created_at, updated_at)
    select mdm_rows.device_id, mdm_rows.connection_id, mdm_connections.source, mdm_rows.fields,
      mdm_rows.created_at, mdm_rows.updated_at
    from mdm_rows join mdm_connections on mdm_connections.id = mdm_rows.connection_id
    join device_layers on device_layers.device_id = mdm_rows.device_id and device_layers.layer = mdm_connections.source
    where true
    on conflict (device_id, layer) do nothing`.execute(db);
  await sql`delete from device_layers where layer = source and exists (
    select 1 from mdm_rows join mdm_connections on mdm_connections.id = mdm_rows.connection_id
    where mdm_rows.device_id = device_layers.device_id and mdm_connections.source = device_layers.source)`.execute(db);
}
