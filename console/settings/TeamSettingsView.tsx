import { useCallback, useEffect, useState } from 'react';
import type { SettingsChange } from '../../contract/administration.ts';
import type { ProvableClass } from '../../contract/device.ts';
import type { TeamSettings } from '../../contract/settings.ts';
import { Button } from '../../ui/Button.tsx';
import { Fact, Facts } from '../../ui/Facts.tsx';
import { useFormat } from '../../ui/I18n.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { type ConsoleProblem, problemOf } from '../api/client.ts';
import { mayAdminister, useConsole } from '../Console.tsx';
import { EK_CLASSES } from '../devices/ekClass.ts';
import { ChoiceGroup, LinesField, Section, SelectField, SwitchField, TextField } from '../fields.tsx';
import { useAction } from '../lists.tsx';
import { hrefOf } from '../route.ts';
import { useConsoleText } from '../text.ts';
import { Loading, ProblemNotice, View } from '../View.tsx';
import { consequencesOf } from './consequences.ts';
import { RulesEditor } from './RulesEditor.tsx';
import { SaveDialog } from './SaveDialog.tsx';
import { SourceTable } from './SourceTable.tsx';
import { changesOf, numberOrNull } from './settingsDraft.ts';

export function TeamSettingsView() {
  const t = useConsoleText();
  const { api, session, announce, generation, checkSession } = useConsole();
  const [saved, setSaved] = useState<TeamSettings | null>(null);
  const [draft, setDraft] = useState<TeamSettings | null>(null);
  const [waiting, setWaiting] = useState(0);
  const [problem, setProblem] = useState<ConsoleProblem | null>(null);
  const action = useAction();
  const format = useFormat();
  const [reviewing, setReviewing] = useState(false);
  const load = useCallback(async () => {
    setProblem(null);
    try {
      const { settings } = await api.settings();
      setSaved(settings);
      // What is being edited stays, even where the stream was interrupted meanwhile.
      setDraft((before) => before ?? settings);
    } catch (thrown) {
      setProblem(problemOf(thrown));
    }
  }, [api]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new generation means that something may have been missed
  useEffect(() => {
    void load();
  }, [load, generation]);
  const change = saved && draft ? changesOf(saved, draft) : null;
  const save = (fields: SettingsChange): void =>
    action.run(async () => {
      const answer = await api.changeSettings(fields);
      setSaved(answer.settings);
      setDraft(answer.settings);
      setWaiting(answer.waiting);
      announce(t('settings.saved'));
      checkSession();
    });
  return (
    <View title={t('settings.title')} text={t('settings.text')}>
      {problem && <ProblemNotice problem={problem} retry={() => void load()} />}
      {action.problem && <ProblemNotice problem={action.problem} dismiss={action.dismiss} />}
      {waiting > 0 && (
        <section className="banner tone-wait" role="status">
          <Icon name="clock" />
          <div className="banner-body">
            <p>{t('settings.stillWaiting', { count: waiting })}</p>
            <p>
              <a href={hrefOf({ name: 'pending' })}>{t('settings.toPending')}</a>
            </p>
          </div>
        </section>
      )}
      {!mayAdminister(session) && <p className="banner tone-neutral">{t('settings.readOnly')}</p>}
      {draft ? (
        <SettingsForm
          draft={draft}
          demo={session.demo}
          disabled={!mayAdminister(session)}
          change={(fields) => setDraft({ ...draft, ...fields })}
        />
      ) : (
        !problem && <Loading />
      )}
      {change && (
        <div className="save-bar">
          <span role="status">{t('settings.unsaved')}</span>
          <Button onClick={() => setDraft(saved)}>{t('action.discard')}</Button>
          <Button look="primary" busy={action.busy} onClick={() => setReviewing(true)}>
            {t('save.review')}
          </Button>
        </div>
      )}
      {reviewing && saved && draft && change && (
        <SaveDialog
          consequences={consequencesOf(saved, draft, { t, list: format.list })}
          close={() => setReviewing(false)}
          save={() => {
            setReviewing(false);
            save(change);
          }}
        />
      )}
    </View>
  );
}

/** Those that a team may let count: the others hold no chain to a known maker. */
const PROVABLE: readonly ProvableClass[] = ['hardware', 'firmware', 'virtual'];

type FormProps = {
  draft: TeamSettings;
  demo: boolean;
  disabled: boolean;
  change: (fields: Partial<TeamSettings>) => void;
};

function SettingsForm({ draft, demo, disabled, change }: FormProps) {
  const t = useConsoleText();
  const provable = PROVABLE.map((one) => [one, t(`ekClass.${one}`)] as const);
  const classes = EK_CLASSES.map((one) => [one, t(`ekClass.${one}`)] as const);
  const onLeave = (['keep', 'quarantine', 'block'] as const).map((one) => [one, t(`settings.leave.${one}`)] as const);
  return (
    <>
      <Section title={t('settings.enrolment')}>
        <TextField
          label={t('settings.teamName')}
          value={draft.name}
          disabled={disabled}
          change={(name) => change({ name })}
        />
        <SwitchField
          label={t('settings.selfEnrolment')}
          note={t('settings.selfEnrolmentNote')}
          checked={draft.selfEnrolment}
          disabled={disabled}
          change={(selfEnrolment) => change({ selfEnrolment })}
        />
        <LinesField
          label={t('settings.allowedDomains')}
          note={t('settings.allowedDomainsNote')}
          value={draft.allowedDomains}
          disabled={disabled}
          change={(allowedDomains) => change({ allowedDomains })}
        />
        <TextField
          label={t('settings.deviceLimit')}
          note={t('settings.deviceLimitNote')}
          type="number"
          min={1}
          max={10_000}
          value={draft.deviceLimit === null ? '' : String(draft.deviceLimit)}
          disabled={disabled}
          change={(text) => change({ deviceLimit: numberOrNull(text) })}
        />
        <TextField
          label={t('settings.inviteDays')}
          type="number"
          min={1}
          max={30}
          value={String(draft.inviteDays)}
          disabled={disabled}
          change={(text) => change({ inviteDays: numberOrNull(text) ?? 1 })}
        />
      </Section>
      <Section title={t('settings.sources')} note={t('settings.sourcesNote')}>
        <SourceTable sources={draft.sources} disabled={disabled} change={(sources) => change({ sources })} />
      </Section>
      <Section title={t('settings.rules')} note={t('settings.rulesNote')}>
        <RulesEditor
          rules={draft.approvalRules}
          disabled={disabled}
          change={(approvalRules) => change({ approvalRules })}
        />
      </Section>
      <Section title={t('settings.decisions')}>
        <SwitchField
          label={t('settings.selfApprovalForbidden')}
          note={t('settings.selfApprovalNote')}
          checked={draft.selfApprovalForbidden}
          disabled={disabled}
          change={(selfApprovalForbidden) => change({ selfApprovalForbidden })}
        />
      </Section>
      <Section title={t('settings.attestation')}>
        <ChoiceGroup
          label={t('settings.acceptedClasses')}
          note={t('settings.acceptedNote')}
          options={provable}
          chosen={draft.acceptedClasses}
          disabled={disabled}
          change={(acceptedClasses) => change({ acceptedClasses })}
        />
        <ChoiceGroup
          label={t('settings.refusedClasses')}
          options={classes}
          chosen={draft.refusedClasses}
          disabled={disabled}
          change={(refusedClasses) => change({ refusedClasses })}
        />
        {demo && (
          <Facts>
            <Fact name={t('settings.acceptSoftware')}>{draft.acceptSoftwareTpm ? t('value.yes') : t('value.no')}</Fact>
          </Facts>
        )}
        <SwitchField
          label={t('settings.secureBoot')}
          checked={draft.secureBootRequired}
          disabled={disabled}
          change={(secureBootRequired) => change({ secureBootRequired })}
        />
        <TextField
          label={t('settings.maxAge')}
          type="number"
          min={1}
          max={3650}
          value={String(draft.attestationMaxAgeDays)}
          disabled={disabled}
          change={(text) => change({ attestationMaxAgeDays: numberOrNull(text) ?? 1 })}
        />
        <SwitchField
          label={t('settings.reinstall')}
          note={t('settings.reinstallNote')}
          checked={draft.reinstallKeepsApproval}
          disabled={disabled}
          change={(reinstallKeepsApproval) => change({ reinstallKeepsApproval })}
        />
      </Section>
      <Section title={t('settings.leaving')}>
        <SelectField
          label={t('settings.onPersonLeaves')}
          value={draft.onPersonLeaves}
          options={onLeave}
          disabled={disabled}
          change={(onPersonLeaves) => change({ onPersonLeaves })}
        />
        <SelectField
          label={t('settings.onTokenMakerLeaves')}
          value={draft.onTokenMakerLeaves}
          options={(['keep', 'revoke'] as const).map((one) => [one, t(`settings.tokens.${one}`)] as const)}
          disabled={disabled}
          change={(onTokenMakerLeaves) => change({ onTokenMakerLeaves })}
        />
        <SelectField
          label={t('settings.onDeviceGone')}
          value={draft.onDeviceGoneFromMdm}
          options={(['keep', 'quarantine'] as const).map((one) => [one, t(`settings.gone.${one}`)] as const)}
          disabled={disabled}
          change={(onDeviceGoneFromMdm) => change({ onDeviceGoneFromMdm })}
        />
      </Section>
    </>
  );
}
