import {
  type ApprovalRule,
  approvalReason,
  type EkClass,
  type Source,
  type TeamSettings,
} from '../../contract/index.ts';

/** What policy looks at when a device comes in. `email` is the owner's address. */
export type Arrival = {
  source: Source;
  email: string | null;
  shared: boolean;
  os: string | null;
  ownership: 'company' | 'personal' | null;
  ekClass: EkClass;
  tags: readonly string[];
};

export type Admission =
  | { kind: 'not-allowed' }
  | { kind: 'pending'; why: 'approval-needed' | 'owner-missing' }
  | { kind: 'approved'; by: 'source' | 'rule'; reason: string };

/**
 * What becomes of a device that the inventory has not seen: its way in may be closed; without the owner that the way in requires it
 * waits whatever else holds; then the policy of the source decides, then the rules on attributes.
 */
export function admit(settings: Pick<TeamSettings, 'sources' | 'approvalRules'>, arrival: Arrival): Admission {
  const policy = settings.sources[arrival.source];
  if (!policy.allowed) return { kind: 'not-allowed' };
  if (policy.userBindingRequired && arrival.email === null && !arrival.shared) {
    return { kind: 'pending', why: 'owner-missing' };
  }
  if (policy.autoApproved) {
    return { kind: 'approved', by: 'source', reason: approvalReason('by-source', { source: arrival.source }) };
  }
  const rule = settings.approvalRules.find((candidate) => matches(candidate, arrival));
  if (rule) return { kind: 'approved', by: 'rule', reason: approvalReason('by-rule', { rule: rule.name }) };
  return { kind: 'pending', why: 'approval-needed' };
}

/** Every condition that the rule names must hold; a list holds where one of its values does. */
function matches(rule: ApprovalRule, arrival: Arrival): boolean {
  const { when } = rule;
  const holds = <T>(list: readonly T[] | undefined, value: T | null) =>
    list === undefined || (value !== null && list.includes(value));
  const domain = arrival.email?.slice(arrival.email.lastIndexOf('@') + 1).toLowerCase() ?? null;
  return (
    holds(when.sources, arrival.source) &&
    holds<string>(when.os, arrival.os) &&
    holds(when.ownership, arrival.ownership) &&
    holds(when.ekClasses, arrival.ekClass) &&
    holds(
      when.emailDomains?.map((text) => text.toLowerCase()),
      domain,
    ) &&
    (when.tags === undefined || when.tags.some((tag) => arrival.tags.includes(tag)))
  );
}
