import { type ReactNode, useId } from 'react';
import type { Device } from '../../contract/device.ts';
import { Button } from '../../ui/Button.tsx';
import { useFormat } from '../../ui/I18n.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { useConsoleText } from '../text.ts';
import { ProblemNotice } from '../View.tsx';
import { MOST, type Selection } from './useSelection.ts';

/** What is chosen, how to choose all that match, and what can be done with it. */
export function SelectionBar(props: {
  selection: Selection;
  shown: readonly Device[];
  /** There is more than what is shown. */
  more: boolean;
  children: ReactNode;
}) {
  const t = useConsoleText();
  const format = useFormat();
  const id = useId();
  const { selection, shown, more } = props;
  const { chosen, collecting } = selection;
  const all = shown.length > 0 && shown.every((device) => selection.has(device.id));
  const hidden = chosen.length - shown.filter((device) => selection.has(device.id)).length;
  return (
    <>
      {selection.problem && <ProblemNotice problem={selection.problem} retry={selection.selectMatching} />}
      <div className={chosen.length > 0 ? 'bulk bulk-active' : 'bulk'}>
        <span className="bulk-all">
          <input
            id={id}
            type="checkbox"
            className="checkbox"
            checked={all}
            ref={(box) => {
              if (box) box.indeterminate = chosen.length > 0 && !all;
            }}
            onChange={() => selection.set(all ? [] : shown)}
          />
          <label htmlFor={id}>{t('pending.selectAll')}</label>
        </span>
        {more && hidden === 0 && (
          <Button look="plain" busy={collecting !== null} onClick={selection.selectMatching}>
            {t('bulk.selectMatching')}
          </Button>
        )}
        <span role="status" className="soft">
          {collecting !== null
            ? t('bulk.collecting', { count: collecting })
            : chosen.length > 0
              ? [t('pending.selected', { count: chosen.length }), hidden > 0 && t('bulk.hidden', { count: hidden })]
                  .filter(Boolean)
                  .join(', ')
              : ''}
        </span>
        {chosen.length > 0 && collecting === null && (
          <span className="bulk-actions">
            {props.children}
            <Button look="plain" onClick={() => selection.set([])}>
              {t('pending.clear')}
            </Button>
          </span>
        )}
      </div>
      {selection.capped && (
        <p className="banner tone-wait" role="status">
          <Icon name="warning" />
          <span>{t('bulk.capped', { number: format.number(MOST) })}</span>
        </p>
      )}
    </>
  );
}
