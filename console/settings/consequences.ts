import type { Source } from '../../contract/device.ts';
import type { SourcePolicy, TeamSettings } from '../../contract/settings.ts';
import type { ConsoleText } from '../text.ts';
import { conditionTexts, restsOnClaims } from './rules.ts';

/** `care` where a change lets more in or shuts someone out at once. */
export type Consequence = { text: string; care: boolean };
type List = (items: readonly string[]) => string;
type Told = { t: ConsoleText; list: List };

/** What a change of Team Settings does, in plain words, in the order of the form. Empty where nothing changes. */
export function consequencesOf(before: TeamSettings, after: TeamSettings, told: Told): Consequence[] {
  return [
    ...enrolment(before, after, told),
    ...sources(before, after, told),
    ...rules(before, after, told),
    ...decisions(before, after, told),
    ...attestation(before, after, told),
    ...leaving(before, after, told),
  ];
}

const calm = (text: string): Consequence => ({ text, care: false });
const care = (text: string): Consequence => ({ text, care: true });
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function* enrolment(before: TeamSettings, after: TeamSettings, { t, list }: Told): Generator<Consequence> {
  if (before.name !== after.name) yield calm(t('effect.name', { name: after.name }));
  if (before.selfEnrolment !== after.selfEnrolment) {
    if (!after.selfEnrolment) yield calm(t('effect.selfEnrolment.off'));
    else if (after.allowedDomains.length > 0) yield care(t('effect.selfEnrolment.on'));
    else yield care(`${t('effect.selfEnrolment.on')} ${t('effect.anyDomain')}`);
  }
  if (!same(before.allowedDomains, after.allowedDomains)) {
    const { allowedDomains } = after;
    yield care(
      allowedDomains.length === 0
        ? t('effect.domains.any')
        : t('effect.domains.only', { domains: list(allowedDomains) }),
    );
  }
  if (before.deviceLimit !== after.deviceLimit) {
    yield calm(
      after.deviceLimit === null ? t('effect.limit.none') : t('effect.limit.some', { count: after.deviceLimit }),
    );
  }
  if (before.inviteDays !== after.inviteDays) yield calm(t('effect.inviteDays', { count: after.inviteDays }));
}

const FIELDS = [
  'allowed',
  'autoApproved',
  'userBindingRequired',
  'bindingKeepsApproval',
] as const satisfies readonly (keyof SourcePolicy)[];
/** Which direction lets more in. */
const LOOSER = { allowed: true, autoApproved: true, userBindingRequired: false, bindingKeepsApproval: true } as const;

function* sources(before: TeamSettings, after: TeamSettings, { t }: Told): Generator<Consequence> {
  for (const source of Object.keys(after.sources) as Source[]) {
    for (const field of FIELDS) {
      const now = after.sources[source][field] ?? false;
      if ((before.sources[source][field] ?? false) === now) continue;
      const text = t(`effect.${field}.${now ? 'on' : 'off'}`, { source });
      yield now === LOOSER[field] ? care(text) : calm(text);
    }
  }
}

function* rules(before: TeamSettings, after: TeamSettings, { t, list }: Told): Generator<Consequence> {
  if (same(before.approvalRules, after.approvalRules)) return;
  for (const rule of after.approvalRules) {
    if (before.approvalRules.some((one) => same(one, rule))) continue;
    const text = t('effect.rule.new', { name: rule.name, when: conditionTexts(rule, t, list).join('; ') });
    yield care(restsOnClaims(rule) ? `${text} ${t('rules.claimsOnly')}` : text);
  }
  for (const rule of before.approvalRules) {
    if (after.approvalRules.some((one) => one.name === rule.name)) continue;
    yield calm(t('effect.rule.gone', { name: rule.name }));
  }
}

function* decisions(before: TeamSettings, after: TeamSettings, { t }: Told): Generator<Consequence> {
  if (before.selfApprovalForbidden === after.selfApprovalForbidden) return;
  yield after.selfApprovalForbidden ? calm(t('effect.fourEyes.on')) : care(t('effect.fourEyes.off'));
}

function* attestation(before: TeamSettings, after: TeamSettings, { t }: Told): Generator<Consequence> {
  for (const one of after.acceptedClasses) {
    if (!before.acceptedClasses.includes(one)) yield care(t('effect.accepted.on', { kind: t(`ekClass.${one}`) }));
  }
  for (const one of before.acceptedClasses) {
    if (!after.acceptedClasses.includes(one)) yield care(t('effect.accepted.off', { kind: t(`ekClass.${one}`) }));
  }
  for (const one of after.refusedClasses) {
    if (!before.refusedClasses.includes(one)) yield care(t('effect.refused.on', { kind: t(`ekClass.${one}`) }));
  }
  for (const one of before.refusedClasses) {
    if (!after.refusedClasses.includes(one)) yield care(t('effect.refused.off', { kind: t(`ekClass.${one}`) }));
  }
  if (before.secureBootRequired !== after.secureBootRequired) {
    yield care(t(after.secureBootRequired ? 'effect.secureBoot.on' : 'effect.secureBoot.off'));
  }
  if (before.attestationMaxAgeDays !== after.attestationMaxAgeDays) {
    const text = t('effect.maxAge', { count: after.attestationMaxAgeDays });
    yield after.attestationMaxAgeDays < before.attestationMaxAgeDays ? care(text) : calm(text);
  }
  if (before.reinstallKeepsApproval !== after.reinstallKeepsApproval) {
    yield after.reinstallKeepsApproval ? care(t('effect.reinstall.on')) : calm(t('effect.reinstall.off'));
  }
}

function* leaving(before: TeamSettings, after: TeamSettings, { t }: Told): Generator<Consequence> {
  if (before.onPersonLeaves !== after.onPersonLeaves) yield calm(t(`effect.leave.${after.onPersonLeaves}`));
  if (before.onTokenMakerLeaves !== after.onTokenMakerLeaves) {
    const text = t(`effect.tokens.${after.onTokenMakerLeaves}`);
    yield after.onTokenMakerLeaves === 'revoke' ? care(text) : calm(text);
  }
  if (before.onDeviceGoneFromMdm !== after.onDeviceGoneFromMdm)
    yield calm(t(`effect.gone.${after.onDeviceGoneFromMdm}`));
}
