import { useEffect, useId, useState } from 'react';
import type { Approval, Device, Lifecycle } from '../../contract/device.ts';
import { AssuranceBadge } from '../../ui/Assurance.tsx';
import { Button } from '../../ui/Button.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { ApprovalBadge, AttestationBadge, LifecycleBadge } from '../../ui/StatusBadges.tsx';
import type { DeviceQuery } from '../api/client.ts';
import { DeviceName, OwnerText } from '../DeviceName.tsx';
import { type ConsoleText, useConsoleText } from '../text.ts';
import { useDevices } from '../useDevices.ts';
import { Empty, Loading, ProblemNotice, View } from '../View.tsx';

const APPROVALS: readonly Approval[] = ['pending', 'approved', 'refused'];
const LIFECYCLES: readonly Lifecycle[] = ['active', 'quarantined', 'deleted'];
const TYPING_MS = 250;

export function RecentDevices() {
  const t = useConsoleText();
  const [query, setQuery] = useState<DeviceQuery>({});
  const list = useDevices(query);
  const filtered = Object.values(query).some(Boolean);
  return (
    <View title={t('devices.title')} text={t('devices.text')}>
      <Filters query={query} change={(change) => setQuery((before) => ({ ...before, ...change }))} />
      {list.problem && <ProblemNotice problem={list.problem} retry={list.loadMore} />}
      {list.devices === null ? (
        list.loading && <Loading />
      ) : list.devices.length === 0 ? (
        <Empty title={filtered ? t('devices.empty') : t('devices.emptyInventory')} />
      ) : (
        <>
          <DeviceTable devices={list.devices} />
          <div className="table-foot">
            <p className="soft" role="status">
              {t('devices.shown', { count: list.devices.length })}
            </p>
            {list.more && (
              <Button busy={list.loading} onClick={list.loadMore}>
                {t('devices.loadMore')}
              </Button>
            )}
          </div>
        </>
      )}
    </View>
  );
}

function Filters({ query, change }: { query: DeviceQuery; change: (change: DeviceQuery) => void }) {
  const t = useConsoleText();
  const id = useId();
  const [typed, setTyped] = useState(query.search ?? '');
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what is typed starts the pause
  useEffect(() => {
    const timer = setTimeout(() => change({ search: typed.trim() || undefined }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <search className="filters">
      <div className="field filter-search">
        <label htmlFor={`${id}-search`}>{t('devices.search')}</label>
        <div className="search-box">
          <Icon name="search" />
          <input
            id={`${id}-search`}
            className="input"
            type="search"
            maxLength={256}
            placeholder={t('devices.searchPlaceholder')}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        </div>
      </div>
      <Choice
        label={t('devices.filterApproval')}
        all={t('devices.filterAll')}
        value={query.approval}
        options={APPROVALS.map((approval) => [approval, t(`approval.${approval}`)])}
        change={(approval) => change({ approval })}
      />
      <Choice
        label={t('devices.filterLifecycle')}
        all={t('devices.filterAll')}
        value={query.lifecycle}
        options={LIFECYCLES.map((lifecycle) => [lifecycle, t(`lifecycle.${lifecycle}`)])}
        change={(lifecycle) => change({ lifecycle })}
      />
    </search>
  );
}

function Choice<V extends string>(props: {
  label: string;
  all: string;
  value: V | undefined;
  options: readonly (readonly [V, string])[];
  change: (value: V | undefined) => void;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      <select
        id={id}
        className="input"
        value={props.value ?? ''}
        onChange={(event) => props.change(props.options.find(([value]) => value === event.target.value)?.[0])}
      >
        <option value="">{props.all}</option>
        {props.options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

const COLUMNS = ['device', 'owner', 'approval', 'assurance', 'attestation', 'source', 'lastSeen'] as const;

function DeviceTable({ devices }: { devices: readonly Device[] }) {
  const t = useConsoleText();
  return (
    // The region scrolls sideways where the table is wider than the window; it can be reached by keyboard for that.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
    <section className="table-frame" aria-label={t('devices.title')} tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            {COLUMNS.map((column) => (
              <th key={column} scope="col">
                {t(`devices.column.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {devices.map((device) => (
            <DeviceRow key={device.id} device={device} t={t} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function DeviceRow({ device, t }: { device: Device; t: ConsoleText }) {
  return (
    <tr>
      <th scope="row">
        <DeviceName device={device} />
      </th>
      <td>
        <OwnerText device={device} />
      </td>
      <td>
        <div className="badges">
          <ApprovalBadge approval={device.approval} />
          {device.lifecycle !== 'active' && <LifecycleBadge lifecycle={device.lifecycle} />}
        </div>
      </td>
      <td>
        <AssuranceBadge level={device.assurance.level} short />
      </td>
      <td>
        <AttestationBadge attestation={device.attestation} />
      </td>
      <td className="nowrap">{device.source}</td>
      <td className="nowrap">
        {device.lastSeenAt ? (
          <RelativeTime at={device.lastSeenAt} />
        ) : (
          <span className="soft">{t('devices.never')}</span>
        )}
      </td>
    </tr>
  );
}
