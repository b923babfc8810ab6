import { describe, expect, it } from 'vitest';
import { aDevice } from '../contract/testing/fixtures.ts';
import { reattestationDue } from './reattest.ts';
import type { EnrollmentRecord } from './records.ts';

const now = new Date('2030-01-10T00:00:00Z');
const record = (change: object, tpm = true): EnrollmentRecord => ({
  version: 1,
  origin: 'https://a.example',
  team: 'A',
  permanentIdentifier: 'x',
  attestationKey: tpm
    ? { public: '', private: '', area: '', createData: '', createAttestation: '', createSignature: '', ek: '' }
    : null,
  akChain: [],
  deviceKey: { kind: 'claim', spki: '' },
  device: aDevice({ attestedAt: '2030-01-09T12:00:00Z', ...change }),
  seenAt: now.toISOString(),
});

describe('attesting again by itself', () => {
  it('is due after a day, or when the server says so', () => {
    expect(reattestationDue(record({}), now)).toBe(false);
    expect(reattestationDue(record({ attestedAt: '2030-01-08T00:00:00Z' }), now)).toBe(true);
    expect(reattestationDue(record({ attestation: 'stale' }), now)).toBe(true);
    expect(reattestationDue(record({ attestedAt: null }), now)).toBe(true);
  });

  it('is not for devices without a TPM, refused ones and removed ones', () => {
    expect(reattestationDue(record({ attestation: 'stale' }, false), now)).toBe(false);
    expect(reattestationDue(record({ attestation: 'stale', approval: 'refused' }), now)).toBe(false);
    expect(reattestationDue(record({ attestation: 'stale', lifecycle: 'deleted' }), now)).toBe(false);
  });
});
