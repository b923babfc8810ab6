/** Reasons that the server gives by itself for an approval, a refusal or a wait, with a stable code. People write theirs in their own words.
 * Free of zod: the window bundles it. */
export const APPROVAL_REASONS = {
  'owner-left': 'Its owner left.',
  'owner-changed': 'The owner changed; the approval was for the former owner.',
  'owner-missing': 'Policy asks for an owner before devices from this source are approved.',
  'own-decision': 'It became the device of the person who decided on it: another administrator must look.',
  'bound-to-person': 'It was approved without an owner, and {owner} enrolled it.',
  'new-keys': 'It enrolled again with new keys.',
  'keys-revoked': 'Its keys were revoked, because a replaced one still signed.',
  'changed-hands': 'It changed hands; the new owner must enrol it.',
  'un-enrolled': 'It was un-enrolled.',
  'added-again': 'It was removed and added again.',
  'serial-of-refused': 'It carries the serial number of a device that was refused or removed.',
  'serial-held': 'Another record holds this serial number; an administrator must say whether this is the same device.',
  'another-device': 'It is another device than the one it claims to be.',
  'by-source': 'Devices from {source} are approved automatically.',
  'by-rule': 'Approved by the rule "{rule}".',
} as const;
export type ApprovalReasonCode = keyof typeof APPROVAL_REASONS;
export const APPROVAL_REASON_CODES = Object.keys(APPROVAL_REASONS) as [ApprovalReasonCode, ...ApprovalReasonCode[]];

type Values = Readonly<Record<string, string>>;

/** A sentence with its values filled in. */
export const fillReason = (sentence: string, values: Values): string =>
  sentence.replace(/\{(\w+)\}/g, (_all, name: string) => values[name] ?? '');

/** The sentence of an automatic reason, as it is stored and as scripts read it. */
export const approvalReason = (code: ApprovalReasonCode, values: Values = {}): string =>
  fillReason(APPROVAL_REASONS[code], values);

const PATTERNS = Object.entries(APPROVAL_REASONS).map(([code, sentence]) => {
  const escaped = sentence.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
  return [code as ApprovalReasonCode, new RegExp(`^${escaped.replace(/\{(\w+)\}/g, '(?<$1>.+)')}$`, 's')] as const;
});

/** The code of a stored reason and the values in it; null for what a person wrote. Rows from before there were codes have one too. */
export function readApprovalReason(text: string | null): { code: ApprovalReasonCode; values: Values } | null {
  if (text === null) return null;
  for (const [code, pattern] of PATTERNS) {
    const match = pattern.exec(text);
    if (match) return { code, values: { ...match.groups } };
  }
  return null;
}
