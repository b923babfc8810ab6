import { useId } from 'react';
import type { AppSnapshot } from '../../contract/bridge.ts';
import { Fact, Facts } from '../../ui/Facts.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { Page } from '../Screen.tsx';
import { hostOf } from '../serverAddress.ts';
import { useWindowText } from '../text.ts';
import type { Call } from '../useLink.ts';

type Setting = 'serverUrl' | 'startAtLogin' | 'language';

export function Settings({ snapshot, call }: { snapshot: AppSnapshot; call: Call }) {
  const t = useWindowText();
  const { settings, host } = snapshot;
  const id = useId();
  const managed = (setting: Setting): boolean => snapshot.managed[setting] === 'enforced';
  const inBrowser = host === 'browser';
  const keys = (key: string) => (snapshot.platform === 'macos' ? `⌘ ${key}` : `${t('settings.controlKey')} ${key}`);
  return (
    <Page title={t('settings.title')}>
      <div className="card settings">
        <div className="setting">
          <label htmlFor={`${id}-language`}>{t('settings.language')}</label>
          <select
            id={`${id}-language`}
            className="input setting-select"
            value={settings.language}
            disabled={managed('language')}
            aria-describedby={managed('language') ? `${id}-language-managed` : undefined}
            onChange={(event) => {
              const language = (['system', 'en', 'de'] as const).find((one) => one === event.target.value);
              if (language) void call('changeSettings', { language });
            }}
          >
            <option value="system">{t('settings.languageSystem')}</option>
            <option value="en" lang="en">
              English
            </option>
            <option value="de" lang="de">
              Deutsch
            </option>
          </select>
          {managed('language') && <Managed id={`${id}-language-managed`} />}
        </div>
        <div className="setting">
          <label htmlFor={`${id}-login`}>{t('settings.startAtLogin')}</label>
          <input
            id={`${id}-login`}
            className="switch"
            type="checkbox"
            role="switch"
            aria-checked={settings.startAtLogin}
            checked={settings.startAtLogin}
            disabled={inBrowser || managed('startAtLogin')}
            aria-describedby={`${id}-login-note`}
            onChange={(event) => void call('changeSettings', { startAtLogin: event.target.checked })}
          />
          {managed('startAtLogin') ? (
            <Managed id={`${id}-login-note`} />
          ) : (
            <p className="setting-note" id={`${id}-login-note`}>
              {t(inBrowser ? 'settings.startAtLoginBrowser' : 'settings.startAtLoginNote')}
            </p>
          )}
        </div>
      </div>
      <Facts>
        <Fact name={t('settings.server')} note={managed('serverUrl') ? <Managed /> : undefined}>
          <bdi>{settings.serverUrl ? hostOf(settings.serverUrl) : t('settings.serverNone')}</bdi>
        </Fact>
        {!inBrowser && (
          <Fact name={t('settings.textSize')} note={t('settings.textSizeUsual', { key: keys('0') })}>
            {t('settings.textSizeKeys', { larger: keys('+'), smaller: keys('−') })}
          </Fact>
        )}
        <Fact name={t('settings.version')}>{snapshot.version}</Fact>
      </Facts>
    </Page>
  );
}

function Managed({ id }: { id?: string }) {
  const t = useWindowText();
  return (
    <span className="managed" id={id}>
      <Icon name="lock" />
      <span>{t('settings.managed')}</span>
    </span>
  );
}
