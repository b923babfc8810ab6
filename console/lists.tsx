import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import { Button } from '../ui/Button.tsx';
import { RelativeTime } from '../ui/RelativeTime.tsx';
import { type ConsoleProblem, problemOf } from './api/client.ts';
import { useConsole } from './Console.tsx';
import { useConsoleText } from './text.ts';
import { Empty, Loading, ProblemNotice } from './View.tsx';

export type Paged<T> = {
  items: readonly T[] | null;
  more: boolean;
  loading: boolean;
  problem: ConsoleProblem | null;
  loadMore: () => void;
  /** Ends once the list shows what the server says now. */
  reload: () => Promise<void>;
};

type Page<T> = { items: readonly T[]; next: string | null };

/** A keyset-paged list; `load` must be stable. */
export function usePaged<T>(load: (cursor: string | null) => Promise<Page<T>>): Paged<T> {
  const { generation } = useConsole();
  const [page, setPage] = useState<Page<T> | null>(null);
  const [loading, setLoading] = useState(true);
  const [problem, setProblem] = useState<ConsoleProblem | null>(null);
  const run = useRef(0);
  const fetchPage = useCallback(
    async (cursor: string | null) => {
      run.current += 1;
      const mine = run.current;
      setLoading(true);
      setProblem(null);
      try {
        const next = await load(cursor);
        if (mine === run.current) {
          setPage((before) => ({ ...next, items: cursor && before ? [...before.items, ...next.items] : next.items }));
        }
      } catch (thrown) {
        if (mine === run.current) setProblem(problemOf(thrown));
      } finally {
        if (mine === run.current) setLoading(false);
      }
    },
    [load],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new generation means that something may have been missed
  useEffect(() => {
    void fetchPage(null);
  }, [fetchPage, generation]);
  return {
    items: page?.items ?? null,
    more: page?.next != null,
    loading,
    problem,
    loadMore: () => void fetchPage(page?.next ?? null),
    reload: () => fetchPage(null),
  };
}

/** Runs one change at a time and keeps why the last one failed. */
export function useAction(): {
  run: (work: () => Promise<void>) => void;
  busy: boolean;
  problem: ConsoleProblem | null;
  dismiss: () => void;
} {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ConsoleProblem | null>(null);
  const perform = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await work();
    } catch (thrown) {
      setProblem(problemOf(thrown));
    } finally {
      setBusy(false);
    }
  };
  return { run: (work) => void perform(work), busy, problem, dismiss: () => setProblem(null) };
}

/** What is around every list: its problem, its wait, its emptiness, its next page. */
export function PagedList<T>(props: {
  list: Paged<T>;
  empty: string;
  emptyText?: string;
  children: (items: readonly T[]) => ReactNode;
}) {
  const t = useConsoleText();
  const { list } = props;
  return (
    <>
      {list.problem && <ProblemNotice problem={list.problem} retry={() => void list.reload()} />}
      {list.items === null ? (
        list.loading && <Loading />
      ) : list.items.length === 0 ? (
        <Empty title={props.empty} text={props.emptyText} />
      ) : (
        props.children(list.items)
      )}
      {list.more && (
        <div className="table-foot">
          <Button busy={list.loading} onClick={list.loadMore}>
            {t('list.loadMore')}
          </Button>
        </div>
      )}
    </>
  );
}

/** A table that scrolls sideways by itself where the window is too narrow; it can be reached by keyboard for that. */
export function Table(props: { label: string; columns: readonly string[]; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="table-frame" aria-label={props.label} tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </section>
  );
}

/** When something last happened, if ever. */
export function LastTime({ at }: { at: string | null }) {
  const t = useConsoleText();
  return at ? <RelativeTime at={at} /> : <span className="soft">{t('list.never')}</span>;
}
