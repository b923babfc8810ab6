import { base64, fromBase64 } from '../../app/bytes.ts';
import type { AttestBody } from '../../app/inventory.ts';
import type { Attestor, Endorsement, WrappedKey } from '../../app/ports.ts';
import { activate, makeAttestationKey, makeDeviceKey, tpmProof } from '../../app/proof.ts';
import { loadKey, type StoredAttestationKey, type StoredDeviceKey } from '../../app/records.ts';
import type { EnrollmentRequest, MachineReport } from '../../contract/index.ts';
import { createTpmAttestor, openTpm } from '../../native/index.ts';
import { type Granted, signIn, type TestInventory } from '../hosts/inventory.ts';

export const MACHINE: MachineReport = {
  hostName: 'test-machine',
  os: 'Linux',
  osVersion: '12',
  architecture: 'x64',
  manufacturer: { unavailable: 'a test' },
  model: { unavailable: 'a test' },
  serial: { unavailable: 'a test' },
  hardwareUuid: { unavailable: 'a test' },
  virtualMachine: 'unknown',
};

export type HandDevice = { attestor: Attestor; endorsement: Endorsement; permanentIdentifier: string };

export async function openDevice(tcti: string): Promise<HandDevice> {
  const attestor = createTpmAttestor(await openTpm({ tcti }), { eventLog: false });
  const endorsement = await attestor.readEndorsement();
  return { attestor, endorsement, permanentIdentifier: endorsement.eks[0]?.permanentIdentifier ?? '' };
}

export type Prepared = Granted & {
  device: HandDevice;
  attestationKey: StoredAttestationKey;
  deviceKey: Extract<StoredDeviceKey, { kind: 'tpm' }>;
};

/** Everything up to the activation, taken one step at a time so that a test can bend any of them. */
export async function prepare(inventory: TestInventory, device: HandDevice): Promise<Prepared> {
  const granted = await signIn(inventory, { permanentIdentifier: device.permanentIdentifier, name: 'test-machine' });
  return {
    ...granted,
    device,
    attestationKey: await makeAttestationKey(device.attestor, device.permanentIdentifier),
    deviceKey: await makeDeviceKey(device.attestor),
  };
}

export function attestBody({ device, attestationKey }: Prepared): AttestBody {
  const ek = device.endorsement.eks[0];
  return {
    tpmInfo: { version: 2, manufacturer: '0', model: '', firmwareVersion: '0.0' },
    ek: base64(ek?.publicKeySpki ?? new Uint8Array()),
    ekCerts: ek?.certificate ? [base64(ek.certificate)] : [],
    params: {
      public: attestationKey.area,
      createData: attestationKey.createData,
      createAttestation: attestationKey.createAttestation,
      createSignature: attestationKey.createSignature,
    },
  };
}

export function activated(inventory: TestInventory, prepared: Prepared): Promise<string[]> {
  const { client } = inventory;
  const { attestor, endorsement } = prepared.device;
  return activate({
    inventory: client,
    credential: client.granted(prepared.key, prepared.grant),
    attestor,
    endorsement,
    key: prepared.attestationKey,
  });
}

export async function solve(prepared: Prepared, answer: { credential: string; secret: string }): Promise<string> {
  const { attestor, permanentIdentifier } = prepared.device;
  const ak: WrappedKey = loadKey(prepared.attestationKey);
  return base64(
    await attestor.activateCredential(
      ak,
      permanentIdentifier,
      fromBase64(answer.credential),
      fromBase64(answer.secret),
    ),
  );
}

/** The enrolment's body; `change` bends what the proof is made over. */
export async function enrollmentBody(
  inventory: TestInventory,
  prepared: Prepared,
  akChain: string[],
  change: {
    origin?: string;
    challenge?: string;
    thumbprint?: string;
    permanentIdentifier?: string;
    attestationKey?: StoredAttestationKey;
    signer?: Attestor;
  } = {},
): Promise<EnrollmentRequest & { kind: 'tpm' }> {
  const { client } = inventory;
  const challenge = await client.challenge(client.granted(prepared.key, prepared.grant));
  const proof = await tpmProof({
    attestor: change.signer ?? prepared.device.attestor,
    attestationKey: change.attestationKey ?? prepared.attestationKey,
    akChain,
    deviceKey: prepared.deviceKey,
    origin: change.origin ?? inventory.origin,
    challenge: change.challenge === undefined ? challenge : { ...challenge, challenge: change.challenge },
    thumbprint: change.thumbprint ?? prepared.key.thumbprint,
    permanentIdentifier: change.permanentIdentifier ?? prepared.device.permanentIdentifier,
  });
  return { kind: 'tpm', machine: MACHINE, proof };
}
