import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../agent/exitCodes.ts';
import { OUTPUTS } from '../../agent/schemas.ts';
import { runMuster } from '../../agent/testing.ts';
import { proveOtherKeys } from '../../app/aliases.ts';
import { toAppError } from '../../app/errors.ts';
import { createHttp } from '../../app/http.ts';
import { createFileStore, systemClock } from '../../app/index.ts';
import { createInventory } from '../../app/inventory.ts';
import type { Attestor } from '../../app/ports.ts';
import { openSlots } from '../../app/records.ts';
import { type Device, Evidence, EvidenceList, EvidenceVerification } from '../../contract/index.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { createTpmAttestor, openTpm } from '../../native/index.ts';
import { has } from '../../native/testing/tools.ts';
import { storeRoot } from '../../server/attestation/roots.ts';
import { startWorld, type World } from '../../server/testing/world.ts';

const attestorOf = async (tpm: SoftwareTpm): Promise<Attestor> => createTpmAttestor(await openTpm({ tcti: tpm.tcti }));

describe.skipIf(!has('swtpm'))('the RSA and ECC endorsement keys of one TPM name one device (needs swtpm)', () => {
  let folder: string;
  let world: World;
  let token: string;
  let ours: SoftwareTpm | undefined;
  let theirs: SoftwareTpm | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-other-keys-'));
    world = await startWorld();
    token = await world.token('devices:read', 'devices:write', 'devices:decide', 'people:write', 'access:read');
    // One maker, two machines.
    const caFolder = join(folder, 'ca');
    ours = await startSoftwareTpm({ folder: join(folder, 'ours'), caFolder });
    theirs = await startSoftwareTpm({ folder: join(folder, 'theirs'), caFolder });
    const pem = (text = '') => Buffer.from(text.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    for (const [role, text] of [
      ['root', ours.rootCertificate],
      ['intermediate', ours.issuerCertificate],
    ] as const) {
      const root = {
        certificate: pem(text),
        vendor: 'Muster',
        role,
        ek_class: null,
        source: 'administrator',
      } as const;
      await world.server.store.write((trx) => storeRoot(trx, world.clock(), root));
    }
    world.server.context.roots.changed();
  }, 120_000);
  afterAll(async () => {
    await world?.close();
    await ours?.stop();
    await theirs?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const tpm = (which: SoftwareTpm | undefined): SoftwareTpm => which ?? expect.fail('no software TPM');
  const place = (which: SoftwareTpm | undefined, state: string) => [
    '--tcti',
    tpm(which).tcti,
    '--state',
    join(folder, state),
  ];
  const enrol = async (which: SoftwareTpm | undefined, state: string): Promise<Device> => {
    const made = await world.api(token, 'POST', '/api/v1/provisioning-tokens', { name: state });
    const file = join(folder, `${state}.token`);
    await writeFile(file, (made.body as { secret: string }).secret);
    const { out, err } = await runMuster([
      'enroll',
      '--server',
      world.origin,
      '--token-file',
      file,
      '--json',
      ...place(which, state),
    ]);
    expect(out, err).not.toBe('');
    return shown(OUTPUTS.enroll.parse(JSON.parse(out)).id);
  };
  const shown = async (id: string) => (await world.api(token, 'GET', `/api/v1/devices/${id}`)).body as Device;
  const keysOf = async (which: SoftwareTpm | undefined) => {
    const { out } = await runMuster(['tpm', 'ek', '--json', '--tcti', tpm(which).tcti]);
    return OUTPUTS['tpm ek'].parse(JSON.parse(out)).endorsementKeys;
  };

  it('after muster attest --other-keys, by its certificate and its attestation key; the evidence is judged again', async () => {
    const device = await enrol(ours, 'client');
    const keys = await keysOf(ours);
    const [rsa, ecc] = [/^RSA/, /^ECC/].map((kind) => keys.find(({ algorithm }) => kind.test(algorithm)));
    expect(device).toMatchObject({ permanentIdentifier: rsa?.permanentIdentifier, aliases: [], ekClass: 'software' });
    const { code, err } = await runMuster(['attest', '--other-keys', '--json', ...place(ours, 'client')]);
    expect([code, err]).toEqual([EXIT.ok, '']);
    expect(await shown(device.id)).toMatchObject({ aliases: [ecc?.permanentIdentifier], ekClass: 'software' });
    const access = `/api/v1/access?level=normal&device=${encodeURIComponent(ecc?.permanentIdentifier ?? '')}`;
    expect((await world.api(token, 'GET', access)).body).toMatchObject({ device: { id: device.id } });
    const list = (await world.api(token, 'GET', `/api/v1/devices/${device.id}/evidence`)).body;
    const alias = EvidenceList.parse(list).evidence.find(({ purpose }) => purpose === 'alias');
    const path = `/api/v1/evidence/${alias?.id}`;
    expect(Evidence.parse((await world.api(token, 'GET', path)).body).bytes).toMatchObject({
      permanentIdentifier: ecc?.permanentIdentifier,
    });
    expect(EvidenceVerification.parse((await world.api(token, 'POST', `${path}/verification`)).body)).toMatchObject({
      outcome: 'valid',
      ekClass: 'software',
    });
    // Again changes nothing.
    expect(await runMuster(['attest', '--other-keys', ...place(ours, 'client')])).toMatchObject({ code: EXIT.ok });
    expect((await shown(device.id)).aliases).toEqual([ecc?.permanentIdentifier]);
  });

  it('and the key of another TPM, or of another enrolled device, never does', async () => {
    const other = await enrol(theirs, 'other');
    const record =
      (await openSlots(createFileStore(join(folder, 'client'))).enrollment.read()) ??
      expect.fail('nothing is enrolled');
    const inventory = createInventory(createHttp(record.origin, { clock: systemClock, fetch }));
    const [attestor, foreign] = [await attestorOf(tpm(ours)), await attestorOf(tpm(theirs))];
    try {
      const own = await attestor.readEndorsement();
      const eks = [own.eks[0] ?? expect.fail('no key'), ...(await foreign.readEndorsement()).eks];
      const prover = (opens: Attestor) => ({
        kind: 'tpm' as const,
        attestor: { ...attestor, activateCredential: opens.activateCredential.bind(opens) },
        endorsement: { ...own, eks },
        permanentIdentifier: record.permanentIdentifier,
      });
      // Our TPM has no such key; theirs does not hold our attestation key.
      for (const opens of [attestor, foreign]) {
        const failed = await proveOtherKeys(record, prover(opens), inventory).then(
          () => 'activated',
          (error: unknown) => toAppError(error).code,
        );
        expect(failed).toBe('key-of-another-tpm');
      }
      expect((await shown(record.device.id)).aliases).toHaveLength(1);
      expect(await shown(other.id)).toMatchObject({ aliases: [], conflictId: null });
    } finally {
      await attestor.close();
      await foreign.close();
    }
  });
});
