import type { ApprovalRule } from '../../contract/settings.ts';
import type { ConsoleText } from '../text.ts';

export const CONDITIONS = ['sources', 'os', 'ownership', 'ekClasses', 'emailDomains', 'tags'] as const;
export type Condition = (typeof CONDITIONS)[number];

const valueText = (condition: Condition, value: string, t: ConsoleText): string => {
  if (condition === 'ownership') return t(value === 'company' ? 'device.ownershipCompany' : 'device.ownershipPersonal');
  if (condition !== 'ekClasses') return value;
  return t(`ekClass.${value as NonNullable<ApprovalRule['when']['ekClasses']>[number]}`);
};

/** What a rule asks for, one sentence for each condition. Every one must hold. */
export function conditionTexts(
  { when }: ApprovalRule,
  t: ConsoleText,
  list: (items: readonly string[]) => string,
): string[] {
  return CONDITIONS.flatMap((condition) => {
    const values = when[condition];
    if (!values) return [];
    return [t(`rules.when.${condition}`, { values: list(values.map((value) => valueText(condition, value, t))) })];
  });
}

/** Classes that only a known maker's chip has: everything else that a rule looks at, a device or its owner's word could say. */
const PROVEN = ['hardware', 'firmware', 'virtual'];

/** Whether a rule approves by nothing but what devices say of themselves. */
export const restsOnClaims = ({ when }: ApprovalRule): boolean =>
  !when.ekClasses?.every((one) => PROVEN.includes(one)) && !when.sources && !when.emailDomains;

/** The rule without conditions that name nothing; null where none is left. */
export function completeRule(name: string, when: { [C in Condition]: readonly string[] }): ApprovalRule | null {
  const named = Object.fromEntries(Object.entries(when).filter(([, values]) => values.length > 0));
  if (name.trim() === '' || Object.keys(named).length === 0) return null;
  return { name: name.trim(), when: named } as ApprovalRule;
}
