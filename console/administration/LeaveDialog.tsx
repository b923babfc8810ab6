import { useEffect, useState } from 'react';
import type { ApiToken, Person } from '../../contract/administration.ts';
import type { Device } from '../../contract/device.ts';
import type { TeamSettings } from '../../contract/settings.ts';
import { ApprovalBadge, LifecycleBadge } from '../../ui/StatusBadges.tsx';
import { type Api, type ConsoleProblem, FULL_PAGE, problemOf } from '../api/client.ts';
import { useConsole } from '../Console.tsx';
import { useConsoleText } from '../text.ts';
import { Loading, ProblemNotice } from '../View.tsx';
import { ConfirmDialog } from './SecretDialog.tsx';

type Found = {
  devices: readonly Device[];
  more: boolean;
  tokens: readonly ApiToken[];
  settings: Pick<TeamSettings, 'onPersonLeaves' | 'onTokenMakerLeaves'>;
};

/** The API tokens of a person that can still be used, of the newest. */
async function tokensOf(api: Api, email: string): Promise<readonly ApiToken[]> {
  const { tokens } = await api.tokens(null);
  const live = (token: ApiToken) => !token.revokedAt && (!token.expiresAt || Date.parse(token.expiresAt) > Date.now());
  return tokens.filter((token) => token.createdBy.toLowerCase() === email.toLowerCase() && live(token));
}

/** Before a person leaves: which devices that concerns, and what Team Settings will do with them. */
export function LeaveDialog(props: { person: Person; close: () => void; leave: () => void }) {
  const t = useConsoleText();
  const { api } = useConsole();
  const { email, displayName } = props.person;
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState<ConsoleProblem | null>(null);
  useEffect(() => {
    let gone = false;
    Promise.all([api.devices({ owner: email }, null, FULL_PAGE), api.settings(), tokensOf(api, email)]).then(
      ([page, { settings }, tokens]) =>
        !gone && setFound({ devices: page.devices, more: page.next !== null, tokens, settings }),
      (thrown: unknown) => !gone && setProblem(problemOf(thrown)),
    );
    return () => {
      gone = true;
    };
  }, [api, email]);
  return (
    <ConfirmDialog
      title={t('people.leaveTitle', { name: displayName ?? email })}
      text={t('people.leaveMeans')}
      confirm={t('people.leaveConfirm')}
      close={props.close}
      run={props.leave}
    >
      {problem && <ProblemNotice problem={problem} />}
      {!found && !problem && <Loading />}
      {found && (
        <>
          <p>
            {found.devices.length === 0
              ? t('leave.none')
              : t(`leave.${found.settings.onPersonLeaves}`, { count: found.devices.length })}
          </p>
          <ul className="bulk-results">
            {found.devices.map((device) => (
              <li key={device.id}>
                <bdi>{device.name}</bdi>
                <span className="badges">
                  <ApprovalBadge approval={device.approval} />
                  {device.lifecycle !== 'active' && <LifecycleBadge lifecycle={device.lifecycle} />}
                </span>
              </li>
            ))}
          </ul>
          {found.more && <p className="soft small">{t('leave.more')}</p>}
          {found.tokens.length > 0 && (
            <p>
              {t(`leave.tokens.${found.settings.onTokenMakerLeaves}`, { count: found.tokens.length })}{' '}
              <bdi>{found.tokens.map(({ name }) => name).join(', ')}</bdi>
            </p>
          )}
        </>
      )}
    </ConfirmDialog>
  );
}
