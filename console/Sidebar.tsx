import { useEffect, useId, useState } from 'react';
import { Button } from '../ui/Button.tsx';
import { Icon, type IconName, Mark } from '../ui/Icon.tsx';
import type { Language } from '../ui/translate.ts';
import { problemOf } from './api/client.ts';
import { useConsole } from './Console.tsx';
import { QUEUE } from './pending/Pending.tsx';
import { hrefOf, type Route } from './route.ts';
import { useConsoleText } from './text.ts';
import { useDevices } from './useDevices.ts';
import { useOpenConflicts } from './useOpenConflicts.ts';

export type LanguageChoice = { language: Language; changeLanguage: (language: Language) => void };

const LINKS: readonly { name: Exclude<Route['name'], 'device'>; icon: IconName }[] = [
  { name: 'devices', icon: 'laptop' },
  { name: 'pending', icon: 'clock' },
  { name: 'conflicts', icon: 'split' },
  { name: 'invites', icon: 'mail' },
  { name: 'people', icon: 'person' },
  { name: 'mdm', icon: 'refresh' },
  { name: 'makers', icon: 'chip' },
  { name: 'authorities', icon: 'shield' },
  { name: 'provisioning', icon: 'key' },
  { name: 'tokens', icon: 'lock' },
  { name: 'settings', icon: 'gear' },
  { name: 'audit', icon: 'list' },
];

/** Where to go, what waits there, and who is signed in. */
export function Sidebar({ route, language, changeLanguage }: { route: Route } & LanguageChoice) {
  const t = useConsoleText();
  const { api, session } = useConsole();
  const pending = useDevices(QUEUE);
  const conflicts = useOpenConflicts();
  const here = route.name === 'device' ? 'devices' : route.name;
  const id = useId();
  const [open, setOpen] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever went somewhere is done with the menu
  useEffect(() => setOpen(false), [route]);
  const signOut = async (): Promise<void> => {
    await api.signOut().catch(problemOf);
    location.reload();
  };
  return (
    <header className={open ? 'sidebar sidebar-open' : 'sidebar'}>
      <div className="sidebar-name">
        <Mark />
        <span>{session.team.name}</span>
        <button
          type="button"
          className="button button-secondary menu-button"
          aria-expanded={open}
          aria-controls={`${id}-nav`}
          onClick={() => setOpen(!open)}
        >
          <Icon name="list" />
          <span>{t('nav.menu')}</span>
        </button>
      </div>
      <nav id={`${id}-nav`} aria-label={t('nav.label')}>
        <ul className="nav">
          {LINKS.map(({ name, icon }) => (
            <li key={name}>
              <a className="nav-link" href={hrefOf({ name })} aria-current={here === name ? 'page' : undefined}>
                <Icon name={icon} />
                <span>{t(`nav.${name}`)}</span>
                {name === 'conflicts' && conflicts && <span className="nav-count">{conflicts}</span>}
                {name === 'pending' && pending.devices && pending.devices.length > 0 && (
                  <span className="nav-count">{`${pending.devices.length}${pending.more ? '+' : ''}`}</span>
                )}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div className="sidebar-foot">
        <select
          className="input"
          aria-label={t('console.language')}
          value={language}
          onChange={(event) => changeLanguage(event.target.value === 'de' ? 'de' : 'en')}
        >
          <option value="en" lang="en">
            English
          </option>
          <option value="de" lang="de">
            Deutsch
          </option>
        </select>
        <div className="who">
          <bdi className="who-name">{session.user.displayName ?? session.user.email}</bdi>
          <span className="soft">{t(`role.${session.role}`)}</span>
        </div>
        <Button icon="leave" onClick={() => void signOut()}>
          {t('action.signOut')}
        </Button>
      </div>
    </header>
  );
}
