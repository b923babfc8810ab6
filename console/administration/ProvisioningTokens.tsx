import { useCallback, useState } from 'react';
import type { z } from 'zod';
import type { ProvisioningToken, ProvisioningTokenRequest } from '../../contract/administration.ts';
import { Badge, type Tone } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { useFormat } from '../../ui/I18n.tsx';
import type { IconName } from '../../ui/Icon.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { mayAdminister, useConsole } from '../Console.tsx';
import { TextField } from '../fields.tsx';
import { LastTime, PagedList, Table, usePaged } from '../lists.tsx';
import { linesOf } from '../settings/settingsDraft.ts';
import { useConsoleText } from '../text.ts';
import { ProblemNotice, View } from '../View.tsx';
import { type FormOf, MakeTokenDialog, useTokenDialogs } from './TokenDialogs.tsx';

type Request = z.input<typeof ProvisioningTokenRequest>;

const LOOKS: Record<ProvisioningToken['state'], { tone: Tone; icon: IconName }> = {
  active: { tone: 'good', icon: 'check' },
  'used-up': { tone: 'neutral', icon: 'dash' },
  expired: { tone: 'neutral', icon: 'clock' },
  revoked: { tone: 'neutral', icon: 'cross' },
};

export function ProvisioningTokens() {
  const t = useConsoleText();
  const format = useFormat();
  const { api, session } = useConsole();
  const list = usePaged(
    useCallback(
      async (cursor: string | null) => {
        const { tokens, next } = await api.provisioningTokens(cursor);
        return { items: tokens, next };
      },
      [api],
    ),
  );
  const tokens = useTokenDialogs<Request>({
    make: api.makeProvisioningToken,
    revoke: api.revokeProvisioningToken,
    changed: list.reload,
    form: (dialog) => <MakeDialog {...dialog} />,
  });
  const usesOf = ({ uses, maxUses }: ProvisioningToken): string =>
    maxUses === null ? format.number(uses) : t('provisioning.usesOf', { uses, max: maxUses });
  return (
    <View
      title={t('provisioning.title')}
      text={t('provisioning.text')}
      aside={
        mayAdminister(session) && (
          <Button look="primary" icon="key" onClick={tokens.make}>
            {t('provisioning.new')}
          </Button>
        )
      }
    >
      {tokens.problem && <ProblemNotice problem={tokens.problem} dismiss={tokens.dismiss} />}
      <PagedList list={list} empty={t('provisioning.empty')}>
        {(items) => (
          <Table
            label={t('provisioning.title')}
            columns={[
              t('provisioning.column.name'),
              t('list.column.state'),
              t('provisioning.column.uses'),
              t('provisioning.column.limits'),
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
                  <Badge {...LOOKS[token.state]}>{t(`provisioning.state.${token.state}`)}</Badge>
                </td>
                <td>{usesOf(token)}</td>
                <td>
                  {token.identifiers === null
                    ? t('provisioning.anyDevice')
                    : t('provisioning.someDevices', { count: token.identifiers })}
                </td>
                <td>
                  <LastTime at={token.lastUsedAt} />
                </td>
                <td>
                  <RelativeTime at={token.expiresAt} />
                </td>
                <td>
                  {mayAdminister(session) && token.state === 'active' && (
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
  const [maxUses, setMaxUses] = useState('');
  const [identifiers, setIdentifiers] = useState('');
  const lines = linesOf(identifiers);
  return (
    <MakeTokenDialog
      complete
      title={t('provisioning.new')}
      days="30"
      close={close}
      problem={problem}
      make={(token) =>
        make({
          ...token,
          maxUses: maxUses === '' ? null : Number(maxUses),
          identifiers: lines.length === 0 ? null : lines,
        })
      }
    >
      {() => (
        <>
          <TextField
            label={t('provisioning.maxUses')}
            note={t('provisioning.maxUsesNote')}
            type="number"
            min={1}
            value={maxUses}
            change={setMaxUses}
          />
          <TextField
            lines
            label={t('provisioning.identifiers')}
            note={t('provisioning.identifiersNote')}
            value={identifiers}
            change={setIdentifiers}
          />
        </>
      )}
    </MakeTokenDialog>
  );
}
