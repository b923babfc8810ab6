import type {
  Approval,
  Assurance,
  AssuranceReason,
  AttestationState,
  EkClass,
  Lifecycle,
  TeamSettings,
} from '../../contract/index.ts';

export type AssuranceFacts = {
  approval: Approval;
  lifecycle: Lifecycle;
  attestation: AttestationState;
  ekClass: EkClass;
  ownerBound: boolean;
  shared: boolean;
  /** Whether what is known of the identity is only a claim under a key (a Mac without Apple's attestation). */
  claimOnly: boolean;
  /** Whether Apple attested it, rather than a TPM. */
  apple?: boolean;
  secureBoot: 'on' | 'off' | 'unknown';
};

export type AssurancePolicy = Pick<TeamSettings, 'acceptedClasses' | 'acceptSoftwareTpm' | 'secureBootRequired'> & {
  /** Whether the store is stamped as a demo: nowhere else is a software TPM accepted. */
  demo: boolean;
};

type Code = AssuranceReason['code'];

const CLASS_WORDS: Record<EkClass, string> = {
  hardware: 'a hardware TPM with a verified certificate of its maker',
  firmware: 'a firmware TPM with a verified certificate of its maker',
  virtual: 'a virtual TPM, whose host could copy it',
  software: 'a software TPM, which protects nothing against the machine itself',
  'unknown-root': 'a TPM whose certificate leads to no maker that this inventory trusts',
  absent: 'a TPM without a certificate of its maker',
};

/** Derives the assurance from the facts: `high` exactly where every reason supports it. Never stored. */
export function deriveAssurance(facts: AssuranceFacts, policy: AssurancePolicy): Assurance {
  const reasons: AssuranceReason[] = [];
  const reason = (code: Code, supports: boolean, text: string) => reasons.push({ code, supports, text });

  if (facts.approval === 'approved')
    reason('approved', true, 'An administrator or the policy of its source approved it.');
  else if (facts.approval === 'refused') reason('not-approved', false, 'An administrator refused it.');
  else reason('not-approved', false, 'It waits for the approval of an administrator.');

  if (facts.ownerBound) reason('owner-bound', true, 'It is bound to a person.');
  else if (facts.shared) reason('shared', true, 'It is a shared device, which needs no owner.');
  else reason('no-owner', false, 'It is bound to no person and not marked as shared.');

  if (facts.lifecycle === 'active') reason('active', true, 'It is active.');
  else if (facts.lifecycle === 'quarantined') reason('not-active', false, 'It is quarantined.');
  else reason('not-active', false, 'It was removed from the inventory.');

  addAttestation(facts, reason);
  if (facts.attestation !== 'none' && !facts.claimOnly) addClass(facts, policy, reason);
  if (policy.secureBootRequired && facts.secureBoot !== 'on') {
    reason('secure-boot-required', false, 'The policy asks for Secure Boot, and it is not shown to be on.');
  } else if (facts.secureBoot === 'off') {
    reason('secure-boot-off', true, 'Secure Boot is off; the policy does not ask for it.');
  }
  return { level: reasons.every((r) => r.supports) ? 'high' : 'normal', reasons };
}

function addAttestation(facts: AssuranceFacts, reason: (code: Code, supports: boolean, text: string) => void): void {
  if (facts.claimOnly) {
    reason('apple-claim-only', false, 'Its serial number is only claimed under a key; Apple has not attested it.');
    return;
  }
  switch (facts.attestation) {
    case 'valid':
      reason(
        'attestation-valid',
        true,
        facts.apple ? 'Apple proved the identity.' : 'Its security chip proved the identity.',
      );
      return;
    case 'none':
      reason('attestation-none', false, 'It has not attested yet.');
      return;
    case 'stale':
      reason('attestation-stale', false, 'Its last attestation is too old.');
      return;
    case 'failed':
      reason('attestation-failed', false, 'Its last attestation failed.');
      return;
    default:
      facts.attestation satisfies never;
  }
}

function addClass(
  facts: AssuranceFacts,
  policy: AssurancePolicy,
  reason: (code: Code, supports: boolean, text: string) => void,
): void {
  const words = facts.apple ? 'hardware that Apple attested' : CLASS_WORDS[facts.ekClass];
  if (facts.ekClass === 'software') {
    // Not through acceptedClasses: no setting of a real inventory may raise a software TPM.
    if (policy.demo && policy.acceptSoftwareTpm) {
      reason('demo-software-tpm', true, `It has ${words}; accepted only because this is a demo.`);
    } else {
      reason('class-not-accepted', false, `It has ${words}.`);
    }
    return;
  }
  const accepted = (policy.acceptedClasses as readonly EkClass[]).includes(facts.ekClass);
  reason(accepted ? 'class-accepted' : 'class-not-accepted', accepted, `It has ${words}.`);
}

/** The attestation as it stands at `now`: valid ones grow stale. */
export function attestationState(
  stored: 'none' | 'valid' | 'failed',
  attestedAt: number | null,
  maxAgeDays: number,
  now: number,
): AttestationState {
  if (stored !== 'valid') return stored;
  return attestedAt !== null && now - attestedAt > maxAgeDays * 86_400_000 ? 'stale' : 'valid';
}
