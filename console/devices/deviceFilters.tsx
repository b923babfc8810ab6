import type { Approval, Lifecycle, Source } from '../../contract/device.ts';
import { Button } from '../../ui/Button.tsx';
import type { DeviceQuery } from '../api/client.ts';
import { Choice, FilterBar, SearchField } from '../filters.tsx';
import type { Query } from '../route.ts';
import { useConsoleText } from '../text.ts';

const APPROVALS: readonly Approval[] = ['pending', 'approved', 'refused'];
const LIFECYCLES: readonly Lifecycle[] = ['active', 'quarantined', 'deleted'];
/** Every source there is; one that is missing here does not compile. */
export const SOURCES = Object.keys({
  'End-User': true,
  'Smallstep API': true,
  'Smallstep Agent': true,
  'SCEP Webhook': true,
  Jamf: true,
  Intune: true,
  'Workspace ONE': true,
  'Google Workspace': true,
  Fleet: true,
  Mosyle: true,
  SureMDM: true,
  IRU: true,
} satisfies Record<Source, true>) as Source[];

/** The filters that the address of a view names; what is none of them is left out. */
export function deviceQueryOf(query: Query): DeviceQuery {
  const approval = APPROVALS.find((one) => one === query.approval);
  const lifecycle = LIFECYCLES.find((one) => one === query.lifecycle);
  const source = SOURCES.find((one) => one === query.source);
  return {
    ...(approval ? { approval } : {}),
    ...(lifecycle ? { lifecycle } : {}),
    ...(source ? { source } : {}),
    ...(query.owner ? { owner: query.owner } : {}),
    ...(query.tag ? { tag: query.tag } : {}),
    ...(query.search ? { search: query.search } : {}),
  };
}

/** Search and filters; a queue has its approval and lifecycle already. */
export function DeviceFilters(props: { query: Query; change: (change: Query) => void; queue?: boolean }) {
  const t = useConsoleText();
  const { query, change } = props;
  return (
    <FilterBar>
      <SearchField
        label={t('devices.search')}
        placeholder={t('devices.searchPlaceholder')}
        value={query.search}
        change={(search) => change({ search })}
      />
      {!props.queue && (
        <>
          <Choice
            label={t('devices.filterApproval')}
            value={query.approval}
            options={APPROVALS.map((approval) => [approval, t(`approval.${approval}`)])}
            change={(approval) => change({ approval })}
          />
          <Choice
            label={t('devices.filterLifecycle')}
            value={query.lifecycle}
            options={LIFECYCLES.map((lifecycle) => [lifecycle, t(`lifecycle.${lifecycle}`)])}
            change={(lifecycle) => change({ lifecycle })}
          />
        </>
      )}
      <Choice
        label={t('devices.column.source')}
        value={query.source}
        options={SOURCES.map((source) => [source, source])}
        change={(source) => change({ source })}
      />
      {query.tag && (
        <Button
          icon="cross"
          aria-label={t('devices.tagClear', { tag: query.tag })}
          onClick={() => change({ tag: undefined })}
        >
          {t('devices.tagFilter', { tag: query.tag })}
        </Button>
      )}
    </FilterBar>
  );
}
