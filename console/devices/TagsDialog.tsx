import { useState } from 'react';
import { AskDialog } from '../AskDialog.tsx';
import { TextField } from '../fields.tsx';
import { useConsoleText } from '../text.ts';

/** Tags as people type them: one a line, or apart by commas. */
export const tagsFrom = (text: string): string[] => [
  ...new Set(
    text
      .split(/[\n,]/)
      .map((tag) => tag.trim())
      .filter(Boolean),
  ),
];

/** Adds and takes tags of many devices; those that are not named stay. */
export function TagsDialog(props: {
  count: number;
  close: () => void;
  change: (add: readonly string[], remove: readonly string[]) => void;
}) {
  const t = useConsoleText();
  const [add, setAdd] = useState('');
  const [remove, setRemove] = useState('');
  const [tried, setTried] = useState(false);
  const nothing = tagsFrom(add).length + tagsFrom(remove).length === 0;
  const confirm = (): void => {
    setTried(true);
    if (!nothing) props.change(tagsFrom(add), tagsFrom(remove));
  };
  return (
    <AskDialog
      title={t('tags.titleMany', { count: props.count })}
      confirm={t('action.save')}
      close={props.close}
      run={confirm}
    >
      <p>{t('tags.text')}</p>
      <TextField
        first
        label={t('tags.add')}
        note={t('tags.note')}
        value={add}
        change={setAdd}
        fault={tried && nothing ? t('tags.missing') : null}
      />
      <TextField label={t('tags.remove')} value={remove} change={setRemove} />
    </AskDialog>
  );
}
