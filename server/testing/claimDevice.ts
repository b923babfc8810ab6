import { generateKeyPairSync, sign } from 'node:crypto';
import { bindingDigest } from '../../attestation/index.ts';
import type { MachineReport } from '../../contract/index.ts';
import { thumbprintOf } from '../enrollment/tpmProof.ts';
import { type SignedRequest, signRequest } from './signedRequest.ts';

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** A machine without a TPM: a serial number claimed under a key. */
export function createClaimDevice(serial: string, name = 'mac') {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  const machine: MachineReport = {
    hostName: name,
    os: 'macOS',
    osVersion: '15.1',
    architecture: 'arm64',
    manufacturer: { value: 'Apple' },
    model: { value: 'Mac' },
    serial: { value: serial },
    hardwareUuid: { unavailable: 'not asked' },
    virtualMachine: 'no',
  };
  const none = new Uint8Array(0);
  return {
    urn: serial,
    spki,
    machine,
    body(binding: { origin: string; challenge: string; boundTo: string }) {
      const digestOf = bindingDigest('claim', {
        origin: binding.origin,
        challenge: Buffer.from(binding.challenge, 'base64'),
        grantThumbprint: binding.boundTo,
        permanentIdentifier: serial,
        akName: none,
        deviceKeyName: none,
      });
      return {
        kind: 'claim',
        machine,
        challenge: binding.challenge,
        deviceKey: { spki: base64(spki), protection: 'keychain' },
        signature: base64(sign('sha256', digestOf, { key: privateKey, dsaEncoding: 'ieee-p1363' })),
      };
    },
    sign: (request: SignedRequest) => signRequest(privateKey, thumbprintOf(spki), request),
  };
}
export type ClaimDevice = ReturnType<typeof createClaimDevice>;
