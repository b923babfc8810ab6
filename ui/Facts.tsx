import type { ReactNode } from 'react';
import { Icon, type IconName } from './Icon.tsx';

/** A group of facts, each a name and a value, as system settings show them. */
export function Facts({ children, label }: { children: ReactNode; label?: string }) {
  return (
    <dl className="facts" aria-label={label}>
      {children}
    </dl>
  );
}

export function Fact(props: {
  name: string;
  icon?: IconName;
  note?: ReactNode;
  stacked?: boolean;
  children: ReactNode;
}) {
  return (
    <div className={props.stacked ? 'fact fact-stacked' : 'fact'}>
      <dt>
        {props.icon && <Icon name={props.icon} />}
        <span>{props.name}</span>
      </dt>
      <dd>
        <div className="fact-value">{props.children}</div>
        {props.note && <div className="fact-note">{props.note}</div>}
      </dd>
    </div>
  );
}

/** Folded text: closed until the person opens it. */
export function Fold({ title, children }: { title: string; children: ReactNode }) {
  return (
    <details className="fold">
      <summary>
        <Icon name="chevron" />
        <span>{title}</span>
      </summary>
      <div className="fold-body">{children}</div>
    </details>
  );
}
