import { useCallback, useState } from 'react';
import type { z } from 'zod';
import type { ApiToken, ApiTokenRequest } from '../../contract/administration.ts';
import type { Scope } from '../../contract/settings.ts';
import { Badge } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { useNow } from '../../ui/useNow.ts';
import { mayAdminister, useConsole } from '../Console.tsx';
import { ChoiceGroup } from '../fields.tsx';
import { LastTime, PagedList, Table, usePaged } from '../lists.tsx';
import { useConsoleText } from '../text.ts';
import { ProblemNotice, View } from '../View.tsx';
import { type FormOf, MakeTokenDialog, useTokenDialogs } from './TokenDialogs.tsx';

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
  const tokens = useTokenDialogs<Request>({
    make: api.makeToken,
    revoke: api.revokeToken,
    changed: list.reload,
    form: (dialog) => <MakeDialog {...dialog} />,
  });
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
          <Button look="primary" icon="lock" onClick={tokens.make}>
            {t('tokens.new')}
          </Button>
        )
      }
    >
      {tokens.problem && <ProblemNotice problem={tokens.problem} dismiss={tokens.dismiss} />}
      <PagedList list={list} empty={t('tokens.empty')}>
        {(items) => (
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
            {items.map((token) => (
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
                  {token.orphaned && stateOf(token) === 'active' && (
                    <p className="soft small">{t('tokens.orphaned', { maker: token.createdBy })}</p>
                  )}
                </td>
                <td className="mono">{token.scopes.join(', ')}</td>
                <td>
                  <LastTime at={token.lastUsedAt} />
                </td>
                <td>{token.expiresAt ? <RelativeTime at={token.expiresAt} /> : t('list.never')}</td>
                <td>
                  {mayAdminister(session) && stateOf(token) === 'active' && (
                    <Button
                      aria-label={t('action.revokeOf', { name: token.name })}
                      onClick={() => tokens.revoke(token)}
                    >
                      {t('action.revoke')}
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </PagedList>
      {tokens.dialog}
    </View>
  );
}

function MakeDialog({ make, close, problem }: FormOf<Request>) {
  const t = useConsoleText();
  const [scopes, setScopes] = useState<Scope[]>([]);
  return (
    <MakeTokenDialog
      title={t('tokens.new')}
      days="90"
      close={close}
      problem={problem}
      complete={scopes.length > 0}
      make={(token) => make({ ...token, scopes })}
    >
      {(tried) => (
        <ChoiceGroup
          label={t('tokens.scopes')}
          options={SCOPES.map((scope) => [scope, scope])}
          chosen={scopes}
          change={setScopes}
          fault={tried && scopes.length === 0 ? t('tokens.scopesMissing') : null}
        />
      )}
    </MakeTokenDialog>
  );
}
