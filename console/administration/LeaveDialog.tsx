import { useEffect, useState } from 'react';
import type { Person } from '../../contract/administration.ts';
import type { Device } from '../../contract/device.ts';
import type { TeamSettings } from '../../contract/settings.ts';
import { ApprovalBadge, LifecycleBadge } from '../../ui/StatusBadges.tsx';
import { type ConsoleProblem, FULL_PAGE, problemOf } from '../api/client.ts';
import { useConsole } from '../Console.tsx';
import { useConsoleText } from '../text.ts';
import { Loading, ProblemNotice } from '../View.tsx';
import { ConfirmDialog } from './SecretDialog.tsx';

type Found = { devices: readonly Device[]; more: boolean; policy: TeamSettings['onPersonLeaves'] };

/** Before a person leaves: which devices that concerns, and what Team Settings will do with them. */
export function LeaveDialog(props: { person: Person; close: () => void; leave: () => void }) {
  const t = useConsoleText();
  const { api } = useConsole();
  const { email, displayName } = props.person;
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState<ConsoleProblem | null>(null);
  useEffect(() => {
    let gone = false;
    Promise.all([api.devices({ owner: email }, null, FULL_PAGE), api.settings()]).then(
      ([page, { settings }]) =>
        !gone && setFound({ devices: page.devices, more: page.next !== null, policy: settings.onPersonLeaves }),
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
            {found.devices.length === 0 ? t('leave.none') : t(`leave.${found.policy}`, { count: found.devices.length })}
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
        </>
      )}
    </ConfirmDialog>
  );
}
