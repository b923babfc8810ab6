import type { Device, EkClass } from '../../contract/device.ts';
import { Button } from '../../ui/Button.tsx';
import { Dialog } from '../../ui/Dialog.tsx';
import { useFormat } from '../../ui/I18n.tsx';
import { AskDialog } from '../AskDialog.tsx';
import { isOwnDevice, needsSomebodyElse, useConsole } from '../Console.tsx';
import { useConsoleText } from '../text.ts';
import { heldUp } from './heldUp.ts';

/** Before many are approved at once: what they are, and which of them deserve a look of their own. */
export function ApproveDialog(props: {
  devices: readonly Device[];
  close: () => void;
  approve: (devices: readonly Device[]) => void;
}) {
  const t = useConsoleText();
  const format = useFormat();
  const { session } = useConsole();
  // One's own are not even tried where the team wants somebody else behind the approval.
  const devices = props.devices.filter((device) => !needsSomebodyElse(session, device));
  const leftOut = props.devices.length - devices.length;
  const count = (test: (device: Device) => boolean): number => devices.filter(test).length;
  const classes = [...Map.groupBy(devices, (device): EkClass => device.ekClass)].map(
    ([ekClass, some]) => `${t(`ekClass.${ekClass}`)}: ${format.number(some.length)}`,
  );
  const sources = [...Map.groupBy(devices, (device) => device.source)].map(
    ([source, some]) => `${source}: ${format.number(some.length)}`,
  );
  const notes = [
    [count((device) => device.ceremonyCode !== null), 'approveMany.codes'],
    [count((device) => device.owner === null && !device.shared), 'approveMany.ownerless'],
    [count(heldUp), 'approveMany.conflicts'],
    [count((device) => isOwnDevice(session, device)), 'approveMany.own'],
    [leftOut, 'approveMany.ownLeftOut'],
    [count((device) => device.approval === 'refused'), 'approveMany.refused'],
  ] as const;
  if (devices.length === 0) {
    return (
      <Dialog
        title={t('decide.approveAll')}
        onClose={props.close}
        actions={
          <Button data-first onClick={props.close}>
            {t('action.close')}
          </Button>
        }
      >
        <p>{t('approveMany.onlyOwn')}</p>
      </Dialog>
    );
  }
  return (
    <AskDialog
      title={t('approveMany.title', { count: devices.length })}
      confirm={t('approveMany.confirm', { count: devices.length })}
      close={props.close}
      run={() => props.approve(devices)}
    >
      <p>{classes.join(' · ')}</p>
      <p>{sources.join(' · ')}</p>
      <ul className="notes">
        {notes.map(([number, key]) => number > 0 && <li key={key}>{t(key, { count: number })}</li>)}
      </ul>
      <p className="soft small">{t('approveMany.text')}</p>
    </AskDialog>
  );
}
