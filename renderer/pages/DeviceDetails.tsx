import { useState } from 'react';
import type { SelfDevice } from '../../contract/device.ts';
import { shortIdentifier } from '../../contract/shortIdentifier.ts';
import { AssuranceBadge, AssuranceReasons, EkClassBadge } from '../../ui/Assurance.tsx';
import { Button } from '../../ui/Button.tsx';
import { CopyButton } from '../../ui/Copy.tsx';
import { Fact, Facts } from '../../ui/Facts.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { ApprovalBadge, AttestationBadge, LifecycleBadge } from '../../ui/StatusBadges.tsx';
import { Page } from '../Screen.tsx';
import { useWindowText } from '../text.ts';
import type { Call } from '../useLink.ts';

export function DeviceDetails(props: { device: SelfDevice | null; call: Call; proving: boolean; failed: boolean }) {
  const t = useWindowText();
  const { device, call } = props;
  const [proven, setProven] = useState(false);
  if (!device) {
    return (
      <Page title={t('details.title')}>
        <p>{t('details.none')}</p>
      </Page>
    );
  }
  const prove = async (): Promise<void> => {
    setProven(false);
    setProven((await call('reattest', {})) !== undefined);
  };
  return (
    <Page title={t('details.title')}>
      <Facts>
        <Fact name={t('fact.device')}>
          <bdi>{device.name}</bdi>
        </Fact>
        <Fact name={t('fact.team')}>{device.team}</Fact>
        <Fact name={t('fact.owner')} note={device.owner?.displayName ? device.owner.email : undefined}>
          {device.owner ? <bdi>{device.owner.displayName ?? device.owner.email}</bdi> : t('value.none')}
        </Fact>
        <Fact name={t('fact.source')}>{device.source}</Fact>
      </Facts>
      <Facts>
        <Fact name={t('fact.approval')}>
          <ApprovalBadge approval={device.approval} />
        </Fact>
        <Fact name={t('fact.attestation')}>
          <AttestationBadge attestation={device.attestation} />
        </Fact>
        <Fact name={t('fact.lifecycle')}>
          <LifecycleBadge lifecycle={device.lifecycle} />
        </Fact>
        <Fact name={t('fact.assurance')}>
          <AssuranceBadge level={device.assurance.level} />
        </Fact>
      </Facts>
      <section className="card assurance" aria-label={t('assurance.reasons')}>
        <h2>{t('assurance.reasons')}</h2>
        <AssuranceReasons reasons={device.assurance.reasons} label={t('assurance.reasons')} />
      </section>
      <Facts>
        <Fact name={t('fact.ekClass')}>
          <EkClassBadge ekClass={device.ekClass} />
        </Fact>
        <Fact name={t('fact.ekCertificate')}>{t(`ekCertificate.${device.ekCertificate}`)}</Fact>
        <Fact name={t('fact.enrolledAt')}>
          {device.enrolledAt ? <RelativeTime at={device.enrolledAt} /> : t('value.unknown')}
        </Fact>
        <Fact name={t('fact.attestedAt')}>
          {device.attestedAt ? <RelativeTime at={device.attestedAt} /> : t('value.none')}
        </Fact>
        <Fact name={t('fact.shortIdentifier')}>
          <bdi className="mono">{shortIdentifier(device.permanentIdentifier)}</bdi>
        </Fact>
        <Fact name={t('fact.permanentIdentifier')} stacked>
          <bdi className="mono">{device.permanentIdentifier}</bdi>
          <CopyButton text={device.permanentIdentifier} />
        </Fact>
      </Facts>
      {device.lifecycle !== 'deleted' && (
        <div className="actions">
          <p className="promise">{t('details.proveNote')}</p>
          <Button wide icon="refresh" busy={props.proving} onClick={() => void prove()}>
            {t('details.prove')}
          </Button>
          <p role="status" className="promise">
            {proven && !props.failed ? t('details.proveDone') : ''}
          </p>
        </div>
      )}
    </Page>
  );
}
