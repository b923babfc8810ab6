import { z } from 'zod';
import { Ceremony, Grant, SelfDevice } from '../contract/index.ts';
import { base64, fromBase64 } from './bytes.ts';
import { AppError } from './errors.ts';
import type { StateStore, WrappedKey } from './ports.ts';

/** A key in the TPM as stored: two blobs that only this TPM can load, and its TPMT_PUBLIC. All base64. */
const StoredKey = z.object({ public: z.string(), private: z.string(), area: z.string() });

const StoredAttestationKey = StoredKey.extend({
  createData: z.string(),
  createAttestation: z.string(),
  createSignature: z.string(),
  /** URN of the EK that activates it. */
  ek: z.string(),
});
export type StoredAttestationKey = z.infer<typeof StoredAttestationKey>;

const StoredDeviceKey = z.discriminatedUnion('kind', [
  StoredKey.extend({ kind: z.literal('tpm'), spki: z.string() }),
  /** The key is the platform's (Secure Enclave, keychain); only its public half is here. */
  z.object({ kind: z.literal('claim'), spki: z.string() }),
]);
export type StoredDeviceKey = z.infer<typeof StoredDeviceKey>;

/** What remains of an enrolment: keys that only this TPM can use, certificates, and the device as last seen. No bearer secret. */
export const EnrollmentRecord = z.object({
  version: z.literal(1),
  origin: z.url(),
  team: z.string(),
  permanentIdentifier: z.string(),
  attestationKey: StoredAttestationKey.nullable(),
  akChain: z.array(z.string()),
  deviceKey: StoredDeviceKey,
  device: SelfDevice,
  seenAt: z.iso.datetime({ offset: true }),
});
export type EnrollmentRecord = z.infer<typeof EnrollmentRecord>;

/** A ceremony under way, saved after each durable step so that a killed client goes on where it was. Removed by its end. */
export const CeremonyRecord = z.object({
  version: z.literal(1),
  origin: z.url(),
  permanentIdentifier: z.string(),
  /** JWK of the key that the grant is bound to; a secret of minutes. */
  grantKey: z.unknown(),
  ceremony: Ceremony.nullable(),
  grant: Grant.nullable(),
  attestationKey: StoredAttestationKey.nullable(),
  akChain: z.array(z.string()).nullable(),
  deviceKey: StoredDeviceKey.nullable(),
});
export type CeremonyRecord = z.infer<typeof CeremonyRecord>;

/** What the person chose. */
export const SettingsRecord = z.object({
  version: z.literal(1),
  serverUrl: z.string().nullable(),
  startAtLogin: z.boolean().optional(),
  language: z.enum(['system', 'en', 'de']),
});
export type SettingsRecord = z.infer<typeof SettingsRecord>;

export type Slot<T> = {
  read(): Promise<T | undefined>;
  write(value: T): Promise<void>;
  remove(): Promise<void>;
};

/** One named value of the store, checked when read. Error: `state-unreadable` where it is damaged; nothing is thrown away. */
export function slot<T>(store: StateStore, name: string, schema: z.ZodType<T>, secret: boolean): Slot<T> {
  return {
    async read() {
      const text = await store.read(name);
      if (text === undefined) return undefined;
      const parsed = schema.safeParse(parseJson(text));
      if (!parsed.success) throw new AppError('state-unreadable', `The saved ${name} of Muster is damaged.`);
      return parsed.data;
    },
    write: (value) => store.write(name, JSON.stringify(value), { secret }),
    remove: () => store.remove(name),
  };
}

export type Slots = ReturnType<typeof openSlots>;
export function openSlots(store: StateStore) {
  return {
    enrollment: slot(store, 'enrollment', EnrollmentRecord, false),
    ceremony: slot(store, 'ceremony', CeremonyRecord, true),
    settings: slot(store, 'settings', SettingsRecord, false),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const storeKey = (key: WrappedKey, area: Uint8Array) => ({
  public: base64(key.public),
  private: base64(key.private),
  area: base64(area),
});
export const loadKey = (stored: { public: string; private: string }): WrappedKey => ({
  public: fromBase64(stored.public),
  private: fromBase64(stored.private),
});
