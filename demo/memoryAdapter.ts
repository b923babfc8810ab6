import type { Adapter, AdapterPayload } from 'oidc-provider';

/** What the demo identity provider remembers: sign-in sessions and codes, in memory, gone with the process. */
export function memoryAdapter(): (model: string) => Adapter {
  const records = new Map<string, { payload: AdapterPayload; expiresAt: number }>();
  const byUid = new Map<string, string>();
  const byGrant = new Map<string, Set<string>>();

  return (model) => {
    const key = (id: string) => `${model}:${id}`;
    const read = (full: string): AdapterPayload | undefined => {
      const record = records.get(full);
      if (!record) return undefined;
      if (record.expiresAt > Date.now()) return record.payload;
      records.delete(full);
      return undefined;
    };
    return {
      async upsert(id, payload, expiresIn) {
        records.set(key(id), { payload, expiresAt: Date.now() + (expiresIn ?? 3600) * 1000 });
        if (payload.uid) byUid.set(payload.uid, key(id));
        if (payload.grantId) byGrant.set(payload.grantId, (byGrant.get(payload.grantId) ?? new Set()).add(key(id)));
      },
      async find(id) {
        return read(key(id));
      },
      async findByUid(uid) {
        return read(byUid.get(uid) ?? '');
      },
      async findByUserCode() {
        return undefined;
      },
      async consume(id) {
        const payload = read(key(id));
        if (payload) payload.consumed = Math.floor(Date.now() / 1000);
      },
      async destroy(id) {
        records.delete(key(id));
      },
      async revokeByGrantId(grantId) {
        for (const full of byGrant.get(grantId) ?? []) records.delete(full);
        byGrant.delete(grantId);
      },
    };
  };
}
