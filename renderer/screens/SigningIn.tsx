import type { AppSnapshot } from '../../contract/bridge.ts';
import { Button } from '../../ui/Button.tsx';
import { CeremonyCode } from '../../ui/CeremonyCode.tsx';
import { CopyButton } from '../../ui/Copy.tsx';
import { useFormat } from '../../ui/I18n.tsx';
import { useNow } from '../../ui/useNow.ts';
import { Screen } from '../Screen.tsx';
import { useWindowText } from '../text.ts';
import type { Call } from '../useLink.ts';

export function SigningIn(props: {
  code: string;
  browserUrl: string;
  expiresAt: string;
  /** To be typed on the page, in a browser anywhere. */
  userCode: string | undefined;
  host: AppSnapshot['host'];
  call: Call;
  reopening: boolean;
}) {
  const t = useWindowText();
  const format = useFormat();
  const now = useNow(10_000);
  const { call } = props;
  // In a browser already: the sign-in opens beside the window, by the person's own click.
  const here = props.host === 'browser';
  const over = Date.parse(props.expiresAt) <= now;
  return (
    <Screen
      icon="browser"
      tone="accent"
      title={t('signingIn.title')}
      text={<p>{t(here ? 'signingIn.textHere' : 'signingIn.text')}</p>}
      actions={
        <>
          <p className="promise">
            {over ? t('signingIn.expired') : t('signingIn.expires', { when: format.relative(props.expiresAt, now) })}
          </p>
          {here ? (
            <a className="button button-primary button-wide" href={props.browserUrl} target="_blank" rel="noreferrer">
              <span>{t('signingIn.openHere')}</span>
            </a>
          ) : (
            <Button look="primary" wide busy={props.reopening} onClick={() => void call('reopenBrowser', {})}>
              {t('signingIn.reopen')}
            </Button>
          )}
          <Button look="plain" wide onClick={() => void call('cancel', {})}>
            {t('action.cancel')}
          </Button>
        </>
      }
    >
      {props.userCode !== undefined && (
        <div className="card code-card">
          <p className="soft">{t('signingIn.userCodeLabel')}</p>
          <p className="mono" dir="ltr">
            <strong>{props.userCode}</strong>
          </p>
          <p className="code-note" dir="ltr">
            {props.browserUrl}
          </p>
        </div>
      )}
      <div className="card code-card">
        <p className="soft">{t('signingIn.codeLabel')}</p>
        <CeremonyCode code={props.code} />
        <p className="code-note">{t('signingIn.codeNote')}</p>
      </div>
      <div className="centred">
        <CopyButton text={props.browserUrl} label={t('signingIn.copyAddress')} />
      </div>
    </Screen>
  );
}
