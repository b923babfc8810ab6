import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { Icon } from '../ui/Icon.tsx';
import { SelectField } from './fields.tsx';
import { useConsoleText } from './text.ts';

const TYPING_MS = 250;

/** What narrows a list down. */
export function FilterBar({ children }: { children: ReactNode }) {
  return <search className="filters">{children}</search>;
}

/** A field whose text counts when the typing pauses. */
export function SearchField(props: {
  label: string;
  placeholder?: string;
  value: string | undefined;
  change: (value: string | undefined) => void;
}) {
  const id = useId();
  const [typed, setTyped] = useState(props.value ?? '');
  const change = useRef(props.change);
  change.current = props.change;
  const asked = useRef(props.value);
  useEffect(() => {
    // A link that changes the filter changes what stands in the field; what is being typed stays.
    if (props.value !== asked.current) setTyped(props.value ?? '');
    asked.current = props.value;
  }, [props.value]);
  useEffect(() => {
    const next = typed.trim() || undefined;
    if (next === asked.current) return;
    const timer = setTimeout(() => {
      asked.current = next;
      change.current(next);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <div className="field filter-search">
      <label htmlFor={id}>{props.label}</label>
      <div className="search-box">
        <Icon name="search" />
        <input
          id={id}
          className="input"
          type="search"
          maxLength={256}
          placeholder={props.placeholder}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
      </div>
    </div>
  );
}

/** One of a few values, or all. */
export function Choice<V extends string>(props: {
  label: string;
  value: string | undefined;
  options: readonly (readonly [V, string])[];
  change: (value: V | undefined) => void;
}) {
  const t = useConsoleText();
  const { value, options, change } = props;
  const chosen = options.find(([one]) => one === value)?.[0];
  return (
    <SelectField<V | ''>
      label={props.label}
      value={chosen ?? ''}
      options={[['', t('devices.filterAll')], ...options]}
      change={(one) => change(one === '' ? undefined : one)}
    />
  );
}

/** A moment in the clock of whoever looks. */
export function TimeField(props: {
  label: string;
  value: string | undefined;
  change: (value: string | undefined) => void;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      <input
        id={id}
        className="input"
        type="datetime-local"
        value={props.value ?? ''}
        onChange={(event) => props.change(event.target.value || undefined)}
      />
    </div>
  );
}
