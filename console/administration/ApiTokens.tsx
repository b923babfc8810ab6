import { useCallback, useState } from 'react';
import type { z } from 'zod';
import type { ApiToken, ApiTokenMade, ApiTokenRequest } from '../../contract/administration.ts';
import type { Scope } from '../../contract/settings.ts';
import { Badge } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { Dialog } from '../../ui/Dialog.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { useNow } from '../../ui/useNow.ts';
import { mayAdminister, useConsole } from '../Console.tsx';
import { useConsoleText } from '../text.ts';
import { ProblemNotice, View } from '../View.tsx';
import { ChoiceGroup, TextField } from './fields.tsx';
import { PagedList, Table, useAction, usePaged } from './lists.tsx';
import { ConfirmDialog, SecretDialog } from './SecretDialog.tsx';

type Made = z.infer<typeof ApiTokenMade>;
type Request = z.input<typeof ApiTokenRequest>;

/** Every scope there is; one that is missing here does not compile. Scopes are written as scripts and documentation write them. */
const SCOPES = Object.keys({
  'devices:read': true,
  'devices:write': true,
  'devices:decide': true,
  'access:read': true,
  'audit:read': true,
  'people:write': true,
  'settings:read': true,
  'settings:write': true,
} satisfies Record<Scope, true>) as Scope[];

export function ApiTokens() {
  const t = useConsoleText();
  const now = useNow();
  const { api, session } = useConsole();
  const list = usePaged(
    useCallback(
      async (cursor: string | null) => {
        const { tokens, next } = await api.tokens(cursor);
        return { items: tokens, next };
      },
      [api],
    ),
  );
  const action = useAction();
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const [revoking, setRevoking] = useState<ApiToken | null>(null);
  const stateOf = (token: ApiToken): 'active' | 'expired' | 'revoked' => {
    if (token.revokedAt) return 'revoked';
    return token.expiresAt && Date.parse(token.expiresAt) <= now ? 'expired' : 'active';
  };
  return (
    <View
      title={t('tokens.title')}
      text={t('tokens.text')}
      aside={
        mayAdminister(session) && (
          <Button look="primary" icon="lock" onClick={() => setMaking(true)}>
            {t('tokens.new')}
          </Button>
        )
      }
    >
      {action.problem && <ProblemNotice problem={action.problem} dismiss={action.dismiss} />}
      <PagedList list={list} empty={t('tokens.empty')}>
        {(tokens) => (
          <Table
            label={t('tokens.title')}
            columns={[
              t('tokens.column.name'),
              t('list.column.state'),
              t('tokens.column.scopes'),
              t('list.column.lastUsed'),
              t('list.column.expires'),
              t('list.column.actions'),
            ]}
          >
            {tokens.map((token) => (
              <tr key={token.id}>
                <th scope="row">
                  <bdi>{token.name}</bdi>
                </th>
                <td>
                  <Badge
                    tone={stateOf(token) === 'active' ? 'good' : 'neutral'}
                    icon={stateOf(token) === 'active' ? 'check' : 'cross'}
                  >
                    {t(`provisioning.state.${stateOf(token)}`)}
                  </Badge>
                </td>
                <td className="mono">{token.scopes.join(', ')}</td>
                <td>
                  {token.lastUsedAt ? (
                    <RelativeTime at={token.lastUsedAt} />
                  ) : (
                    <span className="soft">{t('list.never')}</span>
                  )}
                </td>
                <td>{token.expiresAt ? <RelativeTime at={token.expiresAt} /> : t('list.never')}</td>
                <td>
                  {mayAdminister(session) && stateOf(token) === 'active' && (
                    <Button aria-label={t('action.revokeOf', { name: token.name })} onClick={() => setRevoking(token)}>
                      {t('action.revoke')}
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </PagedList>
      {making && (
        <MakeDialog
          close={() => setMaking(false)}
          make={(request) =>
            action.run(async () => {
              setMaking(false);
              setMade(await api.makeToken(request));
              list.reload();
            })
          }
        />
      )}
      {made && (
        <SecretDialog
          title={t('tokens.madeTitle', { name: made.token.name })}
          text={t('tokens.madeText')}
          label={t('tokens.secret')}
          secret={made.secret}
          close={() => setMade(null)}
        />
      )}
      {revoking && (
        <ConfirmDialog
          title={t('tokens.revokeTitle', { name: revoking.name })}
          text={t('tokens.revokeText')}
          confirm={t('action.revoke')}
          close={() => setRevoking(null)}
          run={() =>
            action.run(async () => {
              setRevoking(null);
              await api.revokeToken(revoking.id);
              list.reload();
            })
          }
        />
      )}
    </View>
  );
}

function MakeDialog({ make, close }: { make: (request: Request) => void; close: () => void }) {
  const t = useConsoleText();
  const [name, setName] = useState('');
  const [days, setDays] = useState('90');
  const [scopes, setScopes] = useState<Scope[]>([]);
  const [tried, setTried] = useState(false);
  const confirm = (): void => {
    setTried(true);
    if (name.trim() !== '' && scopes.length > 0) make({ name: name.trim(), scopes, days: Number(days) });
  };
  return (
    <Dialog
      title={t('tokens.new')}
      onClose={close}
      actions={
        <>
          <Button onClick={close}>{t('action.cancel')}</Button>
          <Button look="primary" onClick={confirm}>
            {t('provisioning.make')}
          </Button>
        </>
      }
    >
      <TextField
        first
        label={t('provisioning.name')}
        value={name}
        change={setName}
        fault={tried && name.trim() === '' ? t('tokens.nameMissing') : null}
      />
      <TextField label={t('provisioning.days')} type="number" min={1} max={365} value={days} change={setDays} />
      <ChoiceGroup
        label={t('tokens.scopes')}
        options={SCOPES.map((scope) => [scope, scope])}
        chosen={scopes}
        change={setScopes}
        fault={tried && scopes.length === 0 ? t('tokens.scopesMissing') : null}
      />
    </Dialog>
  );
}
