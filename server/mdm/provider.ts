import { z } from 'zod';

/** One device as an MDM reports it, in one shape for all of them. Times are RFC 3339. */
export const MdmDevice = z.object({
  externalId: z.coerce.string().min(1).max(256),
  serial: z.string().max(256).nullish(),
  udid: z.string().max(256).nullish(),
  managementId: z.string().max(256).nullish(),
  name: z.string().max(256).nullish(),
  os: z.string().max(64).nullish(),
  osVersion: z.string().max(64).nullish(),
  model: z.string().max(256).nullish(),
  modelId: z.string().max(256).nullish(),
  ownership: z.enum(['company', 'user', 'unknown']).default('unknown'),
  user: z
    .object({
      email: z.string().max(254).nullish(),
      name: z.string().max(256).nullish(),
      externalId: z.string().max(256).nullish(),
    })
    .nullish(),
  managed: z.boolean().default(true),
  supervised: z.boolean().nullish(),
  lastSeen: z.string().max(64).nullish(),
  /** What the MDM sent, kept for audit; cut where it is large. */
  raw: z.unknown().optional(),
});
export type MdmDevice = z.infer<typeof MdmDevice>;

export type MdmPage = {
  /** As the provider read them; checked against {@link MdmDevice} one by one, so that one bad record costs one record. */
  items: unknown[];
  total?: number;
  /** Opaque: where the list goes on after this page. */
  checkpoint: string;
};

/** What every MDM adapter offers. Errors are thrown as they come: the sync keeps its checkpoint and says what happened. */
export type MdmProvider = {
  check(): Promise<{ tenant: string; version?: string; missingPrivileges: string[] }>;
  /** Devices after `cursor`, or those that changed since a time (epoch milliseconds), page by page. */
  list(from: { cursor?: string; since?: number }): AsyncIterable<MdmPage>;
};
