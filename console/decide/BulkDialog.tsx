import type { Device } from '../../contract/device.ts';
import { Badge } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { Dialog } from '../../ui/Dialog.tsx';
import type { BulkResult } from '../api/client.ts';
import { useConsoleText } from '../text.ts';

/** Every item of a bulk decision with its own result. */
export function BulkDialog(props: { devices: readonly Device[]; result: BulkResult; close: () => void }) {
  const t = useConsoleText();
  const { results } = props.result;
  const nameOf = (id: string): string => props.devices.find((device) => device.id === id)?.name ?? id;
  const done = results.filter((item) => item.outcome === 'done').length;
  return (
    <Dialog
      title={t('bulk.title')}
      onClose={props.close}
      actions={
        <Button look="primary" data-first onClick={props.close}>
          {t('action.close')}
        </Button>
      }
    >
      <p role="status">{t('bulk.summary', { done, failed: results.length - done })}</p>
      <ul className="bulk-results">
        {results.map((item) => (
          <li key={item.id}>
            <bdi>{nameOf(item.id)}</bdi>
            {item.outcome === 'done' ? (
              <Badge tone="good" icon="check">
                {t('bulk.done')}
              </Badge>
            ) : (
              <>
                <Badge tone="bad" icon="cross">
                  {t('bulk.failed')}
                </Badge>
                <p className="soft">{item.detail}</p>
              </>
            )}
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
