import { useId, useState } from 'react';
import type { Device } from '../../contract/device.ts';
import { EkClassBadge } from '../../ui/Assurance.tsx';
import { Badge } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { CeremonyCode } from '../../ui/CeremonyCode.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { isOwnDevice, mayDecide, useConsole } from '../Console.tsx';
import { DeviceName, OwnerText, systemOf } from '../DeviceName.tsx';
import { type Decide, useDecide } from '../decide/useDecide.tsx';
import { useConsoleText } from '../text.ts';
import { useDevices } from '../useDevices.ts';
import { Empty, Loading, ProblemNotice, View } from '../View.tsx';

/** What waits for a decision. */
export const QUEUE = { approval: 'pending', lifecycle: 'active' } as const;

export function Pending() {
  const t = useConsoleText();
  const { session } = useConsole();
  const list = useDevices(QUEUE);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const decide = useDecide((devices) => devices.forEach(list.apply));
  const devices = list.devices ?? [];
  const chosen = devices.filter((device) => selected.has(device.id));
  const toggle = (id: string): void =>
    setSelected((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });

  return (
    <View title={t('pending.title')} text={t('pending.text')}>
      {list.problem && <ProblemNotice problem={list.problem} retry={list.loadMore} />}
      {decide.problem && <ProblemNotice problem={decide.problem} dismiss={decide.dismiss} />}
      {list.devices === null ? (
        list.loading && <Loading />
      ) : devices.length === 0 ? (
        <Empty title={t('pending.empty')} text={t('pending.emptyText')} />
      ) : (
        <>
          {mayDecide(session) && (
            <BulkBar
              devices={devices}
              chosen={chosen}
              decide={decide}
              choose={(some) => setSelected(new Set(some.map((device) => device.id)))}
            />
          )}
          <ul className="queue">
            {devices.map((device) => (
              <QueueItem
                key={device.id}
                device={device}
                selected={selected.has(device.id)}
                toggle={() => toggle(device.id)}
                decide={decide}
              />
            ))}
          </ul>
          {list.more && (
            <div className="table-foot">
              <Button busy={list.loading} onClick={list.loadMore}>
                {t('devices.loadMore')}
              </Button>
            </div>
          )}
        </>
      )}
      {decide.dialog}
    </View>
  );
}

function BulkBar(props: {
  devices: readonly Device[];
  chosen: readonly Device[];
  decide: Decide;
  choose: (devices: readonly Device[]) => void;
}) {
  const t = useConsoleText();
  const id = useId();
  const { devices, chosen, decide } = props;
  const all = chosen.length === devices.length;
  return (
    <div className="bulk">
      <span className="bulk-all">
        <input
          id={id}
          type="checkbox"
          className="checkbox"
          checked={all}
          ref={(box) => {
            if (box) box.indeterminate = chosen.length > 0 && !all;
          }}
          onChange={() => props.choose(all ? [] : devices)}
        />
        <label htmlFor={id}>{t('pending.selectAll')}</label>
      </span>
      <span role="status" className="soft">
        {chosen.length > 0 ? t('pending.selected', { count: chosen.length }) : ''}
      </span>
      {chosen.length > 0 && (
        <span className="bulk-actions">
          <Button look="primary" busy={decide.busy.size > 0} onClick={() => decide.approveMany(chosen)}>
            {t('decide.approveAll')}
          </Button>
          <Button busy={decide.busy.size > 0} onClick={() => decide.refuseMany(chosen)}>
            {t('decide.refuseAll')}
          </Button>
        </span>
      )}
    </div>
  );
}

function QueueItem(props: { device: Device; selected: boolean; toggle: () => void; decide: Decide }) {
  const t = useConsoleText();
  const { session } = useConsole();
  const { device, decide } = props;
  const busy = decide.busy.has(device.id);
  const claims = [systemOf(device), device.serial && `${t('device.serial')} ${device.serial}`].filter(Boolean);
  return (
    <li className={props.selected ? 'queue-item card queue-item-selected' : 'queue-item card'}>
      {mayDecide(session) && (
        <input
          type="checkbox"
          className="checkbox"
          checked={props.selected}
          onChange={props.toggle}
          aria-label={t('pending.select', { name: device.name })}
        />
      )}
      <div className="queue-code">
        <span className="queue-label">{t('pending.code')}</span>
        {device.ceremonyCode ? (
          <CeremonyCode code={device.ceremonyCode} />
        ) : (
          <span className="soft">{t('pending.noCode')}</span>
        )}
      </div>
      <div className="queue-who">
        <DeviceName device={device} />
        <OwnerText device={device} />
        <span className="soft queue-since">
          {device.source} · <RelativeTime at={device.enrolledAt ?? device.createdAt} />
        </span>
      </div>
      <div className="queue-proof">
        <div className="badges">
          <EkClassBadge ekClass={device.ekClass} />
          <Badge
            tone={device.ekCertificate === 'verified' ? 'good' : 'wait'}
            icon={device.ekCertificate === 'verified' ? 'check' : 'warning'}
          >
            {t('pending.ekCertificate', { status: t(`ekCertificate.${device.ekCertificate}`) })}
          </Badge>
        </div>
        {claims.length > 0 && (
          <p className="soft">
            <span className="queue-label">{t('pending.claims')}</span> <bdi>{claims.join(' · ')}</bdi>
          </p>
        )}
        {isOwnDevice(session, device) && mayDecide(session) && <p className="soft">{t('decide.selfApproval')}</p>}
      </div>
      {mayDecide(session) && (
        <fieldset className="queue-actions">
          <legend className="visually-hidden">{t('pending.actionsOf', { name: device.name })}</legend>
          <Button look="primary" busy={busy} onClick={() => decide.approve(device)}>
            {t('decide.approve')}
          </Button>
          <Button busy={busy} onClick={() => decide.refuse(device)}>
            {t('decide.refuse')}
          </Button>
        </fieldset>
      )}
    </li>
  );
}
