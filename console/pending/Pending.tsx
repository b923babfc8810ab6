import { useEffect, useId, useMemo, useRef } from 'react';
import type { Device } from '../../contract/device.ts';
import { EkClassBadge } from '../../ui/Assurance.tsx';
import { Badge } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { CeremonyCode } from '../../ui/CeremonyCode.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { SelectionBar } from '../bulk/SelectionBar.tsx';
import { useSelection } from '../bulk/useSelection.ts';
import { isOwnDevice, mayDecide, needsSomebodyElse, useConsole } from '../Console.tsx';
import { DeviceName, OwnerText, systemOf } from '../DeviceName.tsx';
import { heldUp } from '../decide/heldUp.ts';
import { type Decide, useDecide } from '../decide/useDecide.tsx';
import { DeviceFilters, deviceQueryOf } from '../devices/deviceFilters.tsx';
import { hrefOf, useQuery } from '../route.ts';
import { useConsoleText } from '../text.ts';
import { useDevices } from '../useDevices.ts';
import { Empty, Loading, ProblemNotice, View } from '../View.tsx';

/** What waits for a decision. */
export const QUEUE = { approval: 'pending', lifecycle: 'active' } as const;

export function Pending() {
  const t = useConsoleText();
  const { session } = useConsole();
  const [asked, change] = useQuery();
  const query = useMemo(() => ({ ...deviceQueryOf(asked), ...QUEUE }), [asked]);
  const list = useDevices(query);
  const selection = useSelection(list, query);
  const decide = useDecide((devices) => devices.forEach(list.apply));
  const devices = list.devices ?? [];
  const queue = useKeptFocus(devices);
  const filtered = Boolean(query.search || query.source || query.tag);

  return (
    <View title={t('pending.title')} text={t('pending.text')}>
      {list.devices !== null && (devices.length > 0 || filtered) && (
        <DeviceFilters queue query={asked} change={change} />
      )}
      {list.problem && <ProblemNotice problem={list.problem} retry={list.loadMore} />}
      {decide.problem && <ProblemNotice problem={decide.problem} dismiss={decide.dismiss} />}
      {list.devices === null ? (
        list.loading && <Loading />
      ) : devices.length === 0 ? (
        list.more ? (
          <Loading />
        ) : filtered ? (
          <Empty title={t('devices.empty')} />
        ) : (
          <Empty title={t('pending.empty')} text={t('pending.emptyText')} />
        )
      ) : (
        <>
          {mayDecide(session) && (
            <SelectionBar selection={selection} shown={devices} more={list.more}>
              <Button look="primary" onClick={() => decide.approveMany(selection.chosen)}>
                {t('decide.approveAll')}
              </Button>
              <Button onClick={() => decide.refuseMany(selection.chosen)}>{t('decide.refuseAll')}</Button>
            </SelectionBar>
          )}
          <ul className="queue" ref={queue}>
            {devices.map((device) => (
              <QueueItem
                key={device.id}
                device={device}
                selected={selection.has(device.id)}
                toggle={() => selection.toggle(device)}
                decide={decide}
              />
            ))}
          </ul>
          <div className="table-foot">
            <p className="soft" role="status">
              {t('devices.shown', { count: devices.length })}
            </p>
            {list.more && (
              <Button busy={list.loading} onClick={list.loadMore}>
                {t('devices.loadMore')}
              </Button>
            )}
          </div>
        </>
      )}
      {decide.dialog}
    </View>
  );
}

/** A decided device leaves the queue and would take the focus with it: the one that moved up into its place has it then. */
function useKeptFocus(devices: readonly Device[]): React.RefObject<HTMLUListElement | null> {
  const queue = useRef<HTMLUListElement>(null);
  const last = useRef(-1);
  useEffect(() => {
    const remember = (): void => {
      const items = [...(queue.current?.children ?? [])];
      const at = items.findIndex((item) => item.contains(document.activeElement));
      // A dialog over the queue does not make its place forgotten; another control of the page does.
      if (at >= 0 || !document.activeElement?.closest('dialog')) last.current = at;
    };
    document.addEventListener('focusin', remember);
    return () => document.removeEventListener('focusin', remember);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the change of the queue that loses the focus
  useEffect(() => {
    if (document.activeElement !== document.body || last.current < 0) return;
    const items = queue.current?.children;
    const next = items?.[Math.min(last.current, items.length - 1)] ?? document.querySelector('#content h1');
    // The item itself, not its button: a second Enter must not decide on another device.
    if (next instanceof HTMLElement) next.focus();
  }, [devices]);
  return queue;
}

function QueueItem(props: { device: Device; selected: boolean; toggle: () => void; decide: Decide }) {
  const t = useConsoleText();
  const { session } = useConsole();
  const { device, decide } = props;
  const busy = decide.busy.has(device.id);
  const forbidden = needsSomebodyElse(session, device);
  const why = useId();
  const claims = [systemOf(device), device.serial && `${t('device.serial')} ${device.serial}`].filter(Boolean);
  return (
    <li className={props.selected ? 'queue-item card queue-item-selected' : 'queue-item card'} tabIndex={-1}>
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
          {device.ekCertificate !== 'absent' && (
            <Badge
              tone={device.ekCertificate === 'verified' ? 'good' : 'wait'}
              icon={device.ekCertificate === 'verified' ? 'check' : 'warning'}
            >
              {t('pending.ekCertificate', { status: t(`ekCertificate.${device.ekCertificate}`) })}
            </Badge>
          )}
        </div>
        {claims.length > 0 && (
          <p className="soft">
            <span className="queue-label">{t('pending.claims')}</span> <bdi>{claims.join(' · ')}</bdi>
          </p>
        )}
        {isOwnDevice(session, device) && mayDecide(session) && (
          <p className="soft" id={why}>
            {t(forbidden ? 'decide.selfForbidden' : 'decide.selfApproval')}
          </p>
        )}
      </div>
      {mayDecide(session) && (
        <fieldset className="queue-actions">
          <legend className="visually-hidden">{t('pending.actionsOf', { name: device.name })}</legend>
          {heldUp(device) ? (
            <a className="button button-secondary" href={hrefOf({ name: 'conflicts' })}>
              {t('pending.resolveFirst')}
            </a>
          ) : (
            <Button
              look="primary"
              busy={busy}
              disabled={forbidden}
              aria-describedby={forbidden ? why : undefined}
              onClick={() => decide.approve(device)}
            >
              {t('decide.approve')}
            </Button>
          )}
          <Button busy={busy} onClick={() => decide.refuse(device)}>
            {t('decide.refuse')}
          </Button>
        </fieldset>
      )}
    </li>
  );
}
