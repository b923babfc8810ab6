import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { ConsoleEvent } from '../contract/decisions.ts';
import type { Session } from '../contract/settings.ts';
import { I18nProvider } from '../ui/I18n.tsx';
import { Icon, Mark } from '../ui/Icon.tsx';
import { chooseLanguage, chooseLocale, type Language } from '../ui/translate.ts';
import { ApiTokens } from './administration/ApiTokens.tsx';
import { Conflicts } from './administration/Conflicts.tsx';
import { Invites } from './administration/Invites.tsx';
import { MdmConnections } from './administration/MdmConnections.tsx';
import { People } from './administration/People.tsx';
import { ProvisioningTokens } from './administration/ProvisioningTokens.tsx';
import { type Api, type ConsoleProblem, problemOf } from './api/client.ts';
import type { Connect, Events, LiveState } from './api/events.ts';
import { AuditView } from './audit/AuditView.tsx';
import { Authorities } from './authorities/Authorities.tsx';
import { ConsoleProvider, useConsole, useEvents } from './Console.tsx';
import { DevicePage } from './devices/DevicePage.tsx';
import { RecentDevices } from './devices/RecentDevices.tsx';
import { rememberedLanguage, rememberLanguage } from './language.ts';
import { Makers } from './makers/Makers.tsx';
import { Pending } from './pending/Pending.tsx';
import { type Route, useRoute } from './route.ts';
import { type LanguageChoice, Sidebar } from './Sidebar.tsx';
import { TeamSettingsView } from './settings/TeamSettingsView.tsx';
import { consoleCatalogues, useConsoleText } from './text.ts';
import { Loading, ProblemNotice } from './View.tsx';

export function App({ api, connect }: { api: Api; connect: Connect }) {
  const [language, setLanguage] = useState<Language>(
    () => rememberedLanguage() ?? chooseLanguage('system', navigator.languages),
  );
  const change = (next: Language): void => {
    rememberLanguage(next);
    setLanguage(next);
  };
  return (
    <I18nProvider
      language={language}
      locale={chooseLocale(language, navigator.languages)}
      catalogues={consoleCatalogues}
    >
      <Gate api={api} connect={connect} language={language} changeLanguage={change} />
    </I18nProvider>
  );
}

/** Nothing is shown before the server says who is here. */
function Gate({ api, connect, ...choice }: { api: Api; connect: Connect } & LanguageChoice) {
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  const [problem, setProblem] = useState<ConsoleProblem | null>(null);
  const load = useCallback(async () => {
    setProblem(null);
    try {
      setSession(await api.session());
    } catch (thrown) {
      setProblem(problemOf(thrown));
    }
  }, [api]);
  useEffect(() => void load(), [load]);
  if (problem && !session) {
    return (
      <main className="gate">
        <ProblemNotice problem={problem} retry={() => void load()} />
      </main>
    );
  }
  if (session === undefined) {
    return (
      <main className="gate">
        <Loading />
      </main>
    );
  }
  return session === null ? (
    <SignIn />
  ) : (
    <SignedIn api={api} connect={connect} session={session} checkSession={() => void load()} {...choice} />
  );
}

function SignIn() {
  const t = useConsoleText();
  useEffect(() => {
    document.title = t('signIn.title');
  }, [t]);
  return (
    <main className="gate">
      <div className="card gate-card">
        <Mark />
        <h1>{t('signIn.title')}</h1>
        <p className="soft">{t('signIn.text')}</p>
        <a className="button button-primary button-wide" href="/console/sign-in">
          {t('signIn.action')}
        </a>
      </div>
    </main>
  );
}

const ANNOUNCEMENT_MS = 6000;

function SignedIn(props: { api: Api; connect: Connect; session: Session; checkSession: () => void } & LanguageChoice) {
  const { api, connect, session, checkSession } = props;
  const [live, setLive] = useState<LiveState>('live');
  const [generation, setGeneration] = useState(0);
  const [said, setSaid] = useState('');
  const [events, setEvents] = useState<Events | null>(null);
  const check = useRef(checkSession);
  check.current = checkSession;
  useEffect(() => {
    const opened = connect({
      onState: (state) => {
        setLive(state);
        // An ended session closes the stream too: then the sign-in has to show.
        if (state === 'interrupted') check.current();
      },
      onResume: () => setGeneration((before) => before + 1),
    });
    setEvents(opened);
    return () => opened.close();
  }, [connect]);
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(''), ANNOUNCEMENT_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const value = useMemo(
    () => events && { api, session, events, generation, announce: setSaid, checkSession: () => check.current() },
    [api, session, events, generation],
  );
  if (!value) return null;
  return (
    <ConsoleProvider value={value}>
      <Shell live={live} said={said} language={props.language} changeLanguage={props.changeLanguage} />
    </ConsoleProvider>
  );
}

function Shell({ live, said, ...choice }: { live: LiveState; said: string } & LanguageChoice) {
  const t = useConsoleText();
  const { session, announce } = useConsole();
  const route = useRoute();
  const seen = useRef(new Map<string, number>());
  useEvents(
    useCallback(
      ({ device }: ConsoleEvent) => {
        if (device.approval === 'pending' && !seen.current.has(device.id)) {
          announce(t('live.newPending', { name: device.name }));
        }
        seen.current.set(device.id, device.version);
      },
      [announce, t],
    ),
  );
  return (
    <>
      <div className="shell">
        <button type="button" className="skip" onClick={focusContent}>
          {t('nav.skip')}
        </button>
        <div className="frame">
          <Sidebar route={route} {...choice} />
          <div className="column">
            {session.demo && (
              <section className="ribbon" aria-label="Demo">
                {t('demo.ribbon')}
              </section>
            )}
            <div className="content">
              {live === 'interrupted' && (
                <p className="banner tone-wait live-off" role="status">
                  <Icon name="offline" />
                  <span>{t('live.off')}</span>
                </p>
              )}
              <Routed route={route} />
            </div>
          </div>
        </div>
      </div>
      <p className={said ? 'toast' : 'toast toast-empty'} role="status">
        {said}
      </p>
    </>
  );
}

/** The address names the view, so the skip control moves the focus itself. */
const focusContent = (): void => document.querySelector<HTMLElement>('#content h1')?.focus();

function Routed({ route }: { route: Route }) {
  switch (route.name) {
    case 'devices':
      return <RecentDevices />;
    case 'pending':
      return <Pending />;
    case 'conflicts':
      return <Conflicts />;
    case 'invites':
      return <Invites />;
    case 'people':
      return <People />;
    case 'provisioning':
      return <ProvisioningTokens />;
    case 'tokens':
      return <ApiTokens />;
    case 'settings':
      return <TeamSettingsView />;
    case 'mdm':
      return <MdmConnections />;
    case 'makers':
      return <Makers />;
    case 'authorities':
      return <Authorities />;
    case 'audit':
      return <AuditView />;
    case 'device':
      return <DevicePage key={route.id} id={route.id} />;
    default:
      return route satisfies never;
  }
}
