import { useCallback, useMemo } from 'react';
import { Button } from '../../ui/Button.tsx';
import type { AuditFilters } from '../api/client.ts';
import { useConsole } from '../Console.tsx';
import { Choice, FilterBar, SearchField, TimeField } from '../filters.tsx';
import { PagedList, usePaged } from '../lists.tsx';
import { type Query, useQuery } from '../route.ts';
import { useConsoleText } from '../text.ts';
import { View } from '../View.tsx';
import { AuditTable } from './AuditTable.tsx';
import { SUBJECTS } from './words.ts';

const NOTHING: Query = {
  actor: undefined,
  subject: undefined,
  action: undefined,
  outcome: undefined,
  from: undefined,
  to: undefined,
};

const momentOf = (local: string | undefined, end: boolean): string | undefined => {
  const at = local === undefined ? Number.NaN : Date.parse(local);
  // The field knows minutes: the one that is named belongs to the time asked for.
  return Number.isNaN(at) ? undefined : new Date(end ? at + 59_999 : at).toISOString();
};

function filtersOf(query: Query): AuditFilters {
  const outcome = (['done', 'refused'] as const).find((one) => one === query.outcome);
  return {
    actor: query.actor,
    subject: query.subject,
    action: query.action,
    ...(outcome ? { outcome } : {}),
    from: momentOf(query.from, false),
    to: momentOf(query.to, true),
  };
}

/** Who did what, and what was refused: the whole record, narrowed down by the address of the view. */
export function AuditView() {
  const t = useConsoleText();
  const { api } = useConsole();
  const [query, change] = useQuery();
  const key = JSON.stringify(filtersOf(query));
  const list = usePaged(
    useCallback(
      async (cursor: string | null) => {
        const { records, next } = await api.audit(JSON.parse(key) as AuditFilters, cursor);
        return { items: records, next };
      },
      [api, key],
    ),
  );
  const kinds = useMemo(() => SUBJECTS.map((one) => [`${one}.*`, t(`audit.kind.${one}`)] as const), [t]);
  const filtered = key !== '{}';
  return (
    <View title={t('audit.title')} text={t('audit.text')}>
      <FilterBar>
        <SearchField
          label={t('audit.column.who')}
          placeholder={t('audit.whoPlaceholder')}
          value={query.actor}
          change={(actor) => change({ actor })}
        />
        <Choice
          label={t('audit.column.what')}
          value={query.action}
          options={kinds}
          change={(action) => change({ action })}
        />
        <Choice
          label={t('audit.outcome')}
          value={query.outcome}
          options={[
            ['done', t('bulk.done')],
            ['refused', t('approval.refused')],
          ]}
          change={(outcome) => change({ outcome })}
        />
        <TimeField label={t('audit.from')} value={query.from} change={(from) => change({ from })} />
        <TimeField label={t('audit.to')} value={query.to} change={(to) => change({ to })} />
        {filtered && (
          <Button icon="cross" onClick={() => change(NOTHING)}>
            {t('filters.clear')}
          </Button>
        )}
      </FilterBar>
      {query.subject && (
        <p className="soft" role="status">
          {t('audit.onlySubject', { subject: list.items?.[0]?.subject.name ?? query.subject })}
        </p>
      )}
      <PagedList list={list} empty={filtered ? t('audit.nothing') : t('device.noHistory')}>
        {(records) => <AuditTable subject records={records} label={t('audit.title')} />}
      </PagedList>
    </View>
  );
}
