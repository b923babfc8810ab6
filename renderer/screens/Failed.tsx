import type { UserError } from '../../contract/bridge.ts';
import { Button } from '../../ui/Button.tsx';
import { CopyButton } from '../../ui/Copy.tsx';
import { Fact, Facts, Fold } from '../../ui/Facts.tsx';
import { useLanguage } from '../../ui/I18n.tsx';
import { Screen } from '../Screen.tsx';
import { errorReport, useErrorText, useWindowText } from '../text.ts';
import type { Call } from '../useLink.ts';

export function Failed(props: { error: UserError; retry: boolean; version: string; call: Call; retrying: boolean }) {
  const t = useWindowText();
  const { error, call } = props;
  const { title, advice } = useErrorText()(error);
  const english = useLanguage() === 'en';
  return (
    <Screen
      icon="warning"
      tone="bad"
      // As a heading the sentence stands without its full stop.
      title={title.replace(/\.$/, '')}
      text={english && error.detail !== title ? <p>{error.detail}</p> : undefined}
      actions={
        <>
          {props.retry && (
            <Button look="primary" wide busy={props.retrying} onClick={() => void call('retry', {})}>
              {t('action.retry')}
            </Button>
          )}
          <Button look={props.retry ? 'plain' : 'primary'} wide onClick={() => void call('cancel', {})}>
            {t('failed.startOver')}
          </Button>
        </>
      }
    >
      <div className="card advice">
        <h2>{t('failed.next')}</h2>
        <p>{advice}</p>
      </div>
      <Fold title={t('action.technicalDetails')}>
        <Facts>
          <Fact name={t('failed.code')}>
            <span className="mono">{error.code}</span>
          </Fact>
          {!english && (
            <Fact name={t('failed.original')} stacked>
              <span lang="en">{`${error.title} ${error.detail}`}</span>
            </Fact>
          )}
          {error.correlationId && (
            <Fact name={t('failed.correlation')} stacked>
              <span className="mono">{error.correlationId}</span>
            </Fact>
          )}
        </Facts>
      </Fold>
      <div className="centred">
        <CopyButton text={errorReport(error, props.version)} label={t('failed.copy')} />
      </div>
    </Screen>
  );
}
