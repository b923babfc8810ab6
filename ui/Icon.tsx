import type { ReactNode } from 'react';

const SHAPES = {
  check: <path d="M5 12.5l4.5 4.5L19 7.5" />,
  cross: <path d="M6.5 6.5l11 11m0-11l-11 11" />,
  dash: <path d="M7 12h10" />,
  clock: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M12 7.5V12l3 2" />
    </>
  ),
  shield: <path d="M12 3.2l7.2 2.6v5.4c0 4.4-2.9 7.9-7.2 9.6-4.3-1.7-7.2-5.2-7.2-9.6V5.8z" />,
  shieldCheck: (
    <>
      <path d="M12 3.2l7.2 2.6v5.4c0 4.4-2.9 7.9-7.2 9.6-4.3-1.7-7.2-5.2-7.2-9.6V5.8z" />
      <path d="M8.7 12l2.4 2.4 4.4-4.6" />
    </>
  ),
  laptop: (
    <>
      <rect x="4.5" y="5" width="15" height="10.5" rx="1.5" />
      <path d="M2.5 19h19" />
    </>
  ),
  chip: (
    <>
      <rect x="7" y="7" width="10" height="10" rx="1.5" />
      <path d="M10 4v3m4-3v3m-4 10v3m4-3v3M4 10h3m-3 4h3m10-4h3m-3 4h3" />
    </>
  ),
  warning: (
    <>
      <path d="M12 4.2l8.6 15H3.4z" />
      <path d="M12 10v4.2m0 2.5v.1" />
    </>
  ),
  info: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M12 11v5.2m0-8.7v.1" />
    </>
  ),
  offline: (
    <>
      <path d="M4 9.8a12 12 0 0 1 4-2.5m4-.8c3 0 5.8 1.2 8 3.3M7.3 13.3a7 7 0 0 1 3-1.7m3.7.1a7 7 0 0 1 2.7 1.6M12 17.8v.1" />
      <path d="M4.5 4.5l15 15" />
    </>
  ),
  menu: <path d="M5 12h.1M12 12h.1M19 12h.1" />,
  back: <path d="M14.5 6l-6 6 6 6" />,
  chevron: <path d="M9.5 6l6 6-6 6" />,
  gear: (
    <>
      <circle cx="12" cy="12" r="3" />
      <path d="M12 3.5v2.7m0 11.6v2.7M3.5 12h2.7m11.6 0h2.7M6 6l1.9 1.9m8.2 8.2L18 18M18 6l-1.9 1.9m-8.2 8.2L6 18" />
    </>
  ),
  pulse: <path d="M3.5 12h4l2.5-6 4 12 2.5-6h4" />,
  person: (
    <>
      <circle cx="12" cy="8.5" r="3.7" />
      <path d="M4.8 19.5c1.2-3.4 4-5 7.2-5s6 1.6 7.2 5" />
    </>
  ),
  leave: <path d="M14 5H6.5v14H14m-3.5-7h9m-3.2-3.5l3.5 3.5-3.5 3.5" />,
  trash: <path d="M5 7h14M9.5 7V4.8h5V7m-7.7 0l.8 12.2h8.8L17.2 7M10.5 10.5v5.5m3-5.5v5.5" />,
  copy: (
    <>
      <rect x="8.5" y="8.5" width="11" height="11" rx="2" />
      <path d="M15.5 8.5v-2a2 2 0 0 0-2-2h-7a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h2" />
    </>
  ),
  browser: (
    <>
      <rect x="3.5" y="5" width="17" height="14" rx="2" />
      <path d="M3.5 9.3h17M6.5 7.2h.1m2.4 0h.1" />
    </>
  ),
  refresh: <path d="M19 12a7 7 0 1 1-2.3-5.2M19.3 4v4h-4" />,
  pause: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M10 9v6m4-6v6" />
    </>
  ),
  split: <path d="M12 20v-6m0 0c0-4-6-3.5-6-9m6 9c0-4 6-3.5 6-9M3.8 7L6 4.8 8.2 7m7.6 0L18 4.8 20.2 7" />,
  search: (
    <>
      <circle cx="11" cy="11" r="6" />
      <path d="M15.5 15.5L20 20" />
    </>
  ),
  help: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M9.6 9.7a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1.1.9-1.1 1.6m0 2.9v.1" />
    </>
  ),
  lock: (
    <>
      <rect x="5.5" y="10.5" width="13" height="9" rx="2" />
      <path d="M8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5" />
    </>
  ),
  mail: (
    <>
      <rect x="3.5" y="5.5" width="17" height="13" rx="2" />
      <path d="M4.5 7.5l7.5 5.5 7.5-5.5" />
    </>
  ),
  key: (
    <>
      <circle cx="8" cy="14.5" r="3.5" />
      <path d="M10.5 12L18 4.5m-2.8 2.8l2.5 2.5" />
    </>
  ),
  list: <path d="M8.5 6.5h11m-11 5.5h11m-11 5.5h11M4.5 6.5h.1m-.1 5.5h.1m-.1 5.5h.1" />,
  eye: (
    <>
      <path d="M2.8 12c2-3.8 5.3-6 9.2-6s7.2 2.2 9.2 6c-2 3.8-5.3 6-9.2 6s-7.2-2.2-9.2-6z" />
      <circle cx="12" cy="12" r="2.7" />
    </>
  ),
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof SHAPES;

/** A line drawing beside a text that says the same: always hidden from screen readers. */
export function Icon({ name, className }: { name: IconName; className?: string }) {
  return (
    <svg
      className={className ? `icon ${className}` : 'icon'}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {SHAPES[name]}
    </svg>
  );
}

/** Muster's mark: a shield with a roll-call tick, drawn, so that nothing has to be loaded. */
export function Mark({ className }: { className?: string }) {
  return (
    <svg className={className ? `mark ${className}` : 'mark'} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <rect className="mark-ground" x="1" y="1" width="22" height="22" rx="6" />
      <path className="mark-line" d="M6.5 16.5V8.5L12 13.5l5.5-5v8" />
    </svg>
  );
}
