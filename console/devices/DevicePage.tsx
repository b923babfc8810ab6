import { useCallback, useEffect, useId, useState } from 'react';
import type { ConsoleEvent } from '../../contract/decisions.ts';
import type { Device } from '../../contract/device.ts';
import { shortIdentifier } from '../../contract/shortIdentifier.ts';
import { AssuranceBadge, AssuranceReasons, EkClassBadge } from '../../ui/Assurance.tsx';
import { useApprovalReason } from '../../ui/approvalReason.ts';
import { Button } from '../../ui/Button.tsx';
import { CeremonyCode } from '../../ui/CeremonyCode.tsx';
import { CopyButton } from '../../ui/Copy.tsx';
import { Fact, Facts } from '../../ui/Facts.tsx';
import { useFormat } from '../../ui/I18n.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { ApprovalBadge, AttestationBadge, LifecycleBadge } from '../../ui/StatusBadges.tsx';
import { ApiError, type ConsoleProblem, problemOf } from '../api/client.ts';
import { mayDecide, needsSomebodyElse, useConsole, useEvents } from '../Console.tsx';
import { OwnerText, systemOf } from '../DeviceName.tsx';
import { heldUp } from '../decide/heldUp.ts';
import { useDecide } from '../decide/useDecide.tsx';
import { hrefOf } from '../route.ts';
import { useConsoleText } from '../text.ts';
import { Empty, Loading, ProblemNotice, View } from '../View.tsx';
import { DeviceActions } from './DeviceActions.tsx';
import { EvidenceList } from './EvidenceList.tsx';
import { HistoryPanel } from './HistoryPanel.tsx';
import { Tags } from './Tags.tsx';

export function DevicePage({ id }: { id: string }) {
  const t = useConsoleText();
  const { api, generation } = useConsole();
  const [device, setDevice] = useState<Device | null>(null);
  const [problem, setProblem] = useState<ConsoleProblem | null>(null);
  const [missing, setMissing] = useState(false);

  const load = useCallback(async () => {
    setProblem(null);
    try {
      setDevice(await api.device(id));
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.status === 404) setMissing(true);
      else setProblem(problemOf(thrown));
    }
  }, [api, id]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new generation means that events may have been missed
  useEffect(() => {
    void load();
  }, [load, generation]);
  useEvents(
    useCallback(
      (event: ConsoleEvent) => {
        if (event.device.id !== id) return;
        setDevice((shown) => (shown && shown.version > event.device.version ? shown : event.device));
      },
      [id],
    ),
  );

  const back = (
    <a className="back-link" href={hrefOf({ name: 'devices' })}>
      <Icon name="back" className="icon-turns" />
      <span>{t('device.back')}</span>
    </a>
  );
  return (
    <>
      <nav className="crumbs" aria-label={t('device.back')}>
        {back}
      </nav>
      {missing ? (
        <View title={t('device.notFound')}>
          <Empty title={t('device.notFound')} />
        </View>
      ) : device ? (
        <DeviceView device={device} apply={setDevice} />
      ) : (
        <View title={t('fact.device')}>
          {problem ? <ProblemNotice problem={problem} retry={() => void load()} /> : <Loading />}
        </View>
      )}
    </>
  );
}

function DeviceView({ device, apply }: { device: Device; apply: (device: Device) => void }) {
  const t = useConsoleText();
  const { session } = useConsole();
  const decide = useDecide(([decided]) => decided && apply(decided));
  const busy = decide.busy.size > 0;
  const forbidden = needsSomebodyElse(session, device) && device.approval !== 'approved' && !heldUp(device);
  const why = useId();
  return (
    <View
      title={device.name}
      text={
        <span className="badges">
          <ApprovalBadge approval={device.approval} />
          <AssuranceBadge level={device.assurance.level} />
          {device.lifecycle !== 'active' && <LifecycleBadge lifecycle={device.lifecycle} />}
        </span>
      }
      aside={
        mayDecide(session) && (
          <div className="view-actions">
            {device.approval !== 'approved' && !heldUp(device) && (
              <Button
                look="primary"
                busy={busy}
                disabled={forbidden}
                aria-describedby={forbidden ? why : undefined}
                onClick={() => decide.approve(device)}
              >
                {device.approval === 'refused' ? t('decide.reopenApprove') : t('decide.approve')}
              </Button>
            )}
            {device.approval !== 'refused' && (
              <Button busy={busy} onClick={() => decide.refuse(device)}>
                {t('decide.refuse')}
              </Button>
            )}
            {forbidden && (
              <p className="soft small view-note" id={why}>
                {t('decide.selfForbidden')}
              </p>
            )}
          </div>
        )
      }
    >
      {decide.problem && <ProblemNotice problem={decide.problem} dismiss={decide.dismiss} />}
      {device.conflictId && (
        <section className="banner tone-wait">
          <Icon name="split" />
          <div className="banner-body">
            <p className="banner-title">{t(heldUp(device) ? 'device.conflictTitle' : 'device.sameSerialTitle')}</p>
            <p>{t(heldUp(device) ? 'device.conflictText' : 'device.sameSerialText')}</p>
            <p>
              <a href={hrefOf({ name: 'conflicts' })}>{t('nav.conflicts')}</a>
            </p>
          </div>
        </section>
      )}
      {mayDecide(session) && <DeviceActions device={device} apply={apply} />}
      <div className="panels">
        <FactsPanel device={device} />
        <AssurancePanel device={device} />
        <IdentifiersPanel device={device} />
        <ProofPanel device={device} />
      </div>
      <EvidenceList device={device} />
      <HistoryPanel device={device} />
      {decide.dialog}
    </View>
  );
}

