import { type ReactNode, useEffect, useId, useRef } from 'react';
import { Button, IconButton, Spinner } from '../ui/Button.tsx';
import { useLanguage } from '../ui/I18n.tsx';
import { Icon } from '../ui/Icon.tsx';
import type { ConsoleProblem } from './api/client.ts';
import { useConsoleText, useProblemText } from './text.ts';

/** One view of the console: its heading takes the focus when the person comes here by a link. */
export function View(props: { title: string; text?: ReactNode; aside?: ReactNode; children: ReactNode }) {
  const t = useConsoleText();
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = t('console.documentTitle', { screen: props.title });
  }, [t, props.title]);
  useEffect(() => {
    if (document.activeElement !== document.body) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <main id="content" className="view" aria-labelledby={id}>
      <div className="view-head">
        <div className="view-title">
          <h1 id={id} tabIndex={-1} ref={heading}>
            {props.title}
          </h1>
          {props.text && <p className="soft">{props.text}</p>}
        </div>
        {props.aside}
      </div>
      {props.children}
    </main>
  );
}

export function ProblemNotice(props: { problem: ConsoleProblem; retry?: () => void; dismiss?: () => void }) {
  const t = useConsoleText();
  const { title, advice } = useProblemText()(props.problem);
  const english = useLanguage() === 'en';
  return (
    <section className="banner tone-bad" role="alert">
      <Icon name="warning" />
      <div className="banner-body">
        <p className="banner-title">{title}</p>
        <p>{advice}</p>
        {!english && props.problem.kind === 'refused' && (
          <p className="banner-note" lang="en">
            {props.problem.problem.detail}
          </p>
        )}
        {props.problem.kind === 'refused' && (
          <p className="banner-note">{t('problem.request', { id: props.problem.problem.instance })}</p>
        )}
        {props.retry && <Button onClick={props.retry}>{t('action.retry')}</Button>}
      </div>
      {props.dismiss && <IconButton icon="cross" label={t('action.close')} onClick={props.dismiss} />}
    </section>
  );
}

export function Loading() {
  const t = useConsoleText();
  return (
    <p className="loading" role="status">
      <Spinner /> {t('state.loading')}
    </p>
  );
}

export function Empty({ title, text }: { title: string; text?: string }) {
  return (
    <div className="empty">
      <span className="empty-sign">
        <Icon name="laptop" />
      </span>
      <p className="empty-title">{title}</p>
      {text && <p className="soft">{text}</p>}
    </div>
  );
}
