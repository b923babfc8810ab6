import { type FormEvent, useCallback, useId, useState } from 'react';
import type { z } from 'zod';
import type { Invite, InviteMade } from '../../contract/administration.ts';
import { Badge, type Tone } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { Icon, type IconName } from '../../ui/Icon.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { mayDecide, useConsole } from '../Console.tsx';
import { PagedList, Table, useAction, usePaged } from '../lists.tsx';
import { hrefOf } from '../route.ts';
import { useConsoleText } from '../text.ts';
import { ProblemNotice, View } from '../View.tsx';
import { ManyInvites } from './ManyInvites.tsx';
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
  const [many, setMany] = useState<readonly string[] | null>(null);
  const make = (work: () => Promise<Made>): void =>
    action.run(async () => {
      setMade(await work());
      await list.reload();
    });
  const send = ([first, ...rest]: readonly string[]): void => {
    if (first === undefined) return;
    if (rest.length === 0) make(() => api.invite(first));
    else setMany([first, ...rest]);
  };
  const revoke = (invite: Invite): void =>
    action.run(async () => {
      await api.revokeInvite(invite.id);
      await list.reload();
    });
  return (
    <View title={t('invites.title')} text={t('invites.text')}>
      {mayDecide(session) && <InviteForm busy={action.busy} send={send} />}
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
      {many && (
        <ManyInvites
          emails={many}
          close={() => {
            setMany(null);
            void list.reload();
          }}
        />
      )}
    </View>
  );
}

/** Addresses as people paste them: apart by lines, commas, semicolons or blanks. */
const addressesOf = (text: string): string[] => [...new Set(text.split(/[\s,;]+/).filter(Boolean))];

function InviteForm({ busy, send }: { busy: boolean; send: (emails: readonly string[]) => void }) {
  const t = useConsoleText();
  const id = useId();
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string | null>(null);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const emails = addressesOf(text);
    const wrong = emails.find((email) => !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email));
    setFault(emails.length === 0 ? t('invites.emailMissing') : wrong ? t('invites.wrong', { email: wrong }) : null);
    if (emails.length === 0 || wrong) return;
    send(emails);
    setText('');
  };
  return (
    <form className="inline-form" onSubmit={submit} noValidate>
      <div className="field">
        <label htmlFor={id}>{t('invites.email')}</label>
        <textarea
          id={id}
          className="input one-line"
          rows={Math.min(6, text.split('\n').length)}
          value={text}
          spellCheck={false}
          aria-invalid={fault !== null}
          aria-describedby={`${id}-note${fault ? ` ${id}-fault` : ''}`}
          onChange={(event) => {
            setText(event.target.value);
            setFault(null);
          }}
          onKeyDown={(event) => {
            // One address is the usual case: Enter sends it. A list is pasted, or typed with Shift and Enter.
            if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            event.currentTarget.form?.requestSubmit();
          }}
        />
        {fault && (
          <p className="field-error" id={`${id}-fault`} role="alert">
            <Icon name="warning" />
            <span>{fault}</span>
          </p>
        )}
      </div>
      <Button type="submit" look="primary" icon="mail" busy={busy}>
        {t('invites.send')}
      </Button>
      <p className="field-note form-note" id={`${id}-note`}>
        {t('invites.manyNote')}
      </p>
    </form>
  );
}
