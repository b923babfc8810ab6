import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { IconButton } from '../ui/Button.tsx';
import { Icon, type IconName } from '../ui/Icon.tsx';

export type MenuItem = { key: string; icon: IconName; label: string; danger?: boolean; run: () => void };

/** A button that unfolds a short list of actions. Escape, a click elsewhere or leaving it with the keyboard fold it again. */
export function Menu({ label, groups }: { label: string; groups: readonly (readonly MenuItem[])[] }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent): void => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, [open]);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (!open) return;
    if (event.key === 'Escape') {
      setOpen(false);
      box.current?.querySelector('button')?.focus();
    }
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      moveFocus(box.current, event.key === 'ArrowDown' ? 1 : -1);
    }
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys only complement the buttons inside, which hold the focus
    <div
      className="menu"
      ref={box}
      onKeyDown={onKeyDown}
      onBlur={(event) => {
        if (event.relatedTarget instanceof Node && !box.current?.contains(event.relatedTarget)) setOpen(false);
      }}
    >
      <IconButton
        icon="menu"
        label={label}
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      />
      {open && (
        <div className="menu-panel" id={id}>
          {groups
            .filter((group) => group.length > 0)
            .map((group) => (
              <ul key={group[0]?.key} className="menu-group">
                {group.map((item) => (
                  <li key={item.key}>
                    <button
                      type="button"
                      className={item.danger ? 'menu-item menu-item-danger' : 'menu-item'}
                      onClick={() => {
                        setOpen(false);
                        item.run();
                      }}
                    >
                      <Icon name={item.icon} />
                      <span>{item.label}</span>
                    </button>
                  </li>
                ))}
              </ul>
            ))}
        </div>
      )}
    </div>
  );
}

function moveFocus(box: HTMLElement | null, by: 1 | -1): void {
  const buttons = [...(box?.querySelectorAll<HTMLButtonElement>('.menu-item') ?? [])];
  const now = buttons.indexOf(document.activeElement as HTMLButtonElement);
  const next = now === -1 ? (by === 1 ? 0 : buttons.length - 1) : (now + by + buttons.length) % buttons.length;
  buttons[next]?.focus();
}
