import { type ReactNode, useId } from 'react';
import type { Tone } from '../ui/Badge.tsx';
import { Spinner } from '../ui/Button.tsx';
import { Icon, type IconName } from '../ui/Icon.tsx';

/** Every screen of the window: a sign, a title, a sentence, whatever belongs to it, and its actions at the end. */
export function Screen(props: {
  icon: IconName | 'spinner';
  tone: Tone;
  title: string;
  text?: ReactNode;
  children?: ReactNode;
  actions?: ReactNode;
}) {
  const id = useId();
  return (
    <main className="screen" aria-labelledby={id}>
      <div className="hero">
        <span className={`hero-sign tone-${props.tone}`}>
          {props.icon === 'spinner' ? <Spinner /> : <Icon name={props.icon} />}
        </span>
        <h1 id={id} tabIndex={-1}>
          {props.title}
        </h1>
        {props.text && <div className="hero-text">{props.text}</div>}
      </div>
      {props.children}
      {props.actions && <div className="actions">{props.actions}</div>}
    </main>
  );
}

/** A page behind the menu: title at the start, content below. */
export function Page(props: { title: string; text?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <main className="screen page" aria-labelledby={id}>
      <div className="page-head">
        <h1 id={id} tabIndex={-1}>
          {props.title}
        </h1>
        {props.text && <p className="soft">{props.text}</p>}
      </div>
      {props.children}
    </main>
  );
}
