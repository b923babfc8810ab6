import type { SelfDevice } from '../../contract/index.ts';
import type { Context } from '../http/context.ts';
import type { DeviceRow } from '../store/schema.ts';
import { selfOf, viewsOf } from './view.ts';

/** The device as it may read itself, now. */
export async function selfView(context: Context, row: DeviceRow): Promise<SelfDevice> {
  const settings = await context.settings();
  const [view] = await viewsOf(context.store.db, [row], { settings, demo: context.demo, now: context.now() });
  if (!view) throw new Error('unreachable: one view for each row');
  return selfOf(view, settings.name);
}
