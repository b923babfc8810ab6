import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { Button } from '../../ui/Button.tsx';
import { Fact, Facts } from '../../ui/Facts.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { Screen } from '../Screen.tsx';
import { hostOf, type ServerAddressFault, serverAddressFault } from '../serverAddress.ts';
import { useWindowText } from '../text.ts';
import type { Call } from '../useLink.ts';

export function SignedOut(props: {
  serverUrl: string | null;
  team: string | null;
  /** The organization says which server it is. */
  managed: boolean;
  call: Call;
  busy: boolean;
}) {
  const t = useWindowText();
  const { serverUrl, team, call, busy } = props;
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [address, setAddress] = useState('');
  const [other, setOther] = useState(false);
  const asks = serverUrl === null || other;
  // The person has just asked for this field.
  useEffect(() => {
    if (other) field.current?.focus();
  }, [other]);
  const [fault, setFault] = useState<ServerAddressFault | null>(null);

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (busy) return;
    const found = asks ? serverAddressFault(address) : null;
    setFault(found);
    if (found) field.current?.focus();
    else void call('prepare', { serverUrl: asks ? address.trim() : null });
  };

  return (
    <Screen icon="laptop" tone="accent" title={t('signedOut.title')} text={<p>{t('signedOut.text')}</p>}>
      <form className="screen-form" onSubmit={submit} noValidate>
        {serverUrl === null || other ? (
          <div className="field">
            <label htmlFor={id}>{t('signedOut.serverLabel')}</label>
            <input
              ref={field}
              id={id}
              className="input"
              type="url"
              inputMode="url"
              autoComplete="url"
              spellCheck={false}
              dir="ltr"
              maxLength={2048}
              placeholder="https://"
              value={address}
              onChange={(event) => {
                setAddress(event.target.value);
                setFault(null);
              }}
              aria-invalid={fault !== null}
              aria-describedby={fault ? `${id}-fault ${id}-note` : `${id}-note`}
            />
            {fault && (
              <p className="field-error" id={`${id}-fault`} role="alert">
                <Icon name="warning" />
                <span>{t(`signedOut.${fault}`)}</span>
              </p>
            )}
            <p className="field-note" id={`${id}-note`}>
              {t('signedOut.serverNote')}
            </p>
          </div>
        ) : (
          <Facts>
            {team && <Fact name={t('fact.team')}>{team}</Fact>}
            <Fact name={t('signedOut.server')}>
              <bdi>{hostOf(serverUrl)}</bdi>
            </Fact>
          </Facts>
        )}
        {serverUrl !== null && !props.managed && (
          <div className="centred">
            <Button look="plain" onClick={() => setOther(!other)}>
              {t(other ? 'signedOut.sameServer' : 'signedOut.otherServer')}
            </Button>
          </div>
        )}
        <div className="actions">
          <p className="promise">
            <Icon name="eye" />
            <span>{t('signedOut.promise')}</span>
          </p>
          <Button type="submit" look="primary" wide busy={busy}>
            {t('signedOut.enrol')}
          </Button>
        </div>
      </form>
    </Screen>
  );
}
