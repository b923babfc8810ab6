import { useState } from 'react';
import type { ApprovalRule } from '../../contract/settings.ts';
import { Button } from '../../ui/Button.tsx';
import { useFormat } from '../../ui/I18n.tsx';
import { AskDialog } from '../AskDialog.tsx';
import { SOURCES } from '../devices/deviceFilters.tsx';
import { EK_CLASSES } from '../devices/ekClass.ts';
import { ChoiceGroup, LinesField, TextField } from '../fields.tsx';
import { useConsoleText } from '../text.ts';
import { completeRule, conditionTexts, restsOnClaims } from './rules.ts';

const SYSTEMS = ['Linux', 'Windows', 'macOS', 'iOS', 'tvOS', 'watchOS', 'visionOS'] as const;

/** The rules, each in plain words, and how to make, change, order and drop them. The first one that fits decides. */
export function RulesEditor(props: {
  rules: readonly ApprovalRule[];
  disabled: boolean;
  change: (rules: ApprovalRule[]) => void;
}) {
  const t = useConsoleText();
  const format = useFormat();
  const { rules, disabled } = props;
  const [editing, setEditing] = useState<number | null>(null);
  const put = (at: number, rule: ApprovalRule): void => {
    setEditing(null);
    props.change(at < rules.length ? rules.with(at, rule) : [...rules, rule]);
  };
  return (
    <>
      {rules.length === 0 && <p className="soft">{t('settings.noRules')}</p>}
      <ol className="rules">
        {rules.map((rule, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two rules may have one name; their place tells them apart
          <li key={at}>
            <div>
              <p className="rule-name">
                <bdi>{rule.name}</bdi>
              </p>
              <p>{t('rules.approves', { when: conditionTexts(rule, t, format.list).join('; ') })}</p>
              {restsOnClaims(rule) && <p className="field-note tone-text-wait">{t('rules.claimsOnly')}</p>}
            </div>
            {!disabled && (
              <div className="row-actions">
                <Button aria-label={t('rules.changeOf', { name: rule.name })} onClick={() => setEditing(at)}>
                  {t('rules.change')}
                </Button>
                <Button
                  aria-label={t('rules.dropOf', { name: rule.name })}
                  onClick={() => props.change(rules.filter((_, index) => index !== at))}
                >
                  {t('rules.drop')}
                </Button>
              </div>
            )}
          </li>
        ))}
      </ol>
      {!disabled && rules.length < 50 && (
        <div className="row-actions">
          <Button onClick={() => setEditing(rules.length)}>{t('rules.new')}</Button>
        </div>
      )}
      {editing !== null && (
        <RuleDialog rule={rules[editing] ?? null} close={() => setEditing(null)} put={(rule) => put(editing, rule)} />
      )}
    </>
  );
}

function RuleDialog(props: { rule: ApprovalRule | null; close: () => void; put: (rule: ApprovalRule) => void }) {
  const t = useConsoleText();
  const { rule } = props;
  const [name, setName] = useState(rule?.name ?? '');
  const [when, setWhen] = useState({
    sources: [...(rule?.when.sources ?? [])],
    os: [...(rule?.when.os ?? [])],
    ownership: [...(rule?.when.ownership ?? [])],
    ekClasses: [...(rule?.when.ekClasses ?? [])],
    emailDomains: [...(rule?.when.emailDomains ?? [])],
    tags: [...(rule?.when.tags ?? [])],
  });
  const [tried, setTried] = useState(false);
  const set = (fields: Partial<typeof when>): void => setWhen((before) => ({ ...before, ...fields }));
  const complete = completeRule(name, when);
  const confirm = (): void => {
    setTried(true);
    if (complete) props.put(complete);
  };
  return (
    <AskDialog
      title={rule ? t('rules.changeOf', { name: rule.name }) : t('rules.new')}
      confirm={t('rules.take')}
      close={props.close}
      run={confirm}
    >
      <p>{t('rules.text')}</p>
      <TextField
        first
        label={t('rules.name')}
        value={name}
        change={setName}
        fault={tried && name.trim() === '' ? t('tokens.nameMissing') : null}
      />
      {tried && name.trim() !== '' && !complete && (
        <p className="field-error" role="alert">
          {t('rules.conditionMissing')}
        </p>
      )}
      <ChoiceGroup
        label={t('rules.sources')}
        options={SOURCES.map((one) => [one, one])}
        chosen={when.sources}
        change={(sources) => set({ sources })}
        columns
      />
      <ChoiceGroup
        label={t('rules.ekClasses')}
        options={EK_CLASSES.map((one) => [one, t(`ekClass.${one}`)])}
        chosen={when.ekClasses}
        change={(ekClasses) => set({ ekClasses })}
        columns
      />
      <ChoiceGroup
        label={t('rules.os')}
        options={SYSTEMS.map((one) => [one, one])}
        chosen={when.os}
        change={(os) => set({ os })}
        columns
      />
      <ChoiceGroup
        label={t('rules.ownership')}
        options={[
          ['company', t('device.ownershipCompany')],
          ['personal', t('device.ownershipPersonal')],
        ]}
        chosen={when.ownership}
        change={(ownership) => set({ ownership })}
        columns
      />
      <LinesField
        label={t('rules.emailDomains')}
        note={t('rules.linesNote')}
        value={when.emailDomains}
        change={(emailDomains) => set({ emailDomains })}
      />
      <LinesField
        label={t('rules.tags')}
        note={t('rules.linesNote')}
        value={when.tags}
        change={(tags) => set({ tags })}
      />
    </AskDialog>
  );
}
