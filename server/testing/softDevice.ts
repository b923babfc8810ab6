import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { ALG, type BindingKind, bindingDigest, digest, ekUri } from '../../attestation/index.ts';
import {
  CA_EXTENSIONS,
  certificate,
  type Made,
  nameExtension,
  purposeExtension,
  tpmNames,
  usageExtension,
} from '../../attestation/testing/certificates.ts';
import {
  akParameters,
  attestBytes,
  DEVICE_ATTRIBUTES,
  eccKey,
  type SoftKey,
  softSign,
} from '../../attestation/testing/softTpm.ts';
import type { MachineReport } from '../../contract/index.ts';
import { thumbprintOf } from '../enrollment/tpmProof.ts';
import { type SignedRequest, signRequest } from './signedRequest.ts';
import { activate } from './softActivation.ts';

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const fromBase64 = (text: string): Buffer => Buffer.from(text, 'base64');
const EK_PURPOSE = '2.23.133.8.1';

/** A maker of TPMs: its root, trusted where a test says so. */
export function createMaker(name = 'Infineon Test Root'): Made {
  return certificate({ subject: name, extensions: CA_EXTENSIONS });
}

export type SoftDevice = ReturnType<typeof createSoftDevice>;

/**
 * A device whose TPM is in this process: real keys and real signatures over the structures of a TPM, so that a test can also make what no
 * TPM would. What a TPM itself does is tested against swtpm.
 */
export function createSoftDevice(options: { maker?: Made; name?: string } = {}) {
  const ek = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ekSpki = new Uint8Array(ek.publicKey.export({ type: 'spki', format: 'der' }));
  const urn = ekUri(ekSpki);
  const certificates = options.maker ? [ekCertificate(options.maker, ek.publicKey)] : [];
  const machine: MachineReport = {
    hostName: options.name ?? 'bench',
    os: 'Linux',
    osVersion: 'Debian 12',
    architecture: 'x64',
    manufacturer: { value: 'Example' },
    model: { value: 'Bench' },
    serial: { unavailable: 'needs root' },
    hardwareUuid: { unavailable: 'needs root' },
    virtualMachine: 'no',
  };
  const fresh = () => ({
    ak: eccKey({}, 'P-256', true),
    deviceKey: eccKey({ attributes: DEVICE_ATTRIBUTES }, 'P-256', true),
  });
  let keys = fresh();
  return {
    urn,
    ekSpki,
    machine,
    certificates,
    get ak(): SoftKey {
      return keys.ak;
    },
    get deviceKey(): SoftKey {
      return keys.deviceKey;
    },
    /** Another endorsement key of the same TPM: it opens a credential for an attestation key that this TPM holds, and for no other. */
    otherKey(certified = options.maker) {
      const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const spki = new Uint8Array(other.publicKey.export({ type: 'spki', format: 'der' }));
      const held = certified ? [ekCertificate(certified, other.publicKey)] : [];
      return {
        urn: ekUri(spki),
        body: { ek: base64(spki), ekCerts: held.map(base64) },
        certificates: held,
        open: (credential: string, secret: string, ak: SoftKey = keys.ak) =>
          activate(other.privateKey, other.publicKey, ak.name, fromBase64(credential), fromBase64(secret)),
      };
    },
    /** The operating system is installed anew: other keys in the same TPM. */
    reinstall() {
      keys = fresh();
    },
    keyId: () => thumbprintOf(spkiOf(keys.deviceKey)),
    attestBody(ak: SoftKey = keys.ak) {
      const made = akParameters(ak);
      return {
        tpmInfo: { version: 2, manufacturer: '1229346816', model: 'Test', firmwareVersion: '1.0' },
        ek: base64(ekSpki),
        ekCerts: certificates.map(base64),
        params: {
          public: base64(made.public),
          createData: base64(made.creationData),
          createAttestation: base64(made.attest),
          createSignature: base64(made.signature),
        },
      };
    },
    activateCredential: (credential: string, secret: string, ak: SoftKey = keys.ak) =>
      activate(ek.privateKey, ek.publicKey, ak.name, Buffer.from(credential, 'base64'), Buffer.from(secret, 'base64')),
    /** Certify and quote over one binding; `forge` replaces parts of it, or the keys that sign. */
    proof(binding: { origin: string; challenge: string; boundTo: string }, akChain: string[], forge: Forge = {}) {
      const { ak } = keys;
      const deviceKey = forge.deviceKey ?? keys.deviceKey;
      const digestOf = (kind: BindingKind) =>
        bindingDigest(kind, {
          origin: binding.origin,
          challenge: Buffer.from(forge.boundChallenge ?? binding.challenge, 'base64'),
          grantThumbprint: binding.boundTo,
          permanentIdentifier: forge.identifier ?? urn,
          akName: ak.name,
          deviceKeyName: deviceKey.name,
        });
      const pcrs = Array.from({ length: 8 }, (_, index) => ({ index, value: new Uint8Array(32).fill(index) }));
      const certify = attestBytes({
        type: 'certify',
        extraData: digestOf('certify'),
        name: deviceKey.name,
        qualifiedName: deviceKey.name,
      });
      const quote = attestBytes({
        type: 'quote',
        extraData: digestOf('quote'),
        selections: [{ hash: ALG.SHA256, pcrs: pcrs.map(({ index }) => index) }],
        pcrDigest: digest('sha256', ...pcrs.map(({ value }) => value)),
      });
      return {
        challenge: binding.challenge,
        akChain,
        akPublic: base64(ak.bytes),
        deviceKey: { public: base64(deviceKey.bytes) },
        certify: { attest: base64(certify), signature: base64(softSign(forge.certifyWith ?? ak, certify)) },
        quote: {
          attest: base64(quote),
          signature: base64(softSign(ak, quote)),
          pcrs: pcrs.map(({ index, value }) => ({
            index,
            value: base64(index === forge.changedPcr ? value.fill(9) : value),
          })),
        },
      };
    },
    /** Signs with the key of now, whatever is installed later. */
    signer() {
      const { privateKey } = keys.deviceKey;
      const keyId = thumbprintOf(spkiOf(keys.deviceKey));
      return { sign: (request: SignedRequest) => signRequest(privateKey, keyId, request) };
    },
    /** Headers that make a request the device's own (RFC 9421). */
    sign: (request: SignedRequest) =>
      signRequest(keys.deviceKey.privateKey, thumbprintOf(spkiOf(keys.deviceKey)), request),
  };
}

export type Forge = {
  boundChallenge?: string;
  identifier?: string;
  certifyWith?: SoftKey;
  deviceKey?: SoftKey;
  changedPcr?: number;
};
function spkiOf(key: SoftKey): Uint8Array {
  return new Uint8Array(createPublicKey(key.privateKey).export({ type: 'spki', format: 'der' }));
}

function ekCertificate(maker: Made, publicKey: KeyObject): Uint8Array {
  return certificate({
    issuer: maker,
    signingKey: maker.key,
    subject: new Uint8Array([0x30, 0]),
    spki: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
    extensions: [usageExtension(0x08), purposeExtension(EK_PURPOSE), nameExtension(tpmNames())],
  }).der;
}
