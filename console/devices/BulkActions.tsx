import { type ReactNode, useState } from 'react';
import type { Device } from '../../contract/device.ts';
import { Button } from '../../ui/Button.tsx';
import { ConfirmDialog } from '../administration/SecretDialog.tsx';
import type { Job } from '../bulk/jobs.ts';
import { useBulk } from '../bulk/useBulk.tsx';
import { useDecide } from '../decide/useDecide.tsx';
import { useConsoleText } from '../text.ts';
import { OwnerDialog } from './OwnerDialog.tsx';
import { TagsDialog } from './TagsDialog.tsx';

/** What can be done with many devices at once, each with its own result. The dialogs outlive the choice, which a decision may empty. */
export function useBulkActions(
  chosen: readonly Device[],
  changed: (devices: readonly Device[]) => void,
): { buttons: ReactNode; dialogs: ReactNode } {
  const t = useConsoleText();
  const decide = useDecide(changed);
  const bulk = useBulk(changed);
  const [asking, setAsking] = useState<'tags' | 'owner' | 'remove' | null>(null);
  const start = (job: Job): void => {
    setAsking(null);
    bulk.start(job, chosen);
  };
  const count = chosen.length;
  const buttons = (
    <>
      <Button look="primary" onClick={() => decide.approveMany(chosen)}>
        {t('decide.approveAll')}
      </Button>
      <Button onClick={() => decide.refuseMany(chosen)}>{t('decide.refuseAll')}</Button>
      <Button onClick={() => setAsking('tags')}>{t('tags.change')}</Button>
      <Button onClick={() => setAsking('owner')}>{t('ownerAction.change')}</Button>
      <Button onClick={() => start({ kind: 'lifecycle', lifecycle: 'quarantined' })}>
        {t('lifecycleAction.quarantine')}
      </Button>
      <Button onClick={() => start({ kind: 'lifecycle', lifecycle: 'active' })}>{t('lifecycleAction.activate')}</Button>
      <Button onClick={() => setAsking('remove')}>{t('lifecycleAction.remove')}</Button>
    </>
  );
  const dialogs = (
    <>
      {asking === 'tags' && (
        <TagsDialog
          count={count}
          close={() => setAsking(null)}
          change={(add, remove) => start({ kind: 'tags', add, remove })}
        />
      )}
      {asking === 'owner' && (
        <OwnerDialog
          title={t('ownerAction.titleMany', { count })}
          email=""
          shared={false}
          close={() => setAsking(null)}
          change={(change) => start({ kind: 'change', change })}
        />
      )}
      {asking === 'remove' && (
        <ConfirmDialog
          title={t('lifecycleAction.removeMany', { count })}
          text={t('lifecycleAction.removeText')}
          confirm={t('lifecycleAction.removeConfirm')}
          close={() => setAsking(null)}
          run={() => start({ kind: 'lifecycle', lifecycle: 'deleted' })}
        />
      )}
      {decide.dialog}
      {bulk.dialog}
    </>
  );
  return { buttons, dialogs };
}
