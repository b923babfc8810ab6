import { useEffect, useRef, useState } from 'react';
import type { AppSnapshot } from '../contract/bridge.ts';
import { enrolledScreen } from '../contract/enrolledScreen.ts';
import { IconButton } from '../ui/Button.tsx';
import { I18nProvider } from '../ui/I18n.tsx';
import { Mark } from '../ui/Icon.tsx';
import { chooseLanguage, chooseLocale } from '../ui/translate.ts';
import { LostBanner, OfflineBanner, ProblemBanner } from './Banners.tsx';
import type { Link } from './bridge.ts';
import { Menu, type MenuItem } from './Menu.tsx';
import { DeviceDetails } from './pages/DeviceDetails.tsx';
import { Diagnostics } from './pages/Diagnostics.tsx';
import { Settings } from './pages/Settings.tsx';
import { ConfirmQuestion, type Question, ServerQuestion } from './Questions.tsx';
import { StateScreen } from './StateScreen.tsx';
import { useWindowText, windowCatalogues } from './text.ts';
import { useCall, useSnapshot } from './useLink.ts';
import { type PageName, usePage } from './usePage.ts';

export function App({ link, early = null }: { link: Link; early?: AppSnapshot | null }) {
  const { snapshot, alive } = useSnapshot(link, early);
  const language = chooseLanguage(snapshot?.settings.language ?? 'system', navigator.languages);
  return (
    <I18nProvider
      language={language}
      locale={chooseLocale(language, navigator.languages)}
      catalogues={windowCatalogues}
    >
      <AppWindow link={link} snapshot={snapshot} alive={alive} />
    </I18nProvider>
  );
}

export function AppWindow({ link, snapshot, alive }: { link: Link; snapshot: AppSnapshot | null; alive: boolean }) {
  const t = useWindowText();
  const { call, busy, problem, dismiss } = useCall(link);
  const [page, goTo] = usePage();
  const [question, setQuestion] = useState<Question | null>(null);
  const state = snapshot?.state ?? { kind: 'starting' as const };
  const device = state.kind === 'enrolled' ? state.device : null;
  const team = teamOf(state) ?? t('app.yourOrganization');
  const version = snapshot?.version ?? '';
  useHeadings(page ?? screenKey(state), t);

  return (
    <div className="window">
      <header className="top">
        {snapshot?.demo && <p className="ribbon">{t('demo.ribbon')}</p>}
        <div className="top-bar">
          {page ? (
            <IconButton icon="back" label={t('action.back')} onClick={() => goTo(null)} />
          ) : (
            <span className="top-name">
              <Mark />
              <span>{teamOf(state) ?? t('app.name')}</span>
            </span>
          )}
          <Menu label={t('app.menu')} groups={menuGroups(t, device !== null, goTo, setQuestion, call)} />
        </div>
      </header>
      <div className="banners">
        {!alive && <LostBanner />}
        {snapshot?.connection.kind === 'offline' && (
          <OfflineBanner connection={snapshot.connection} call={call} busy={busy === 'refresh'} />
        )}
        {problem && <ProblemBanner error={problem} version={version} dismiss={dismiss} />}
      </div>
      {page === 'details' ? (
        <DeviceDetails device={device} call={call} proving={busy === 'reattest'} failed={problem !== null} />
      ) : page === 'diagnostics' ? (
        <Diagnostics call={call} running={busy === 'diagnostics'} version={version} />
      ) : page === 'settings' && snapshot ? (
        <Settings snapshot={snapshot} call={call} />
      ) : (
        <StateScreen
          state={state}
          version={version}
          host={snapshot?.host ?? 'electron'}
          managed={snapshot?.managed.serverUrl !== undefined}
          call={call}
          busy={busy}
        />
      )}
      {question && <ConfirmQuestion question={question} team={team} call={call} close={() => setQuestion(null)} />}
      {snapshot?.serverQuestion && <ServerQuestion question={snapshot.serverQuestion} call={call} />}
    </div>
  );
}

type State = AppSnapshot['state'];

function teamOf(state: State): string | null {
  if (state.kind === 'enrolled') return state.device.team;
  if (state.kind === 'signed-out' || state.kind === 'review') return state.team;
  return null;
}

const screenKey = (state: State): string => (state.kind === 'enrolled' ? enrolledScreen(state.device) : state.kind);

/**
 * Names the document after its heading. When another screen took the place of the focused control, the heading gets the focus, so that
 * keyboard and screen reader go on from there; a focus that still has its place is left alone.
 */
function useHeadings(key: string, t: ReturnType<typeof useWindowText>): void {
  const started = useRef(false);
  useEffect(() => {
    const heading = document.querySelector<HTMLElement>('main h1');
    if (!heading) return;
    document.title = t('app.documentTitle', { screen: heading.textContent ?? '' });
    const lost = document.activeElement === null || document.activeElement === document.body;
    if (started.current && lost) heading.focus();
    if (key !== 'starting') started.current = true;
  }, [key, t]);
}

function menuGroups(
  t: ReturnType<typeof useWindowText>,
  enrolled: boolean,
  goTo: (page: PageName) => void,
  ask: (question: Question) => void,
  call: ReturnType<typeof useCall>['call'],
): MenuItem[][] {
  return [
    [
      ...(enrolled
        ? [{ key: 'details', icon: 'laptop' as const, label: t('menu.details'), run: () => goTo('details') }]
        : []),
      { key: 'diagnostics', icon: 'pulse', label: t('menu.diagnostics'), run: () => goTo('diagnostics') },
      { key: 'settings', icon: 'gear', label: t('menu.settings'), run: () => goTo('settings') },
    ],
    [
      { key: 'help', icon: 'help', label: t('menu.help'), run: () => void call('openHelp', { topic: 'help' }) },
      { key: 'privacy', icon: 'eye', label: t('menu.privacy'), run: () => void call('openHelp', { topic: 'privacy' }) },
    ],
    enrolled
      ? [
          { key: 'signOut', icon: 'leave', label: t('action.signOut'), run: () => ask('signOut') },
          { key: 'unenrol', icon: 'trash', label: t('menu.unenrol'), danger: true, run: () => ask('unenroll') },
        ]
      : [],
  ];
}
