import { type FormEvent, useCallback, useState } from 'react';
import type { z } from 'zod';
import type { Invite, InviteMade } from '../../contract/administration.ts';
import { Badge, type Tone } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import type { IconName } from '../../ui/Icon.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { mayDecide, useConsole } from '../Console.tsx';
import { hrefOf } from '../route.ts';
import { useConsoleText } from '../text.ts';
import { ProblemNotice, View } from '../View.tsx';
import { TextField } from './fields.tsx';
import { PagedList, Table, useAction, usePaged } from './lists.tsx';
import { SecretDialog } from './SecretDialog.tsx';

type Made = z.infer<typeof InviteMade>;

const LOOKS: Record<Invite['state'], { tone: Tone; icon: IconName }> = {
  sent: { tone: 'accent', icon: 'mail' },
  opened: { tone: 'accent', icon: 'eye' },
  used: { tone: 'good', icon: 'check' },
  expired: { tone: 'neutral', icon: 'clock' },
  revoked: { tone: 'neutral', icon: 'cross' },
};

export function Invites() {
  const t = useConsoleText();
  const { api, session } = useConsole();
  const list = usePaged(
    useCallback(
      async (cursor: string | null) => {
        const { invites, next } = await api.invites(cursor);
        return { items: invites, next };
      },
      [api],
    ),
  );
  const action = useAction();
  const [made, setMade] = useState<Made | null>(null);
  const make = (work: () => Promise<Made>): void =>
    action.run(async () => {
      setMade(await work());
      list.reload();
    });
  const revoke = (invite: Invite): void =>
    action.run(async () => {
      await api.revokeInvite(invite.id);
      list.reload();
    });
  return (
    <View title={t('invites.title')} text={t('invites.text')}>
      {mayDecide(session) && <InviteForm busy={action.busy} send={(email) => make(() => api.invite(email))} />}
      {action.problem && <ProblemNotice problem={action.problem} dismiss={action.dismiss} />}
      <PagedList list={list} empty={t('invites.empty')}>
        {(invites) => (
          <Table
            label={t('invites.title')}
            columns={[
              t('invites.email'),
              t('list.column.state'),
              t('list.column.created'),
              t('list.column.expires'),
              t('list.column.actions'),
            ]}
          >
            {invites.map((invite) => (
              <tr key={invite.id}>
                <th scope="row">
                  <bdi>{invite.email}</bdi>
                </th>
                <td>
                  <Badge {...LOOKS[invite.state]}>{t(`invites.state.${invite.state}`)}</Badge>
                </td>
                <td>
                  <RelativeTime at={invite.createdAt} />{' '}
                  <span className="soft">{t('list.byWhom', { who: invite.createdBy })}</span>
                </td>
                <td>
                  <RelativeTime at={invite.expiresAt} />
                </td>
                <td>
                  <div className="row-actions">
                    {invite.deviceId && (
                      <a href={hrefOf({ name: 'device', id: invite.deviceId })}>{t('invites.device')}</a>
                    )}
                    {mayDecide(session) && invite.state !== 'used' && (
                      <Button
                        aria-label={t('invites.resendTo', { name: invite.email })}
                        onClick={() => make(() => api.resendInvite(invite.id))}
                      >
                        {t('invites.resend')}
                      </Button>
                    )}
                    {mayDecide(session) && (invite.state === 'sent' || invite.state === 'opened') && (
                      <Button aria-label={t('action.revokeOf', { name: invite.email })} onClick={() => revoke(invite)}>
                        {t('action.revoke')}
                      </Button>
                    )}
                  </div>
                </td>
              </tr>
            ))}
          </Table>
        )}
      </PagedList>
      {made && (
        <SecretDialog
          title={t('invites.madeTitle', { email: made.invite.email })}
          text={t(`invites.${made.delivery}`)}
          label={t('invites.link')}
          secret={made.link}
          close={() => setMade(null)}
        />
      )}
    </View>
  );
}

function InviteForm({ busy, send }: { busy: boolean; send: (email: string) => void }) {
  const t = useConsoleText();
  const [email, setEmail] = useState('');
  const [fault, setFault] = useState(false);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const wrong = !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email.trim());
    setFault(wrong);
    if (wrong) return;
    send(email.trim());
    setEmail('');
  };
  return (
    <form className="inline-form" onSubmit={submit} noValidate>
      <TextField
        label={t('invites.email')}
        type="email"
        value={email}
        change={(value) => {
          setEmail(value);
          setFault(false);
        }}
        fault={fault ? t('invites.emailMissing') : null}
      />
      <Button type="submit" look="primary" icon="mail" busy={busy}>
        {t('invites.send')}
      </Button>
    </form>
  );
}
