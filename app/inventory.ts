import type { z } from 'zod';
import {
  AttestResponse,
  Ceremony,
  type CeremonyRequest,
  Challenge,
  type EnrollmentRequest,
  EnrollmentResponse,
  Grant,
  SecretResponse,
  SelfDevice,
  ServerInfo,
  type TpmProof,
} from '../contract/index.ts';
import type { GrantKey } from './dpop.ts';
import type { Credential, Http } from './http.ts';
import type { DeviceSigner } from './signature.ts';

/** What signing in yields: a token bound to the ceremony's key, or IT's provisioning token with a proof beside it. */
export type SignInToken = { kind: 'dpop' | 'provisioning-token'; token: string };

export type AttestBody = {
  tpmInfo: { version: number; manufacturer: string; model: string; firmwareVersion: string };
  ek: string;
  ekCerts: string[];
  params: { public: string; createData: string; createAttestation: string; createSignature: string };
};

/** The server's API as the client uses it, one function for each request. */
export type Inventory = ReturnType<typeof createInventory>;

export function createInventory(http: Http, signal?: AbortSignal) {
  const device = (signer: DeviceSigner): Credential => ({ kind: 'device', signer });
  const granted = (key: GrantKey, grant: string): Credential => ({ kind: 'dpop', key, token: grant });
  return {
    origin: http.origin,
    server: () => http.json({ method: 'GET', path: '/api/v1/server', answer: ServerInfo, signal }),
    announce: (body: z.infer<typeof CeremonyRequest>) =>
      http.json({ method: 'POST', path: '/api/v1/ceremonies', body, answer: Ceremony, signal }),
    grant: (key: GrantKey, token: SignInToken, ceremonyId: string) =>
      http.json({
        method: 'POST',
        path: '/api/v1/grants',
        body: { ceremonyId },
        credential: { ...token, key },
        answer: Grant,
        signal,
      }),
    attest: (credential: Credential, body: AttestBody) =>
      http.json({ method: 'POST', path: '/attest', body, credential, answer: AttestResponse, signal }),
    secret: (credential: Credential, secret: string) =>
      http.json({ method: 'POST', path: '/secret', body: { secret }, credential, answer: SecretResponse, signal }),
    challenge: (credential: Credential) =>
      http.json({ method: 'POST', path: '/api/v1/challenges', body: {}, credential, answer: Challenge, signal }),
    enroll: (key: GrantKey, grant: string, body: EnrollmentRequest) =>
      http.json({
        method: 'POST',
        path: '/api/v1/enrollments',
        body,
        credential: granted(key, grant),
        answer: EnrollmentResponse,
        signal,
      }),
    self: (signer: DeviceSigner) =>
      http.json({ method: 'GET', path: '/api/v1/self', credential: device(signer), answer: SelfDevice, signal }),
    reattest: (signer: DeviceSigner, proof: TpmProof) =>
      http.json({
        method: 'POST',
        path: '/api/v1/self/attestations',
        body: { proof },
        credential: device(signer),
        answer: SelfDevice,
        signal,
      }),
    alias: (signer: DeviceSigner, body: { ek: string; ekCerts: string[] }) =>
      http.json({
        method: 'POST',
        path: '/api/v1/self/aliases',
        body,
        credential: device(signer),
        answer: AttestResponse,
        signal,
      }),
    aliasSecret: (signer: DeviceSigner, secret: string) =>
      http.json({
        method: 'POST',
        path: '/api/v1/self/aliases/secret',
        body: { secret },
        credential: device(signer),
        answer: SelfDevice,
        signal,
      }),
    unenroll: (signer: DeviceSigner) =>
      http.json({ method: 'DELETE', path: '/api/v1/self', credential: device(signer), answer: null, signal }),
    granted,
    device,
  };
}
