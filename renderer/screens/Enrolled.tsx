import type { ReactNode } from 'react';
import type { SelfDevice } from '../../contract/device.ts';
import { enrolledScreen } from '../../contract/enrolledScreen.ts';
import { shortIdentifier } from '../../contract/shortIdentifier.ts';
import { AssuranceBadge, AssuranceReasons, EkClassBadge } from '../../ui/Assurance.tsx';
import { useApprovalReason } from '../../ui/approvalReason.ts';
import { Button } from '../../ui/Button.tsx';
import { CeremonyCode } from '../../ui/CeremonyCode.tsx';
import { Fact, Facts, Fold } from '../../ui/Facts.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { Screen } from '../Screen.tsx';
import { useWindowText } from '../text.ts';
import type { Call } from '../useLink.ts';

type Props = { device: SelfDevice; call: Call; checking: boolean; proving: boolean };

export function Enrolled(props: Props) {
  const screen = enrolledScreen(props.device);
  switch (screen) {
    case 'waiting':
      return <Waiting {...props} />;
    case 'approved':
      return <Approved {...props} />;
    case 'refused':
      return <Refused {...props} />;
    case 'quarantined':
    case 'conflict':
      return <Held {...props} screen={screen} />;
    case 'deleted':
      return <Deleted {...props} />;
    default:
      return screen satisfies never;
  }
}

function Waiting({ device, call, checking }: Props) {
  const t = useWindowText();
  return (
    <Screen
      icon="clock"
      tone="wait"
      title={t('waiting.title')}
      text={<p>{t('waiting.text', { team: device.team })}</p>}
      actions={<CheckNow call={call} checking={checking} />}
    >
      {device.ceremonyCode && (
        <div className="card code-card">
          <p className="soft">{t('waiting.codeLabel')}</p>
          <CeremonyCode code={device.ceremonyCode} />
        </div>
      )}
      {device.approvers !== undefined && (
        <p className="promise promise-start">
          <Icon name={device.approvers === 0 ? 'warning' : 'info'} />
          <span>{device.approvers === 0 ? t('waiting.nobody') : t('waiting.told', { count: device.approvers })}</span>
        </p>
      )}
      <DeviceFacts device={device} />
    </Screen>
  );
}

function Approved({ device, call, checking, proving }: Props) {
  const t = useWindowText();
  const { assurance } = device;
  const missing = assurance.level === 'normal' ? assurance.reasons.filter((reason) => !reason.supports) : [];
  const demoTpm = assurance.reasons.some((reason) => reason.code === 'demo-software-tpm');
  const meaning = assurance.level === 'normal' ? 'approved.normal' : demoTpm ? 'approved.highDemo' : 'approved.high';
  return (
    <Screen
      icon="check"
      tone="good"
      title={t('approved.title')}
      text={<p>{t('approved.text', { team: device.team })}</p>}
      actions={
        <>
          {device.attestation !== 'valid' && (
            <Button look="primary" wide busy={proving} onClick={() => void call('reattest', {})}>
              {t('approved.prove')}
            </Button>
          )}
          <CheckNow call={call} checking={checking} />
        </>
      }
    >
      <section className="card assurance" aria-label={t('fact.assurance')}>
        <div className="assurance-head">
          <AssuranceBadge level={assurance.level} />
          <EkClassBadge ekClass={device.ekClass} />
        </div>
        <p>{t(meaning)}</p>
        {missing.length > 0 && <AssuranceReasons reasons={missing} label={t('approved.missing')} />}
        <Fold title={t('approved.why')}>
          <AssuranceReasons reasons={assurance.reasons} label={t('approved.why')} />
        </Fold>
      </section>
      <DeviceFacts device={device} />
    </Screen>
  );
}

function Refused({ device, call, checking }: Props) {
  const t = useWindowText();
  const reasonText = useApprovalReason();
  return (
    <Screen
      icon="cross"
      tone="bad"
      title={t('refused.title')}
      text={<p>{t('refused.text', { team: device.team })}</p>}
      actions={<CheckNow call={call} checking={checking} />}
    >
      <div className="card quote">
        <p className="soft">{t('refused.reason')}</p>
        {device.approvalReason ? (
          <blockquote>{reasonText(device.approvalReason)}</blockquote>
        ) : (
          <p>{t('refused.noReason')}</p>
        )}
      </div>
      <p className="next">{t('refused.next')}</p>
      <DeviceFacts device={device} />
    </Screen>
  );
}

function Held({ device, call, checking, screen }: Props & { screen: 'quarantined' | 'conflict' }) {
  const t = useWindowText();
  return (
    <Screen
      icon={screen === 'conflict' ? 'split' : 'pause'}
      tone="wait"
      title={t(`${screen}.title`)}
      text={<p>{t(`${screen}.text`, { team: device.team })}</p>}
      actions={<CheckNow call={call} checking={checking} />}
    >
      <p className="next">{t(`${screen}.next`)}</p>
      <DeviceFacts device={device} />
    </Screen>
  );
}

function Deleted({ device, call }: Props) {
  const t = useWindowText();
  return (
    <Screen
      icon="trash"
      tone="bad"
      title={t('deleted.title')}
      text={<p>{t('deleted.text', { team: device.team })}</p>}
      actions={
        <Button look="secondary" wide onClick={() => void call('signOut', {})}>
          {t('deleted.enrolAgain')}
        </Button>
      }
    >
      <p className="next">{t('deleted.next')}</p>
      <DeviceFacts device={device} />
    </Screen>
  );
}

/** What a person may be asked for: name, short identifier, owner. */
function DeviceFacts({ device }: { device: SelfDevice }): ReactNode {
  const t = useWindowText();
  return (
    <Facts>
      <Fact name={t('fact.device')} icon="laptop">
        <bdi>{device.name}</bdi>
      </Fact>
      <Fact name={t('fact.shortIdentifier')} icon="key">
        <bdi className="mono">{shortIdentifier(device.permanentIdentifier)}</bdi>
      </Fact>
      {device.owner && (
        <Fact name={t('fact.owner')} icon="person" note={device.owner.displayName ? device.owner.email : undefined}>
          <bdi>{device.owner.displayName ?? device.owner.email}</bdi>
        </Fact>
      )}
    </Facts>
  );
}

function CheckNow({ call, checking }: { call: Call; checking: boolean }) {
  const t = useWindowText();
  return (
    <Button look="secondary" wide icon="refresh" busy={checking} onClick={() => void call('refresh', {})}>
      {t('waiting.check')}
    </Button>
  );
}
