import { useState } from 'react';
import type { DeviceChange } from '../../contract/administration.ts';
import type { Device, Lifecycle } from '../../contract/device.ts';
import { Button } from '../../ui/Button.tsx';
import { ConfirmDialog } from '../administration/SecretDialog.tsx';
import { ApiError } from '../api/client.ts';
import { mayAdminister, useConsole } from '../Console.tsx';
import { useAction } from '../lists.tsx';
import { hrefOf } from '../route.ts';
import { useConsoleText } from '../text.ts';
import { ProblemNotice } from '../View.tsx';
import { DetailsDialog } from './DetailsDialog.tsx';
import { OwnerDialog } from './OwnerDialog.tsx';

type Asking = 'remove' | 'forget' | 'owner' | 'details';

/** What is done with a device besides the approval: lifecycle, owner, forgetting. Each on the version that is on the screen. */
export function DeviceActions({ device, apply }: { device: Device; apply: (device: Device) => void }) {
  const t = useConsoleText();
  const { api, session, announce } = useConsole();
  const action = useAction();
  const [asking, setAsking] = useState<Asking | null>(null);
  const { id, version, name, lifecycle } = device;

  const perform = (work: () => Promise<Device>, said: (changed: Device) => string): void =>
    action.run(async () => {
      setAsking(null);
      try {
        const changed = await work();
        apply(changed);
        announce(said(changed));
      } catch (thrown) {
        // What changed meanwhile comes onto the screen with the refusal.
        if (thrown instanceof ApiError && thrown.status === 412) apply(await api.device(id));
        throw thrown;
      }
    });
  const move = (next: Lifecycle): void =>
    perform(
      () => api.setLifecycle(id, version, next),
      (changed) => t('lifecycleAction.done', { name, state: t(`lifecycle.${changed.lifecycle}`) }),
    );
  const forget = (): void =>
    action.run(async () => {
      setAsking(null);
      await api.forget(id, version);
      announce(t('lifecycleAction.forgotten', { name }));
      location.hash = hrefOf({ name: 'devices' });
    });
  const change = (fields: DeviceChange, said: string): void =>
    perform(
      () => api.changeDevice(id, version, fields),
      () => said,
    );

  return (
    <>
      {action.problem && <ProblemNotice problem={action.problem} dismiss={action.dismiss} />}
      <div className="row-actions">
        {lifecycle === 'active' && (
          <Button icon="pause" busy={action.busy} onClick={() => move('quarantined')}>
            {t('lifecycleAction.quarantine')}
          </Button>
        )}
        {lifecycle !== 'active' && (
          <Button icon="check" busy={action.busy} onClick={() => move('active')}>
            {t(lifecycle === 'deleted' ? 'lifecycleAction.restore' : 'lifecycleAction.activate')}
          </Button>
        )}
        {lifecycle !== 'deleted' && (
          <Button icon="list" busy={action.busy} onClick={() => setAsking('details')}>
            {t('details.change')}
          </Button>
        )}
        {lifecycle !== 'deleted' && (
          <Button icon="person" busy={action.busy} onClick={() => setAsking('owner')}>
            {t('ownerAction.change')}
          </Button>
        )}
        {lifecycle !== 'deleted' && (
          <Button icon="trash" busy={action.busy} onClick={() => setAsking('remove')}>
            {t('lifecycleAction.remove')}
          </Button>
        )}
        {lifecycle === 'deleted' && mayAdminister(session) && (
          <Button icon="trash" busy={action.busy} onClick={() => setAsking('forget')}>
            {t('lifecycleAction.forget')}
          </Button>
        )}
      </div>
      {asking === 'remove' && (
        <ConfirmDialog
          title={t('lifecycleAction.removeTitle', { name })}
          text={t('lifecycleAction.removeText')}
          confirm={t('lifecycleAction.removeConfirm')}
          close={() => setAsking(null)}
          run={() => move('deleted')}
        />
      )}
      {asking === 'forget' && (
        <ConfirmDialog
          title={t('lifecycleAction.forgetTitle', { name })}
          text={t('lifecycleAction.forgetText')}
          confirm={t('lifecycleAction.forgetConfirm')}
          close={() => setAsking(null)}
          run={forget}
        />
      )}
      {asking === 'owner' && (
        <OwnerDialog
          title={t('ownerAction.title', { name })}
          email={device.owner?.email ?? ''}
          shared={device.shared}
          close={() => setAsking(null)}
          change={(fields) => change(fields, t('ownerAction.done', { name }))}
        />
      )}
      {asking === 'details' && (
        <DetailsDialog
          device={device}
          close={() => setAsking(null)}
          change={(fields) => change(fields, t('details.done', { name }))}
        />
      )}
    </>
  );
}
