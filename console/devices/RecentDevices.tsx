import { useMemo } from 'react';
import type { Device } from '../../contract/device.ts';
import { AssuranceBadge } from '../../ui/Assurance.tsx';
import { Button } from '../../ui/Button.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { ApprovalBadge, AttestationBadge, LifecycleBadge } from '../../ui/StatusBadges.tsx';
import { SelectionBar } from '../bulk/SelectionBar.tsx';
import { type Selection, useSelection } from '../bulk/useSelection.ts';
import { mayAdminister, mayDecide, useConsole } from '../Console.tsx';
import { DeviceName, OwnerText } from '../DeviceName.tsx';
import { hrefOf, useQuery } from '../route.ts';
import { type ConsoleText, useConsoleText } from '../text.ts';
import { useDevices } from '../useDevices.ts';
import { Empty, Loading, ProblemNotice, View } from '../View.tsx';
import { useBulkActions } from './BulkActions.tsx';
import { DeviceFilters, deviceQueryOf } from './deviceFilters.tsx';
import { Tags } from './Tags.tsx';

export function RecentDevices() {
  const t = useConsoleText();
  const { session } = useConsole();
  const [asked, change] = useQuery();
  const query = useMemo(() => deviceQueryOf(asked), [asked]);
  const list = useDevices(query);
  const selection = useSelection(list, query);
  const actions = useBulkActions(selection.chosen, (devices) => devices.forEach(list.apply));
  const filtered = Object.values(query).some(Boolean);
  return (
    <View title={t('devices.title')} text={t('devices.text')}>
      {(filtered || list.devices?.length !== 0) && <DeviceFilters query={asked} change={change} />}
      {query.owner && (
        <p className="row-actions" role="status">
          <span className="soft">{t('devices.onlyOwner', { owner: query.owner })}</span>
          <Button look="plain" icon="cross" onClick={() => change({ owner: undefined })}>
            {t('filters.clear')}
          </Button>
        </p>
      )}
      {list.problem && <ProblemNotice problem={list.problem} retry={list.loadMore} />}
      {list.devices === null ? (
        list.loading && <Loading />
      ) : list.devices.length === 0 ? (
        filtered ? (
          <Empty title={t('devices.empty')} />
        ) : (
          <FirstSteps owner={mayAdminister(session)} />
        )
      ) : (
        <>
          {mayDecide(session) && (
            <SelectionBar selection={selection} shown={list.devices} more={list.more}>
              {actions.buttons}
            </SelectionBar>
          )}
          <DeviceTable devices={list.devices} selection={mayDecide(session) ? selection : null} />
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
      {actions.dialogs}
    </View>
  );
}

/** What to do with an inventory that holds nothing yet. */
function FirstSteps({ owner }: { owner: boolean }) {
  const t = useConsoleText();
  if (!owner) return <Empty title={t('devices.emptyInventory')} />;
  return (
    <>
      <Empty title={t('devices.emptyInventory')} text={t('first.text')} />
      <ol className="first-steps">
        {(['invites', 'settings', 'mdm', 'provisioning', 'tokens'] as const).map((name) => (
          <li key={name} className="card">
            <a href={hrefOf({ name })}>{t(`first.${name}`)}</a>
            <p className="soft small">{t(`first.${name}Text`)}</p>
          </li>
        ))}
      </ol>
    </>
  );
}

const COLUMNS = ['device', 'owner', 'approval', 'assurance', 'attestation', 'source', 'lastSeen'] as const;

function DeviceTable({ devices, selection }: { devices: readonly Device[]; selection: Selection | null }) {
  const t = useConsoleText();
  return (
    // The region scrolls sideways where the table is wider than the window; it can be reached by keyboard for that.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
    <section className="table-frame" aria-label={t('devices.title')} tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            {selection && (
              <td className="cell-check">
                <span className="visually-hidden">{t('bulk.column')}</span>
              </td>
            )}
            {COLUMNS.map((column) => (
              <th key={column} scope="col">
                {t(`devices.column.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {devices.map((device) => (
            <DeviceRow key={device.id} device={device} t={t} selection={selection} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function DeviceRow({ device, t, selection }: { device: Device; t: ConsoleText; selection: Selection | null }) {
  return (
    <tr>
      {selection && (
        <td className="cell-check">
          <input
            type="checkbox"
            className="checkbox"
            checked={selection.has(device.id)}
            onChange={() => selection.toggle(device)}
            aria-label={t('pending.select', { name: device.name })}
          />
        </td>
      )}
      <th scope="row">
        <DeviceName device={device} />
        <Tags tags={device.tags} />
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
