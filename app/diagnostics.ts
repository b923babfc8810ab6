import { completed, type Diagnostic, FINDINGS, type FindingCode, type FindingValues } from '../contract/index.ts';
import { LOCAL_ERRORS, toUserError } from './errors.ts';
import { createHttp } from './http.ts';
import { describeIdentity } from './identity.ts';
import { createInventory } from './inventory.ts';
import type { Ports } from './ports.ts';
import { openSlots } from './records.ts';

type Seen = Omit<Diagnostic, 'id' | 'title'>;

function seen(code: FindingCode, values: FindingValues = {}, status: Diagnostic['status'] = 'pass'): Seen {
  const [detail, remedy] = FINDINGS[code];
  return { status, detail: completed(detail, values), remedy, finding: { code, values } };
}

/** The `doctor` checks: each one is run for real and says what it saw. Sends nothing of this device. */
export async function diagnose(ports: Ports, origin: string | null): Promise<Diagnostic[]> {
  const check = async (id: string, title: string, run: () => Promise<Seen>): Promise<Diagnostic> => {
    try {
      return { id, title, ...(await run()) };
    } catch (error) {
      const { code, title: what, detail, advice } = toUserError(error);
      const finding = { code, values: {} };
      return { id, title, status: 'fail', detail: `${what} ${detail}`, remedy: advice, finding };
    }
  };
  const server = check('server', 'Inventory server', async () => {
    if (origin === null) return seen('server-not-set', {}, 'warn');
    const { team, version } = await createInventory(createHttp(origin, ports)).server();
    return seen('server-answers', { origin, team: team.name, version });
  });
  const time = check('clock', 'Clock', async () => {
    if (origin === null) return seen('clock-not-compared', {}, 'warn');
    const info = await createInventory(createHttp(origin, ports)).server();
    const ahead = Math.round((ports.clock.now().getTime() - Date.parse(info.time)) / 1000);
    const seconds = Math.abs(ahead);
    if (seconds <= 30) return seen('clock-right', { seconds: Math.max(1, seconds) });
    return seen(ahead > 0 ? 'clock-ahead' : 'clock-behind', { seconds }, seconds > 120 ? 'fail' : 'warn');
  });
  const hardware = check('hardware', 'Security chip', async () => {
    const { tpm, permanentIdentifier: serial } = await describeIdentity(ports.hardware);
    if (!tpm) return seen('chip-none', { serial });
    const { manufacturer: maker, firmwareVersion: firmware } = tpm;
    return seen(tpm.ekCertificates > 0 ? 'chip-certified' : 'chip-uncertified', { maker, firmware });
  });
  const state = check('state', 'Saved state', async () => {
    const record = await openSlots(ports.store).enrollment.read();
    return record ? seen('state-enrolled', { origin: record.origin }) : seen('state-none');
  });
  const secrets = check('secrets', 'Secret storage', async () => {
    const probe = 'probe';
    await ports.store.write(probe, 'probe', { secret: true });
    const read = await ports.store.read(probe);
    await ports.store.remove(probe);
    if (read === 'probe') return seen('secrets-kept');
    const code = 'secret-store-unsafe';
    const [detail, remedy] = LOCAL_ERRORS[code];
    return { status: 'fail', detail, remedy, finding: { code, values: {} } };
  });
  return Promise.all([server, time, hardware, state, secrets]);
}
