import { type ReactNode, useId, useState } from 'react';
import { Icon } from '../ui/Icon.tsx';
import { linesOf } from './settings/settingsDraft.ts';

type Common = { label: string; note?: string; fault?: string | null; disabled?: boolean; first?: boolean };

function Notes({ id, note, fault }: { id: string; note?: string; fault?: string | null }) {
  return (
    <>
      {fault && (
        <p className="field-error" id={`${id}-fault`} role="alert">
          <Icon name="warning" />
          <span>{fault}</span>
        </p>
      )}
      {note && (
        <p className="field-note" id={`${id}-note`}>
          {note}
        </p>
      )}
    </>
  );
}

const describedBy = (id: string, { note, fault }: Common): string | undefined =>
  [fault && `${id}-fault`, note && `${id}-note`].filter(Boolean).join(' ') || undefined;

export function TextField(
  props: Common & {
    value: string;
    change: (value: string) => void;
    type?: 'text' | 'email' | 'number';
    min?: number;
    max?: number;
    lines?: boolean;
  },
) {
  const id = useId();
  const shared = {
    id,
    className: 'input',
    value: props.value,
    disabled: props.disabled,
    'aria-invalid': Boolean(props.fault),
    'aria-describedby': describedBy(id, props),
    'data-first': props.first || undefined,
    onChange: (event: { target: { value: string } }) => props.change(event.target.value),
  };
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      {props.lines ? (
        <textarea {...shared} spellCheck={false} />
      ) : (
        <input {...shared} type={props.type ?? 'text'} min={props.min} max={props.max} autoComplete="off" />
      )}
      <Notes id={id} note={props.note} fault={props.fault} />
    </div>
  );
}

/** A list, one item a line. The text is kept as it is typed, as long as it says what the list says. */
export function LinesField(props: Common & { value: readonly string[]; change: (lines: string[]) => void }) {
  const { value, change, ...common } = props;
  const [text, setText] = useState(value.join('\n'));
  const shown = linesOf(text).join('\n') === value.join('\n') ? text : value.join('\n');
  return (
    <TextField
      {...common}
      lines
      value={shown}
      change={(typed) => {
        setText(typed);
        change(linesOf(typed));
      }}
    />
  );
}

export function SwitchField(props: Common & { checked: boolean; change: (checked: boolean) => void }) {
  const id = useId();
  return (
    <div className="switch-field">
      <input
        id={id}
        type="checkbox"
        role="switch"
        className="switch"
        checked={props.checked}
        aria-checked={props.checked}
        disabled={props.disabled}
        aria-describedby={describedBy(id, props)}
        onChange={(event) => props.change(event.target.checked)}
      />
      <div>
        <label htmlFor={id}>{props.label}</label>
        <Notes id={id} note={props.note} />
      </div>
    </div>
  );
}

export function SelectField<V extends string>(
  props: Common & { value: V; options: readonly (readonly [V, string])[]; change: (value: V) => void },
) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      <select
        id={id}
        className="input"
        value={props.value}
        disabled={props.disabled}
        aria-describedby={describedBy(id, props)}
        onChange={(event) => {
          const chosen = props.options.find(([value]) => value === event.target.value);
          if (chosen) props.change(chosen[0]);
        }}
      >
        {props.options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
      <Notes id={id} note={props.note} />
    </div>
  );
}

/** Several of a few: a group of checkboxes. */
export function ChoiceGroup<V extends string>(
  props: Common & {
    options: readonly (readonly [V, string])[];
    chosen: readonly V[];
    change: (chosen: V[]) => void;
    /** Beside one another, where there is room. */
    columns?: boolean;
  },
) {
  const id = useId();
  return (
    <fieldset
      className={props.columns ? 'choices choices-columns' : 'choices'}
      aria-describedby={describedBy(id, props)}
      disabled={props.disabled}
    >
      <legend>{props.label}</legend>
      {props.options.map(([value, name]) => (
        <label key={value} className="choice">
          <input
            type="checkbox"
            className="checkbox"
            checked={props.chosen.includes(value)}
            onChange={(event) =>
              props.change(
                event.target.checked ? [...props.chosen, value] : props.chosen.filter((one) => one !== value),
              )
            }
          />
          <span>{name}</span>
        </label>
      ))}
      <Notes id={id} note={props.note} fault={props.fault} />
    </fieldset>
  );
}

export function Section({ title, note, children }: { title: string; note?: string; children: ReactNode }) {
  const id = useId();
  return (
    <section className="settings-section" aria-labelledby={id}>
      <div>
        <h2 id={id}>{title}</h2>
        {note && <p className="soft">{note}</p>}
      </div>
      <div className="card settings-body">{children}</div>
    </section>
  );
}
