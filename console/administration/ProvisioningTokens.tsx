import { useCallback, useState } from 'react';
import type { z } from 'zod';
import type {
  ProvisioningToken,
  ProvisioningTokenMade,
  ProvisioningTokenRequest,
} from '../../contract/administration.ts';
import { Badge, type Tone } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { Dialog } from '../../ui/Dialog.tsx';
import { useFormat } from '../../ui/I18n.tsx';
import type { IconName } from '../../ui/Icon.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { mayAdminister, useConsole } from '../Console.tsx';
import { useConsoleText } from '../text.ts';
import { ProblemNotice, View } from '../View.tsx';
import { TextField } from './fields.tsx';
import { PagedList, Table, useAction, usePaged } from './lists.tsx';
import { ConfirmDialog, SecretDialog } from './SecretDialog.tsx';

type Made = z.infer<typeof ProvisioningTokenMade>;
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
  const action = useAction();
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const [revoking, setRevoking] = useState<ProvisioningToken | null>(null);
  const usesOf = ({ uses, maxUses }: ProvisioningToken): string =>
    maxUses === null ? format.number(uses) : t('provisioning.usesOf', { uses, max: maxUses });
  return (
    <View
      title={t('provisioning.title')}
      text={t('provisioning.text')}
      aside={
        mayAdminister(session) && (
          <Button look="primary" icon="key" onClick={() => setMaking(true)}>
            {t('provisioning.new')}
          </Button>
        )
      }
    >
      {action.problem && <ProblemNotice problem={action.problem} dismiss={action.dismiss} />}
      <PagedList list={list} empty={t('provisioning.empty')}>
        {(tokens) => (
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
            {tokens.map((token) => (
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
                  {token.lastUsedAt ? (
                    <RelativeTime at={token.lastUsedAt} />
                  ) : (
                    <span className="soft">{t('list.never')}</span>
                  )}
                </td>
                <td>
                  <RelativeTime at={token.expiresAt} />
                </td>
                <td>
                  {mayAdminister(session) && token.state === 'active' && (
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
              setMade(await api.makeProvisioningToken(request));
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
              await api.revokeProvisioningToken(revoking.id);
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
  const [days, setDays] = useState('30');
  const [maxUses, setMaxUses] = useState('');
  const [identifiers, setIdentifiers] = useState('');
  const [fault, setFault] = useState(false);
  const confirm = (): void => {
    const given = name.trim();
    setFault(given === '');
    if (given === '') return;
    const lines = identifiers
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
    make({
      name: given,
      days: Number(days),
      maxUses: maxUses === '' ? null : Number(maxUses),
      identifiers: lines.length === 0 ? null : lines,
    });
  };
  return (
    <Dialog
      title={t('provisioning.new')}
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
        fault={fault ? t('tokens.nameMissing') : null}
      />
      <TextField label={t('provisioning.days')} type="number" min={1} max={365} value={days} change={setDays} />
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
    </Dialog>
  );
}
