import { useFormat } from './I18n.tsx';
import { useNow } from './useNow.ts';

/** "5 minutes ago", with the exact time for whoever points at it. */
export function RelativeTime({ at }: { at: string }) {
  const format = useFormat();
  const now = useNow();
  return (
    <time dateTime={at} title={format.dateTime(at)}>
      {format.relative(at, now)}
    </time>
  );
}
