import { useEffect, useState } from 'react';
import type { Source } from '../../contract/device.ts';
import { useFormat } from '../../ui/I18n.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { AskDialog } from '../AskDialog.tsx';
import { type Api, FULL_PAGE } from '../api/client.ts';
import { useConsole } from '../Console.tsx';
import { useConsoleText } from '../text.ts';
import type { Consequence } from './consequences.ts';

type Waiting = { bySource: ReadonlyMap<Source, number>; count: number; more: boolean };
const PAGES = 5;

async function waitingOf(api: Api): Promise<Waiting> {
  const bySource = new Map<Source, number>();
  let count = 0;
  let cursor: string | null = null;
  for (let page = 0; page < PAGES; page += 1) {
    const read = await api.devices({ approval: 'pending' }, cursor, FULL_PAGE);
    for (const { source } of read.devices) bySource.set(source, (bySource.get(source) ?? 0) + 1);
    count += read.devices.length;
    cursor = read.next;
    if (cursor === null) break;
  }
  return { bySource, count, more: cursor !== null };
}

/** What the change does, before it is made; and that nothing which waits is approved by it. */
export function SaveDialog(props: { consequences: readonly Consequence[]; close: () => void; save: () => void }) {
  const t = useConsoleText();
  const format = useFormat();
  const { api } = useConsole();
  const [waiting, setWaiting] = useState<Waiting | 'unknown' | null>(null);
  useEffect(() => {
    let gone = false;
    waitingOf(api).then(
      (found) => !gone && setWaiting(found),
      // The number is only told; the change can be saved without it.
      () => !gone && setWaiting('unknown'),
    );
    return () => {
      gone = true;
    };
  }, [api]);
  const counted = waiting !== null && waiting !== 'unknown' ? waiting : null;
  return (
    <AskDialog
      title={t('save.title')}
      back={t('save.back')}
      confirm={t('action.save')}
      close={props.close}
      run={props.save}
    >
      <ul className="effects">
        {props.consequences.map(({ text, care }) => (
          <li key={text}>
            <Icon name={care ? 'warning' : 'check'} className={care ? 'effect-care' : 'effect-calm'} />
            <span>{text}</span>
          </li>
        ))}
      </ul>
      <p role="status">
        {counted === null
          ? t('save.waitingAnyway')
          : counted.count === 0
            ? t('save.nobodyWaits')
            : counted.more
              ? t('save.waitingMore', { number: counted.count })
              : t('save.waiting', { count: counted.count })}
      </p>
      {counted !== null && counted.count > 0 && (
        <p className="soft small">
          {[...counted.bySource].map(([source, count]) => `${source}: ${format.number(count)}`).join(' · ')}
        </p>
      )}
    </AskDialog>
  );
}
