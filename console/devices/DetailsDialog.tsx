import { useEffect, useState } from 'react';
import type { DeviceChange, DeviceValues } from '../../contract/administration.ts';
import type { Device } from '../../contract/device.ts';
import { Button } from '../../ui/Button.tsx';
import { Dialog } from '../../ui/Dialog.tsx';
import { AskDialog } from '../AskDialog.tsx';
import { type ConsoleProblem, problemOf } from '../api/client.ts';
import { tagsOf } from '../bulk/jobs.ts';
import { useConsole } from '../Console.tsx';
import { SelectField, TextField } from '../fields.tsx';
import { type ConsoleText, useConsoleText } from '../text.ts';
import { Loading, ProblemNotice } from '../View.tsx';
import { tagsFrom } from './TagsDialog.tsx';

const SYSTEMS = ['Linux', 'Windows', 'macOS', 'iOS', 'tvOS', 'watchOS', 'visionOS'] as const;
const KINDS = ['company', 'personal'] as const;

/** Name, serial number, system, kind of ownership and tags: what is set here masks what MDM and machine say, and empty shows theirs again. */
export function DetailsDialog(props: { device: Device; close: () => void; change: (change: DeviceChange) => void }) {
  const t = useConsoleText();
  const { api } = useConsole();
  const { device } = props;
  const [values, setValues] = useState<DeviceValues | null>(null);
  const [problem, setProblem] = useState<ConsoleProblem | null>(null);
  useEffect(() => {
    let gone = false;
    api.values(device.id).then(
      (read) => !gone && setValues(read),
      (thrown: unknown) => !gone && setProblem(problemOf(thrown)),
    );
    return () => {
      gone = true;
    };
  }, [api, device.id]);
  if (values) return <Form {...props} values={values} />;
  return (
    <Dialog
      title={t('details.title', { name: device.name })}
      onClose={props.close}
      actions={
        <Button data-first onClick={props.close}>
          {t('action.cancel')}
        </Button>
      }
    >
      {problem ? <ProblemNotice problem={problem} /> : <Loading />}
    </Dialog>
  );
}

type Field = 'displayName' | 'serial' | 'os' | 'ownership';

const explicitOf = (values: DeviceValues, field: Field): string => {
  const value = values.explicit[field];
  return typeof value === 'string' ? value : '';
};

/** What the other layers say of a field: who, and what. */
function othersText(values: DeviceValues, field: Field, t: ConsoleText): string {
  const said = [
    ...values.mdm.map(({ source, values: layer }) => [source, layer[field]] as const),
    [t('details.machine'), values.machine[field]] as const,
  ].flatMap(([who, value]) => (typeof value === 'string' ? [`${who}: ${value}`] : []));
  return said.length > 0 ? t('details.others', { said: said.join(' · ') }) : t('details.nothingElse');
}

function Form(props: {
  device: Device;
  values: DeviceValues;
  close: () => void;
  change: (change: DeviceChange) => void;
}) {
  const t = useConsoleText();
  const { device, values } = props;
  const before = {
    name: explicitOf(values, 'displayName'),
    serial: explicitOf(values, 'serial'),
    os: explicitOf(values, 'os'),
    ownership: explicitOf(values, 'ownership'),
    tags: tagsOf(values).join('\n'),
  };
  const [draft, setDraft] = useState(before);
  const set = (fields: Partial<typeof draft>): void => setDraft((current) => ({ ...current, ...fields }));
  const save = (): void => {
    const change: DeviceChange = {};
    if (draft.name.trim() !== before.name) change.name = draft.name.trim() || null;
    if (draft.serial.trim() !== before.serial) change.serial = draft.serial.trim() || null;
    if (draft.os !== before.os) change.os = SYSTEMS.find((one) => one === draft.os) ?? null;
    if (draft.ownership !== before.ownership) change.ownership = KINDS.find((one) => one === draft.ownership) ?? null;
    const tags = tagsFrom(draft.tags);
    if (tags.join('\n') !== before.tags) change.tags = tags.length > 0 ? tags : null;
    if (Object.keys(change).length === 0) props.close();
    else props.change(change);
  };
  return (
    <AskDialog
      title={t('details.title', { name: device.name })}
      confirm={t('action.save')}
      close={props.close}
      run={save}
    >
      <p>{t('details.text')}</p>
      <TextField
        first
        label={t('details.name')}
        note={othersText(values, 'displayName', t)}
        value={draft.name}
        change={(name) => set({ name })}
      />
      <TextField
        lines
        label={t('details.tags')}
        note={t('details.tagsNote')}
        value={draft.tags}
        change={(tags) => set({ tags })}
      />
      <TextField
        label={t('device.serial')}
        note={othersText(values, 'serial', t)}
        value={draft.serial}
        change={(serial) => set({ serial })}
      />
      <SelectField
        label={t('device.system')}
        note={othersText(values, 'os', t)}
        value={draft.os}
        options={[['', t('details.notSet')], ...SYSTEMS.map((one) => [one, one] as const)]}
        change={(os) => set({ os })}
      />
      <SelectField
        label={t('details.ownership')}
        note={othersText(values, 'ownership', t)}
        value={draft.ownership}
        options={[
          ['', t('details.notSet')],
          ['company', t('device.ownershipCompany')],
          ['personal', t('device.ownershipPersonal')],
        ]}
        change={(ownership) => set({ ownership })}
      />
    </AskDialog>
  );
}
