import type { Diagnostic } from '../contract/index.ts';
import { LOCAL_ERRORS, toUserError } from './errors.ts';
import { createHttp } from './http.ts';
import { describeIdentity } from './identity.ts';
import { createInventory } from './inventory.ts';
import type { Ports } from './ports.ts';
import { openSlots } from './records.ts';

/** The `doctor` checks: each one is run for real and says what it saw. Sends nothing of this device. */
export async function diagnose(ports: Ports, origin: string | null): Promise<Diagnostic[]> {
  const check = async (
    id: string,
    title: string,
    run: () => Promise<Pick<Diagnostic, 'detail'> & Partial<Diagnostic>>,
  ): Promise<Diagnostic> => {
    try {
      return { id, title, status: 'pass', remedy: null, ...(await run()) };
    } catch (error) {
      const { title: what, detail, advice } = toUserError(error);
      return { id, title, status: 'fail', detail: `${what} ${detail}`, remedy: advice };
    }
  };
  const server = check('server', 'Inventory server', async () => {
    if (origin === null) {
      return { status: 'warn', detail: 'No server is set yet.', remedy: 'Enter the address of your Muster server.' };
    }
    const info = await createInventory(createHttp(origin, ports)).server();
    return { detail: `${origin} answers for the team "${info.team.name}" (version ${info.version}).` };
  });
  const time = check('clock', 'Clock', async () => {
    if (origin === null) return { status: 'warn', detail: 'Not compared: no server is set yet.' };
    const info = await createInventory(createHttp(origin, ports)).server();
    const seconds = Math.round((ports.clock.now().getTime() - Date.parse(info.time)) / 1000);
    if (Math.abs(seconds) <= 30) return { detail: `Within ${Math.abs(seconds)} s of the server.` };
    const remedy = 'Set the clock of this machine.';
    return {
      status: Math.abs(seconds) > 120 ? 'fail' : 'warn',
      detail: `${seconds} s off the server's clock.`,
      remedy,
    };
  });
  const hardware = check('hardware', 'Security chip', async () => {
    const { tpm, permanentIdentifier } = await describeIdentity(ports.hardware);
    if (!tpm) return { detail: `No TPM; this device is known by its serial number ${permanentIdentifier}.` };
    const certificate =
      tpm.ekCertificates > 0 ? 'with a manufacturer certificate' : 'without a manufacturer certificate';
    return { detail: `TPM 2.0 by ${tpm.manufacturer}, firmware ${tpm.firmwareVersion}, ${certificate}.` };
  });
  const state = check('state', 'Saved state', async () => {
    const record = await openSlots(ports.store).enrollment.read();
    return { detail: record ? `Enrolled with ${record.origin}.` : 'Not enrolled.' };
  });
  const secrets = check('secrets', 'Secret storage', async () => {
    const probe = 'probe';
    await ports.store.write(probe, 'probe', { secret: true });
    const read = await ports.store.read(probe);
    await ports.store.remove(probe);
    if (read === 'probe') return { detail: 'Secrets can be stored and read back.' };
    const [title, advice] = LOCAL_ERRORS['secret-store-unsafe'];
    return { status: 'fail', detail: title, remedy: advice };
  });
  return Promise.all([server, time, hardware, state, secrets]);
}
