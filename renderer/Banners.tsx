import type { AppSnapshot, UserError } from '../contract/bridge.ts';
import { Button, IconButton } from '../ui/Button.tsx';
import { CopyButton } from '../ui/Copy.tsx';
import { useFormat } from '../ui/I18n.tsx';
import { Icon } from '../ui/Icon.tsx';
import { useNow } from '../ui/useNow.ts';
import { errorReport, useErrorText, useWindowText } from './text.ts';
import type { Call } from './useLink.ts';

type Offline = Extract<AppSnapshot['connection'], { kind: 'offline' }>;

/** No connection: how old what is shown is, and why. */
export function OfflineBanner({ connection, call, busy }: { connection: Offline; call: Call; busy: boolean }) {
  const t = useWindowText();
  const format = useFormat();
  const errorText = useErrorText();
  const now = useNow(15_000);
  const { lastKnownAt, reason } = connection;
  return (
    <section className="banner tone-wait" role="status">
      <Icon name="offline" />
      <div className="banner-body">
        <p className="banner-title">{t('offline.title')}</p>
        <p>
          {lastKnownAt ? t('offline.lastKnown', { when: format.relative(lastKnownAt, now) }) : t('offline.neverKnown')}
        </p>
        {reason.code !== 'server-unreachable' && <p>{`${errorText(reason).title} ${errorText(reason).advice}`}</p>}
        <p>{t('offline.since', { when: sinceText(connection.since, now, format) })}</p>
        <Button look="plain" busy={busy} onClick={() => void call('refresh', {})}>
          {t('offline.refresh')}
        </Button>
      </div>
    </section>
  );
}

const DAY_MS = 86_400_000;

const sinceText = (iso: string, now: number, format: ReturnType<typeof useFormat>): string =>
  now - Date.parse(iso) < DAY_MS ? format.time(iso) : format.dateTime(iso);

/** A call that failed without changing the screen. */
export function ProblemBanner({ error, version, dismiss }: { error: UserError; version: string; dismiss: () => void }) {
  const t = useWindowText();
  const { title, advice } = useErrorText()(error);
  return (
    <section className="banner tone-bad" role="alert">
      <Icon name="warning" />
      <div className="banner-body">
        <p className="banner-title">{`${t('problem.title')}: ${title}`}</p>
        <p>{advice}</p>
        <CopyButton text={errorReport(error, version)} label={t('failed.copy')} />
      </div>
      <IconButton icon="cross" label={t('action.close')} onClick={dismiss} />
    </section>
  );
}

/** The app behind the page is gone. */
export function LostBanner() {
  const t = useWindowText();
  return (
    <section className="banner tone-bad" role="alert">
      <Icon name="warning" />
      <div className="banner-body">
        <p className="banner-title">{t('lost.title')}</p>
        <p>{t('lost.text')}</p>
      </div>
    </section>
  );
}
