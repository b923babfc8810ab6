import type { ButtonHTMLAttributes, ReactNode } from 'react';
import { Icon, type IconName } from './Icon.tsx';

type Look = 'primary' | 'secondary' | 'plain' | 'danger';

/** A push button. `busy` keeps it focusable and says so, but lets nothing through twice. */
export function Button(
  props: Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'className'> & {
    look?: Look;
    icon?: IconName;
    wide?: boolean;
    busy?: boolean;
    children: ReactNode;
    /** Has the focus when the dialog opens that it is in. */
    'data-first'?: boolean;
  },
) {
  const { look = 'secondary', icon, wide, busy, children, onClick, ...rest } = props;
  return (
    <button
      type="button"
      {...rest}
      className={`button button-${look}${wide ? ' button-wide' : ''}`}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      {busy ? <Spinner /> : icon ? <Icon name={icon} /> : null}
      <span>{children}</span>
    </button>
  );
}

/** A small square button that shows only an icon; `label` is its name. */
export function IconButton(
  props: Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'className' | 'children'> & { icon: IconName; label: string },
) {
  const { icon, label, ...rest } = props;
  return (
    <button type="button" {...rest} className="icon-button" aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  );
}

export function Spinner() {
  return (
    <svg className="icon spinner" viewBox="0 0 24 24" fill="none" aria-hidden="true" focusable="false">
      <circle className="spinner-track" cx="12" cy="12" r="8.5" strokeWidth="2.2" />
      <path d="M20.5 12A8.5 8.5 0 0 0 12 3.5" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />
    </svg>
  );
}
