import type { Challenge, TpmProof } from '../contract/index.ts';
import { base64, fromBase64 } from './bytes.ts';
import type { Credential } from './http.ts';
import type { Inventory } from './inventory.ts';
import { thumbprintOfSpki } from './keys.ts';
import type { Attestor, Endorsement } from './ports.ts';
import { loadKey, type StoredAttestationKey, type StoredDeviceKey, storeKey } from './records.ts';
import type { DeviceSigner } from './signature.ts';

type TpmDeviceKey = Extract<StoredDeviceKey, { kind: 'tpm' }>;

export async function makeAttestationKey(attestor: Attestor, ek: string): Promise<StoredAttestationKey> {
  const made = await attestor.createAttestationKey();
  return {
    ...storeKey(made.key, made.public),
    createData: base64(made.creationData),
    createAttestation: base64(made.creationAttestation),
    createSignature: base64(made.creationSignature),
    ek,
  };
}

export async function makeDeviceKey(attestor: Attestor): Promise<TpmDeviceKey> {
  const made = await attestor.createDeviceKey();
  return { kind: 'tpm', ...storeKey(made.key, made.public), spki: base64(made.spki) };
}

/** `POST /attest` and `POST /secret`: proves that EK and AK are in one TPM; yields the AK certificate and its issuers (base64 DER). */
export async function activate(parts: {
  inventory: Inventory;
  credential: Credential;
  attestor: Attestor;
  endorsement: Endorsement;
  key: StoredAttestationKey;
}): Promise<string[]> {
  const { inventory, credential, attestor, endorsement, key } = parts;
  const ek = endorsement.eks.find(({ permanentIdentifier }) => permanentIdentifier === key.ek);
  const answer = await inventory.attest(credential, {
    tpmInfo: {
      version: 2,
      manufacturer: String(endorsement.tpm.manufacturer),
      model: endorsement.tpm.vendor,
      firmwareVersion: endorsement.tpm.firmwareVersion,
    },
    ek: ek ? base64(ek.publicKeySpki) : '',
    ekCerts: ek?.certificate ? [ek.certificate, ...endorsement.chain].map(base64) : [],
    params: {
      public: key.area,
      createData: key.createData,
      createAttestation: key.createAttestation,
      createSignature: key.createSignature,
    },
  });
  const secret = await attestor.activateCredential(
    loadKey(key),
    key.ek,
    fromBase64(answer.credential),
    fromBase64(answer.secret),
  );
  const { chain } = await inventory.secret(credential, base64(secret));
  return chain;
}

/** Certify and quote over one challenge. `thumbprint` is the grant's key, or the device key when re-attesting. */
export async function tpmProof(parts: {
  attestor: Attestor;
  attestationKey: StoredAttestationKey;
  akChain: string[];
  deviceKey: TpmDeviceKey;
  origin: string;
  challenge: Challenge;
  thumbprint: string;
  permanentIdentifier: string;
}): Promise<TpmProof> {
  const { attestor, challenge } = parts;
  const binding = {
    origin: parts.origin,
    challenge: fromBase64(challenge.challenge),
    grantThumbprint: parts.thumbprint,
    permanentIdentifier: parts.permanentIdentifier,
  };
  const ak = loadKey(parts.attestationKey);
  const deviceKey = loadKey(parts.deviceKey);
  const certify = await attestor.certify(deviceKey, ak, binding);
  const quote = await attestor.quote(ak, deviceKey, binding, {
    bank: challenge.pcrs.bank,
    pcrs: challenge.pcrs.indices,
  });
  return {
    challenge: challenge.challenge,
    akChain: parts.akChain,
    akPublic: parts.attestationKey.area,
    deviceKey: { public: parts.deviceKey.area },
    certify: { attest: base64(certify.attest), signature: base64(certify.signature) },
    quote: {
      attest: base64(quote.attest),
      signature: base64(quote.signature),
      pcrs: quote.pcrValues.map(({ index, value }) => ({ index, value: base64(value) })),
      ...(quote.eventLog ? { eventLog: base64(quote.eventLog) } : {}),
    },
  };
}

export function tpmSigner(attestor: Attestor, key: TpmDeviceKey): DeviceSigner {
  return {
    keyId: thumbprintOfSpki(fromBase64(key.spki)),
    sign: (digest) => attestor.sign(loadKey(key), digest),
  };
}