function Panel({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section className="panel" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function FactsPanel({ device }: { device: Device }) {
  const t = useConsoleText();
  const format = useFormat();
  const reasonText = useApprovalReason();
  const kinds = {
    company: t('device.ownershipCompany'),
    personal: t('device.ownershipPersonal'),
    none: t('device.ownershipUnknown'),
  };
  return (
    <Panel title={t('device.facts')}>
      <Facts>
        <Fact name={t('fact.approval')} note={decisionNote(device, format.dateTime)}>
          <ApprovalBadge approval={device.approval} />
        </Fact>
        {device.approvalReason && <Fact name={t('device.decisionReason')}>{reasonText(device.approvalReason)}</Fact>}
        {device.tags.length > 0 && (
          <Fact name={t('details.tags')}>
            <Tags tags={device.tags} />
          </Fact>
        )}
        <Fact name={t('fact.ownership')} note={kinds[device.ownership ?? 'none']}>
          <OwnerText device={device} />
        </Fact>
        <Fact name={t('fact.attestation')}>
          <AttestationBadge attestation={device.attestation} />
        </Fact>
        <Fact name={t('fact.lifecycle')}>
          <LifecycleBadge lifecycle={device.lifecycle} />
        </Fact>
        <Fact name={t('fact.source')}>{device.source}</Fact>
        {device.requestedBy && <Fact name={t('device.requestedBy')}>{device.requestedBy}</Fact>}
        {device.approval === 'pending' && device.ceremonyCode && (
          <Fact name={t('pending.code')}>
            <CeremonyCode code={device.ceremonyCode} size="small" />
          </Fact>
        )}
      </Facts>
    </Panel>
  );
}

const decisionNote = (device: Device, dateTime: (iso: string) => string): string | undefined =>
  device.decidedBy || device.decidedAt
    ? [device.decidedBy, device.decidedAt && dateTime(device.decidedAt)].filter(Boolean).join(', ')
    : undefined;

function AssurancePanel({ device }: { device: Device }) {
  const t = useConsoleText();
  return (
    <Panel title={t('device.assurance')}>
      <div className="card assurance">
        <AssuranceBadge level={device.assurance.level} />
        <AssuranceReasons reasons={device.assurance.reasons} label={t('assurance.reasons')} />
      </div>
    </Panel>
  );
}

function IdentifiersPanel({ device }: { device: Device }) {
  const t = useConsoleText();
  return (
    <Panel title={t('device.identifiers')}>
      <Facts>
        <Fact name={t('fact.shortIdentifier')}>
          <bdi className="mono">{shortIdentifier(device.permanentIdentifier)}</bdi>
        </Fact>
        <Fact name={t('fact.permanentIdentifier')} stacked>
          <bdi className="mono">{device.permanentIdentifier}</bdi>
          <CopyButton text={device.permanentIdentifier} />
        </Fact>
        {device.aliases.length > 0 && (
          <Fact name={t('device.aliases')} stacked>
            {device.aliases.map((alias) => (
              <div key={alias}>
                <bdi className="mono">{alias}</bdi>
              </div>
            ))}
          </Fact>
        )}
        <Fact name={t('device.serial')} note={device.serial ? t('device.claimNote') : undefined}>
          {device.serial ? <bdi className="mono">{device.serial}</bdi> : t('value.unknown')}
        </Fact>
        <Fact name={t('device.system')} note={device.os ? t('device.claimNote') : undefined}>
          {systemOf(device) ?? t('value.unknown')}
        </Fact>
      </Facts>
    </Panel>
  );
}

function ProofPanel({ device }: { device: Device }) {
  const t = useConsoleText();
  const secureBoot = {
    on: t('device.secureBootOn'),
    off: t('device.secureBootOff'),
    unknown: t('device.secureBootUnknown'),
  }[device.secureBoot];
  return (
    <Panel title={t('device.evidence')}>
      <Facts>
        <Fact name={t('fact.ekClass')}>
          <EkClassBadge ekClass={device.ekClass} />
        </Fact>
        <Fact name={t('fact.ekCertificate')}>{t(`ekCertificate.${device.ekCertificate}`)}</Fact>
        <Fact name={t('device.secureBoot')}>{secureBoot}</Fact>
        <Fact name={t('fact.attestedAt')}>
          {device.attestedAt ? <RelativeTime at={device.attestedAt} /> : t('value.none')}
        </Fact>
        <Fact name={t('fact.enrolledAt')}>
          {device.enrolledAt ? <RelativeTime at={device.enrolledAt} /> : t('value.none')}
        </Fact>
        <Fact name={t('device.lastSeenAt')}>
          {device.lastSeenAt ? <RelativeTime at={device.lastSeenAt} /> : t('devices.never')}
        </Fact>
        <Fact name={t('device.version')}>{device.version}</Fact>
      </Facts>
    </Panel>
  );
}
