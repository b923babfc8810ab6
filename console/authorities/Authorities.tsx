import { useCallback, useState } from 'react';
import type { CaWebhook } from '../../contract/caWebhooks.ts';
import { Button } from '../../ui/Button.tsx';
import { ConfirmDialog } from '../administration/SecretDialog.tsx';
import { mayAdminister, useConsole } from '../Console.tsx';
import { LastTime, PagedList, Table, useAction, usePaged } from '../lists.tsx';
import { useConsoleText } from '../text.ts';
import { ProblemNotice, View } from '../View.tsx';
import { WebhookDialog } from './WebhookDialog.tsx';

type Asking = { kind: 'enter' } | { kind: 'change' | 'remove'; webhook: CaWebhook } | null;

/** The certificate authorities that ask this inventory before they issue: one line for each webhook of theirs. */
export function Authorities() {
  const t = useConsoleText();
  const { api, session, announce } = useConsole();
  const list = usePaged(useCallback(async () => ({ items: (await api.caWebhooks()).webhooks, next: null }), [api]));
  const action = useAction();
  const [asking, setAsking] = useState<Asking>(null);
  const owner = mayAdminister(session);
  const close = (): void => setAsking(null);
  const saved = (webhook: CaWebhook): void =>
    action.run(async () => {
      close();
      await list.reload();
      announce(t('authorities.saved', { name: webhook.name }));
    });
  const remove = ({ id, name }: CaWebhook): void =>
    action.run(async () => {
      close();
      await api.removeCaWebhook(id);
      await list.reload();
      announce(t('authorities.removed', { name }));
    });
  return (
    <View
      title={t('authorities.title')}
      text={t('authorities.text')}
      aside={
        owner && (
          <Button look="primary" onClick={() => setAsking({ kind: 'enter' })}>
            {t('authorities.enter')}
          </Button>
        )
      }
    >
      {action.problem && <ProblemNotice problem={action.problem} dismiss={action.dismiss} />}
      <PagedList list={list} empty={t('authorities.empty')}>
        {(webhooks) => (
          <Table
            label={t('authorities.title')}
            columns={[
              t('tokens.column.name'),
              t('authorities.id'),
              t('authorities.level'),
              t('authorities.column.asked'),
              ...(owner ? [t('list.column.actions')] : []),
            ]}
          >
            {webhooks.map((webhook) => (
              <tr key={webhook.id}>
                <th scope="row">
                  <bdi>{webhook.name}</bdi>
                </th>
                <td className="mono" dir="ltr">
                  {webhook.id}
                </td>
                <td>{t(webhook.level === 'high' ? 'assurance.highShort' : 'assurance.normalShort')}</td>
                <td className="nowrap">
                  <LastTime at={webhook.lastUsedAt} />
                </td>
                {owner && (
                  <td className="nowrap">
                    <div className="row-actions">
                      <Button
                        aria-label={t('authorities.changeOf', { name: webhook.name })}
                        onClick={() => setAsking({ kind: 'change', webhook })}
                      >
                        {t('authorities.change')}
                      </Button>
                      <Button
                        aria-label={t('authorities.removeOf', { name: webhook.name })}
                        onClick={() => setAsking({ kind: 'remove', webhook })}
                      >
                        {t('authorities.remove')}
                      </Button>
                    </div>
                  </td>
                )}
              </tr>
            ))}
          </Table>
        )}
      </PagedList>
      <p className="soft">{t('authorities.how')}</p>
      <pre className="command mono" dir="ltr">
        {['ENRICHING', 'AUTHORIZING'].map(commandOf).join('\n')}
      </pre>
      {(asking?.kind === 'enter' || asking?.kind === 'change') && (
        <WebhookDialog
          known={asking.kind === 'change' ? asking.webhook : null}
          taken={(list.items ?? []).map((webhook) => webhook.id)}
          close={close}
          saved={saved}
        />
      )}
      {asking?.kind === 'remove' && (
        <ConfirmDialog
          title={t('authorities.removeTitle', { name: asking.webhook.name })}
          text={t('authorities.removeText')}
          confirm={t('authorities.removeConfirm')}
          close={close}
          run={() => remove(asking.webhook)}
        />
      )}
    </View>
  );
}

const commandOf = (kind: string): string =>
  `step ca provisioner webhook add acme-da inventory-${kind.toLowerCase()} --kind ${kind} --cert-type X509 \\\n  --url ${location.origin}/api/v1/webhooks/step-ca`;
