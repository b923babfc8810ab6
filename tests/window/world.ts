import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { browse } from '../../demo/scriptedBrowser.ts';
import { answersOf } from '../../demo/scriptedPerson.ts';
import { startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { startTestInventory } from '../hosts/inventory.ts';

/** What these suites read of the API's answers. */
type Read = { version: number; devices: { id: string }[] };

export type World = Awaited<ReturnType<typeof startWorld>>;

/** A real inventory and identity provider (tests/hosts/inventory.ts) with a software TPM whose maker is trusted, and a person who signs in. */
export async function startWorld(options: { origin?: string } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'muster-world-'));
  /** Moves the clocks of server and client; tests of what happens after weeks. */
  const time = { offsetMs: 0 };
  const tpm = await startSoftwareTpm({ folder: join(folder, 'tpm') });
  const inventory = await startTestInventory({
    folder,
    issuers: [tpm.issuerCertificate],
    clock: () => Date.now() + time.offsetMs,
    ...options,
  }).catch(async (error: unknown) => {
    await tpm.stop();
    throw error;
  });
  const { person } = inventory.people;

  async function api(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Read> {
    const answer = await inventory.api(method, path, body, headers);
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as Read;
  }

  return {
    folder,
    time,
    person,
    inventory,
    api,
    origin: inventory.origin,
    tcti: tpm.tcti,
    /** The person at the pages of identity provider and inventory, without a browser. */
    signIn: (url: string) => browse(url, answersOf(person)),
    async decide(id: string, decision: { decision: 'approved' } | { decision: 'refused'; reason: string }) {
      const { version } = await api('GET', `/api/v1/devices/${id}`);
      return api('PUT', `/api/v1/devices/${id}/approval`, decision, { 'if-match': `"${version}"` });
    },
    stopServer: inventory.stop,
    restartServer: inventory.restart,
    async close() {
      await inventory.close();
      await tpm.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
