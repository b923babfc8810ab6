import type { AccessAnswer, Device } from '../../contract/index.ts';
import type { Context } from '../http/context.ts';
import { decideAccess } from '../policy/access.ts';
import { openDisputeOver } from '../store/conflicts.ts';
import type { DeviceRow } from '../store/schema.ts';
import { viewsOf } from './view.ts';

/** Whether a device may, from the facts as they are now, never cached; a device that is not there may not. */
export async function accessOf(
  context: Context,
  row: DeviceRow | undefined,
  level: AccessAnswer['level'],
): Promise<{ answer: AccessAnswer; device: Device | null }> {
  const { db } = context.store;
  const viewer = { settings: await context.settings(), demo: context.demo, now: context.now() };
  const [device = null] = row ? await viewsOf(db, [row], viewer) : [];
  const disputed = row && (await openDisputeOver(db, row.id));
  return { answer: decideAccess(device, level, disputed !== undefined), device };
}
