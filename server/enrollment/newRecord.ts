import type { EkClass, Source, TeamSettings } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { admit } from '../policy/admission.ts';
import { insertDevice } from '../store/devices.ts';
import { loadLayers } from '../store/layers.ts';
import type { DeviceRow, UserRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';
import { deviceName, type Enrolment, type Facts } from './enrolment.ts';

/** What policy says of a device that arrives; `known` is the record that waits for it, where there is one. Error: `source-not-allowed`. */
export async function approvalOf(
  trx: Trx,
  enrolment: Enrolment,
  arriving: { source: Source; owner: UserRow | null; ekClass: EkClass; known?: DeviceRow },
): Promise<Facts> {
  const { settings, now } = enrolment;
  const { source, owner, ekClass, known } = arriving;
  const admission = admit(settings, {
    source,
    email: owner?.email ?? null,
    shared: known?.shared === 1,
    os: enrolment.machine.os,
    ownership: known?.ownership ?? null,
    ekClass,
    tags: known ? await tagsOf(trx, settings, known) : [],
  });
  switch (admission.kind) {
    case 'not-allowed':
      return refuse('source-not-allowed');
    case 'pending':
      return { approval: 'pending' };
    case 'approved':
      return { approval: 'approved', approval_reason: admission.reason, decided_by: 'policy', decided_at: now };
    default:
      return admission satisfies never;
  }
}

/** Read only where a rule asks for them: most teams have none, and an enrolment waits for every query. */
async function tagsOf(trx: Trx, settings: TeamSettings, known: DeviceRow): Promise<readonly string[]> {
  if (!settings.approvalRules.some((rule) => rule.when.tags !== undefined)) return [];
  return (await loadLayers(trx, known)).explicit.tags ?? [];
}

export async function insertNew(
  trx: Trx,
  enrolment: Enrolment,
  owner: UserRow | null,
  facts: Facts,
): Promise<DeviceRow> {
  const { now, grant, settings } = enrolment;
  if (owner) await checkDeviceLimit(trx, settings, owner);
  const arriving = { source: grant.source, owner, ekClass: facts.ek_class ?? 'absent' };
  const approval = await approvalOf(trx, enrolment, arriving);
  return insertDevice(
    trx,
    now,
    {
      permanent_identifier: grant.permanent_identifier,
      name: deviceName(enrolment),
      source: grant.source,
      owner_id: owner?.id ?? null,
      requested_by: owner?.email ?? enrolment.actor.name,
      ...facts,
      ...approval,
    },
    owner?.email ?? null,
  );
}

/** Error: `device-limit`. */
export async function checkDeviceLimit(trx: Trx, settings: TeamSettings, owner: UserRow): Promise<void> {
  if (settings.deviceLimit === null) return;
  const { count } = await trx
    .selectFrom('devices')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('owner_id', '=', owner.id)
    .where('lifecycle', '!=', 'deleted')
    .executeTakeFirstOrThrow();
  if (Number(count) >= settings.deviceLimit) refuse('device-limit');
}
