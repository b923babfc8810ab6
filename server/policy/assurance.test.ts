import { describe, expect, it } from 'vitest';
import { ProvableClass } from '../../contract/index.ts';
import { type AssuranceFacts, type AssurancePolicy, attestationState, deriveAssurance } from './assurance.ts';

const FACTS: AssuranceFacts = {
  approval: 'approved',
  lifecycle: 'active',
  attestation: 'valid',
  ekClass: 'hardware',
  ownerBound: true,
  shared: false,
  claimOnly: false,
  secureBoot: 'unknown',
};
const POLICY: AssurancePolicy = {
  acceptedClasses: ['hardware', 'firmware'],
  acceptSoftwareTpm: false,
  secureBootRequired: false,
  demo: false,
};

const against = (facts: Partial<AssuranceFacts>, policy: Partial<AssurancePolicy> = {}) => {
  const { level, reasons } = deriveAssurance({ ...FACTS, ...facts }, { ...POLICY, ...policy });
  return { level, limits: reasons.filter((r) => !r.supports).map((r) => r.code), codes: reasons.map((r) => r.code) };
};

describe('assurance', () => {
  it('is high where everything supports it', () => {
    expect(against({})).toEqual({
      level: 'high',
      limits: [],
      codes: ['approved', 'owner-bound', 'active', 'attestation-valid', 'class-accepted'],
    });
    expect(against({ ownerBound: false, shared: true })).toMatchObject({ level: 'high', limits: [] });
    expect(against({ ekClass: 'firmware' })).toMatchObject({ level: 'high' });
    expect(against({ secureBoot: 'off' })).toMatchObject({ level: 'high', limits: [] });
  });

  it.each([
    [{ approval: 'pending' }, {}, 'not-approved'],
    [{ approval: 'refused' }, {}, 'not-approved'],
    [{ ownerBound: false }, {}, 'no-owner'],
    [{ lifecycle: 'quarantined' }, {}, 'not-active'],
    [{ lifecycle: 'deleted' }, {}, 'not-active'],
    [{ attestation: 'none' }, {}, 'attestation-none'],
    [{ attestation: 'stale' }, {}, 'attestation-stale'],
    [{ attestation: 'failed' }, {}, 'attestation-failed'],
    [{ claimOnly: true }, {}, 'apple-claim-only'],
    [{ claimOnly: true, attestation: 'valid' }, { demo: true, acceptSoftwareTpm: true }, 'apple-claim-only'],
    [{ ekClass: 'virtual' }, {}, 'class-not-accepted'],
    [{ ekClass: 'absent' }, {}, 'class-not-accepted'],
    [{ ekClass: 'unknown-root' }, {}, 'class-not-accepted'],
    [{ ekClass: 'software' }, {}, 'class-not-accepted'],
    [{ secureBoot: 'off' }, { secureBootRequired: true }, 'secure-boot-required'],
    [{ secureBoot: 'unknown' }, { secureBootRequired: true }, 'secure-boot-required'],
  ] as const)('%o under %o is normal: %s', (facts, policy, code) => {
    expect(against(facts, policy)).toMatchObject({ level: 'normal', limits: [code] });
  });

  it('takes a software TPM for high in a demo that accepts it, and nowhere else', () => {
    for (const demo of [true, false]) {
      for (const acceptSoftwareTpm of [true, false]) {
        const result = against(
          { ekClass: 'software' },
          { demo, acceptSoftwareTpm, acceptedClasses: ProvableClass.options },
        );
        expect(result.level).toBe(demo && acceptSoftwareTpm ? 'high' : 'normal');
        expect(result.codes).toContain(demo && acceptSoftwareTpm ? 'demo-software-tpm' : 'class-not-accepted');
      }
    }
  });

  it('lets a valid attestation grow stale, and only that', () => {
    const day = 86_400_000;
    expect(attestationState('valid', 0, 90, 90 * day)).toBe('valid');
    expect(attestationState('valid', 0, 90, 90 * day + 1)).toBe('stale');
    expect(attestationState('failed', 0, 90, 900 * day)).toBe('failed');
    expect(attestationState('none', null, 90, 900 * day)).toBe('none');
  });
});
