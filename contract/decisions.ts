import { z } from 'zod';
import { Approval, Device, Lifecycle, Source } from './device.ts';
import { ErrorCode } from './errors.ts';
import { Email, Id } from './primitives.ts';

/** `PUT /api/v1/devices/{id}/approval` with If-Match: the version that was on the screen. */
export const Decision = z.discriminatedUnion('decision', [
  z.strictObject({ decision: z.literal('approved'), reason: z.string().max(1000).optional() }),
  z.strictObject({ decision: z.literal('refused'), reason: z.string().min(1).max(1000) }),
]);
export type Decision = z.infer<typeof Decision>;

/** `POST /api/v1/decisions`: many at once, with a result per item; one failure never stops the others. */
export const BulkDecision = z.strictObject({
  decision: Decision,
  devices: z
    .array(z.strictObject({ id: Id, version: z.int() }))
    .min(1)
    .max(500),
});
export const BulkDecisionResult = z.object({
  results: z.array(
    z.discriminatedUnion('outcome', [
      z.object({ id: Id, outcome: z.literal('done'), device: Device }),
      z.object({ id: Id, outcome: z.literal('failed'), code: ErrorCode, detail: z.string() }),
    ]),
  ),
});

/** Filters and place of `GET /api/v1/devices`. `cursor` is the former page's `next`, good with the same filters only. */
export const DeviceQuery = z.strictObject({
  approval: Approval.optional(),
  lifecycle: Lifecycle.optional(),
  source: Source.optional(),
  owner: Email.optional(),
  /** Exactly this tag. */
  tag: z.string().min(1).max(128).optional(),
  search: z.string().min(1).max(256).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1024).optional(),
});
export type DeviceQuery = z.infer<typeof DeviceQuery>;

/** `GET /api/v1/devices?approval=&lifecycle=&source=&owner=&tag=&search=&limit=&cursor=` */
export const DevicePage = z
  .object({ devices: z.array(Device), next: z.string().nullable() })
  .meta({ id: 'DevicePage' });
export type DevicePage = z.infer<typeof DevicePage>;

/** Events `device` of `GET /api/v1/events` (console); {@link GoneEvent} is `gone`: the inventory holds this record no longer. */
export const ConsoleEvent = z.object({ type: z.enum(['device']), device: Device });
export type ConsoleEvent = z.infer<typeof ConsoleEvent>;
export const GoneEvent = z.object({ type: z.literal('gone'), id: Id });
