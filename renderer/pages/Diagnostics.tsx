import { useCallback, useEffect, useRef, useState } from 'react';
import type { Diagnostic } from '../../contract/bridge.ts';
import { Badge, type Tone } from '../../ui/Badge.tsx';
import { Button, Spinner } from '../../ui/Button.tsx';
import { CopyButton } from '../../ui/Copy.tsx';
import type { IconName } from '../../ui/Icon.tsx';
import { Page } from '../Screen.tsx';
import { useFindingText, useWindowText } from '../text.ts';
import type { Call } from '../useLink.ts';

const LOOKS: Record<Diagnostic['status'], { tone: Tone; icon: IconName }> = {
  pass: { tone: 'good', icon: 'check' },
  warn: { tone: 'wait', icon: 'warning' },
  fail: { tone: 'bad', icon: 'cross' },
};

export function Diagnostics({ call, running, version }: { call: Call; running: boolean; version: string }) {
  const t = useWindowText();
  const [checks, setChecks] = useState<readonly Diagnostic[] | null>(null);
  const started = useRef(false);
  const run = useCallback(async () => {
    const found = await call('diagnostics', {});
    if (found) setChecks(found);
  }, [call]);
  useEffect(() => {
    if (started.current) return;
    started.current = true;
    void run();
  }, [run]);
  return (
    <Page title={t('diagnostics.title')} text={t('diagnostics.text')}>
      <p role="status" className="diagnostics-summary">
        {running ? (
          <>
            <Spinner /> {t('diagnostics.running')}
          </>
        ) : (
          checks && <Summary checks={checks} />
        )}
      </p>
      {checks && checks.length > 0 && (
        <ul className="card checks">
          {checks.map((check) => (
            <li key={check.id} className="check">
              <div className="check-head">
                <h2>{titleOf(check, t)}</h2>
                <Badge {...LOOKS[check.status]}>{t(`diagnostics.${check.status}`)}</Badge>
              </div>
              <Finding check={check} />
            </li>
          ))}
        </ul>
      )}
      <div className="actions">
        <Button wide icon="refresh" busy={running} onClick={() => void run()}>
          {t('diagnostics.again')}
        </Button>
        {checks && <CopyButton text={report(checks, version)} label={t('diagnostics.copy')} />}
      </div>
    </Page>
  );
}

export function Finding({ check }: { check: Diagnostic }) {
  const { language, detail, remedy } = useFindingText()(check);
  return (
    <>
      <p className="soft" lang={language}>
        {detail}
      </p>
      {remedy && <p lang={language}>{remedy}</p>}
    </>
  );
}

const KNOWN = ['server', 'clock', 'hardware', 'state', 'secrets'] as const;

/** A check's name in the language that is shown; one that is new to this window keeps its own. */
function titleOf({ id, title }: Diagnostic, t: ReturnType<typeof useWindowText>): string {
  const known = KNOWN.find((name) => name === id);
  return known ? t(`check.${known}`) : title;
}

function Summary({ checks }: { checks: readonly Diagnostic[] }) {
  const t = useWindowText();
  const count = checks.filter((check) => check.status !== 'pass').length;
  return count === 0 ? t('diagnostics.allWell') : t('diagnostics.problems', { count });
}

const report = (checks: readonly Diagnostic[], version: string): string =>
  [`Muster ${version}`, ...checks.map(({ status, id, detail }) => `${status.toUpperCase()} ${id}: ${detail}`)].join(
    '\n',
  );
