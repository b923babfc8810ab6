import { useCallback, useState } from 'react';
import type { TrustedRoot } from '../../contract/roots.ts';
import { Badge } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { useFormat } from '../../ui/I18n.tsx';
import { useNow } from '../../ui/useNow.ts';
import { ConfirmDialog } from '../administration/SecretDialog.tsx';
import { mayAdminister, useConsole } from '../Console.tsx';
import { PagedList, Table, useAction, usePaged } from '../lists.tsx';
import { type ConsoleText, useConsoleText } from '../text.ts';
import { ProblemNotice, View } from '../View.tsx';
import { AddMakerDialog } from './AddMakerDialog.tsx';

/** Whose TPMs count: the certificates, where each came from, and whether it is trusted. */
export function Makers() {
  const t = useConsoleText();
  const { api, session, announce } = useConsole();
  const list = usePaged(useCallback(async () => ({ items: (await api.makers()).roots, next: null }), [api]));
  const action = useAction();
  const [asking, setAsking] = useState<TrustedRoot | 'add' | null>(null);
  const close = (): void => setAsking(null);
  const decide = ({ fingerprint, trusted, vendor }: TrustedRoot): void =>
    action.run(async () => {
      close();
      const { devices, done } = await api.trustMaker(fingerprint, !trusted);
      await list.reload();
      const said = t(trusted ? 'makers.stopped' : 'makers.resumed', { vendor, count: devices });
      announce(done ? said : `${said} ${t('makers.goesOn')}`);
    });
  const added = ({ vendor }: TrustedRoot): void => {
    close();
    announce(t('makers.added', { vendor }));
    void list.reload();
  };
  const owner = mayAdminister(session);
  return (
    <View
      title={t('makers.title')}
      text={t('makers.text')}
      aside={
        owner && (
          <Button look="primary" icon="chip" onClick={() => setAsking('add')}>
            {t('makers.add')}
          </Button>
        )
      }
    >
      {action.problem && <ProblemNotice problem={action.problem} dismiss={action.dismiss} />}
      <PagedList list={list} empty={t('makers.empty')}>
        {(roots) => (
          <Table
            label={t('makers.title')}
            columns={[
              t('makers.column.maker'),
              t('makers.column.certificate'),
              t('list.column.state'),
              t('makers.column.counts'),
              t('makers.column.until'),
              ...(owner ? [t('list.column.actions')] : []),
            ]}
          >
            {roots.map((root) => (
              <MakerRow key={root.fingerprint} root={root} ask={owner ? () => setAsking(root) : null} />
            ))}
          </Table>
        )}
      </PagedList>
      <p className="soft">{t('makers.how')}</p>
      <pre className="command mono" dir="ltr">
        muster server roots update
      </pre>
      {asking === 'add' && <AddMakerDialog close={close} added={added} />}
      {asking !== null && asking !== 'add' && (
        <ConfirmDialog {...wordsOf(asking, t)} close={close} run={() => decide(asking)}>
          <p className="mono fingerprint" dir="ltr">
            {asking.subject}
            <br />
            {asking.fingerprint}
          </p>
        </ConfirmDialog>
      )}
    </View>
  );
}

function wordsOf({ trusted, role, vendor }: TrustedRoot, t: ConsoleText) {
  const root = role === 'root';
  return trusted
    ? {
        title: t('makers.stopTitle', { vendor }),
        text: t(root ? 'makers.stopRoot' : 'makers.stopIntermediate'),
        confirm: t('makers.stopConfirm'),
      }
    : {
        title: t('makers.resumeTitle', { vendor }),
        text: t(root ? 'makers.resumeRoot' : 'makers.resumeIntermediate'),
        confirm: t('makers.resumeConfirm'),
      };
}

function MakerRow({ root, ask }: { root: TrustedRoot; ask: (() => void) | null }) {
  const t = useConsoleText();
  const format = useFormat();
  const now = useNow();
  const { vendor, subject, fingerprint, trusted } = root;
  return (
    <tr>
      <th scope="row">
        <bdi>{vendor}</bdi>
        <span className="soft small maker-role">
          {t(`makers.role.${root.role}`)} · {t(`makers.source.${root.source}`)}
        </span>
      </th>
      <td>
        <bdi>{subject}</bdi>
        <div className="mono small soft fingerprint" dir="ltr">
          {fingerprint}
        </div>
      </td>
      <td>
        <Badge tone={trusted ? 'good' : 'bad'} icon={trusted ? 'check' : 'cross'}>
          {t(trusted ? 'makers.trusted' : 'makers.distrusted')}
        </Badge>
      </td>
      <td>{countsAs(root, t)}</td>
      <td className="nowrap">
        {format.date(root.notAfter)}
        {Date.parse(root.notAfter) <= now && <span className="soft small maker-role">{t('makers.expired')}</span>}
      </td>
      {ask && (
        <td className="nowrap">
          <Button aria-label={t(trusted ? 'makers.stopOf' : 'makers.resumeOf', { vendor, subject })} onClick={ask}>
            {t(trusted ? 'makers.stop' : 'makers.resume')}
          </Button>
        </td>
      )}
    </tr>
  );
}

/** An intermediate says nothing by itself. */
function countsAs({ role, ekClass }: TrustedRoot, t: ConsoleText): string {
  if (role === 'intermediate') return t('makers.ofRoot');
  return ekClass === null ? t('makers.ofVendor') : t(`ekClass.${ekClass}`);
}
