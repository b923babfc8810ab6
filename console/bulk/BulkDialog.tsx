import type { Device } from '../../contract/device.ts';
import { Badge } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { CopyButton } from '../../ui/Copy.tsx';
import { Dialog } from '../../ui/Dialog.tsx';
import { useFormat } from '../../ui/I18n.tsx';
import { hrefOf } from '../route.ts';
import { type ConsoleText, useConsoleText, useProblemText } from '../text.ts';
import type { Result, Run } from './jobs.ts';

const SHOWN = 200;

/** The progress of a bulk change, then a result for each device: what failed first. */
export function BulkDialog(props: {
  run: Run;
  retry: (devices: readonly Device[]) => void;
  stop: () => void;
  close: () => void;
}) {
  const t = useConsoleText();
  const { run, retry } = props;
  const reasonOf = useReason();
  const { devices, results } = run;
  const [failed, done, untried] = partition(devices, results);
  const again = failed.filter((device) => {
    const result = results.get(device.id);
    return result?.outcome === 'failed' && result.again;
  });
  const open = [...again, ...untried];
  const ended = run.state === 'ended';
  const lines = [...failed, ...done, ...untried].map((device) =>
    [
      device.name,
      device.permanentIdentifier,
      stateText(results.get(device.id), t),
      reasonOf(results.get(device.id)),
    ].join('\t'),
  );
  return (
    <Dialog
      title={ended ? t('bulk.title') : t('bulk.running', { count: devices.length })}
      // Escape stops what runs; only an ended run is closed.
      onClose={ended ? props.close : props.stop}
      actions={
        ended ? (
          <>
            <CopyButton text={lines.join('\n')} label={t('bulk.copy')} look="secondary" />
            {open.length > 0 && <Button onClick={() => retry(open)}>{t('bulk.again', { count: open.length })}</Button>}
            <Button look="primary" data-first onClick={props.close}>
              {t('action.close')}
            </Button>
          </>
        ) : (
          <Button data-first busy={run.state === 'stopping'} onClick={props.stop}>
            {t('bulk.stop')}
          </Button>
        )
      }
    >
      <Progress done={results.size} total={devices.length} />
      <p role="status">
        {ended
          ? [
              t('bulk.summary', { done: done.length, failed: failed.length }),
              untried.length > 0 && t('bulk.untried', { count: untried.length }),
            ]
              .filter(Boolean)
              .join('; ')
          : ''}
      </p>
      {ended && failed.some((device) => !again.includes(device)) && <p className="soft small">{t('bulk.lookFirst')}</p>}
      {ended && (
        <ul className="bulk-results">
          {[...failed, ...untried, ...done].slice(0, SHOWN).map((device) => (
            <Row
              key={device.id}
              device={device}
              result={results.get(device.id)}
              reason={reasonOf(results.get(device.id))}
            />
          ))}
        </ul>
      )}
      {ended && devices.length > SHOWN && (
        <p className="soft small">{t('bulk.moreDone', { count: devices.length - SHOWN })}</p>
      )}
    </Dialog>
  );
}

function Progress({ done, total }: { done: number; total: number }) {
  const t = useConsoleText();
  const format = useFormat();
  return (
    <div className="progress">
      <progress aria-label={t('bulk.progress')} max={total} value={done} />
      <span className="soft">{t('bulk.progressText', { done: format.number(done), total: format.number(total) })}</span>
    </div>
  );
}

function Row({ device, result, reason }: { device: Device; result: Result | undefined; reason: string }) {
  const t = useConsoleText();
  return (
    <li>
      {result?.outcome === 'failed' ? (
        <a href={hrefOf({ name: 'device', id: device.id })}>
          <bdi>{device.name}</bdi>
        </a>
      ) : (
        <bdi>{device.name}</bdi>
      )}
      <Badge
        tone={result === undefined ? 'neutral' : result.outcome === 'done' ? 'good' : 'bad'}
        icon={result === undefined ? 'dash' : result.outcome === 'done' ? 'check' : 'cross'}
      >
        {stateText(result, t)}
      </Badge>
      {reason && <p className="soft">{reason}</p>}
    </li>
  );
}

const stateText = (result: Result | undefined, t: ConsoleText): string =>
  result === undefined ? t('bulk.notTried') : t(result.outcome === 'done' ? 'bulk.done' : 'bulk.failed');

/** Why a device was left as it was, in the language of the console. */
function useReason(): (result: Result | undefined) => string {
  const problemText = useProblemText();
  return (result) => {
    if (result?.outcome !== 'failed') return '';
    const { title, advice } = problemText(result.problem);
    return `${title} ${advice}`;
  };
}

function partition(devices: readonly Device[], results: ReadonlyMap<string, Result>): [Device[], Device[], Device[]] {
  const of = (outcome: Result['outcome'] | undefined): Device[] =>
    devices.filter((device) => results.get(device.id)?.outcome === outcome);
  return [of('failed'), of('done'), of(undefined)];
}
