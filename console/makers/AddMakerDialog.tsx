import { useId, useState } from 'react';
import type { TrustedRoot } from '../../contract/roots.ts';
import { Button } from '../../ui/Button.tsx';
import { Dialog } from '../../ui/Dialog.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { useConsole } from '../Console.tsx';
import { SelectField, TextField } from '../fields.tsx';
import { useAction } from '../lists.tsx';
import { useConsoleText } from '../text.ts';
import { ProblemNotice } from '../View.tsx';
import { type CertificateFile, encodeBase64, fingerprintOf, readCertificateFile } from './certificateFile.ts';

type Chosen = { file: CertificateFile; fingerprint: string | null };
type Counts = 'vendor' | 'hardware' | 'firmware' | 'virtual';

const COUNTS = ['vendor', 'hardware', 'firmware', 'virtual'] as const satisfies readonly Counts[];
const FAULTS = { none: 'makers.fileNone', many: 'makers.fileMany', large: 'makers.fileLarge' } as const;

/** Asks for one certificate of a maker, and shows its fingerprint before it is trusted. */
export function AddMakerDialog(props: { close: () => void; added: (root: TrustedRoot) => void }) {
  const t = useConsoleText();
  const { api } = useConsole();
  const action = useAction();
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [vendor, setVendor] = useState('');
  const [role, setRole] = useState<TrustedRoot['role']>('root');
  const [counts, setCounts] = useState<Counts>('vendor');
  const [tried, setTried] = useState(false);

  const choose = async (file: File | undefined): Promise<void> => {
    if (!file) return setChosen(null);
    // Text around a PEM may be long; a file that cannot be a certificate is not read.
    const read: CertificateFile =
      file.size > 1_000_000 ? { kind: 'large' } : readCertificateFile(new Uint8Array(await file.arrayBuffer()));
    setChosen({ file: read, fingerprint: read.kind === 'certificate' ? await fingerprintOf(read.der) : null });
  };
  const fault = chosen
    ? chosen.file.kind === 'certificate'
      ? null
      : t(FAULTS[chosen.file.kind])
    : tried
      ? t('makers.fileMissing')
      : null;
  const add = (): void => {
    setTried(true);
    if (chosen?.file.kind !== 'certificate' || vendor.trim() === '') return;
    const { der } = chosen.file;
    action.run(async () => {
      const ekClass = role === 'intermediate' || counts === 'vendor' ? null : counts;
      props.added(await api.addMaker({ certificate: encodeBase64(der), vendor: vendor.trim(), role, ekClass }));
    });
  };
  return (
    <Dialog
      title={t('makers.addTitle')}
      onClose={props.close}
      actions={
        <>
          <Button onClick={props.close}>{t('action.cancel')}</Button>
          <Button look="primary" busy={action.busy} onClick={add}>
            {t('makers.add')}
          </Button>
        </>
      }
    >
      {action.problem && <ProblemNotice problem={action.problem} />}
      <p>{t('makers.addText')}</p>
      <FileField label={t('makers.file')} fault={fault} choose={(file) => void choose(file)} />
      {chosen?.fingerprint && (
        <div role="status">
          <p className="field-note">{t('makers.fingerprint')}</p>
          <p className="mono fingerprint" dir="ltr">
            {chosen.fingerprint}
          </p>
        </div>
      )}
      <TextField
        label={t('makers.vendor')}
        value={vendor}
        change={setVendor}
        fault={tried && vendor.trim() === '' ? t('makers.vendorMissing') : null}
      />
      <SelectField
        label={t('makers.role')}
        note={t('makers.roleNote')}
        value={role}
        options={[
          ['root', t('makers.role.root')],
          ['intermediate', t('makers.role.intermediate')],
        ]}
        change={setRole}
      />
      {role === 'root' && (
        <SelectField
          label={t('makers.column.counts')}
          note={t('makers.countsNote')}
          value={counts}
          options={COUNTS.map((one) => [one, one === 'vendor' ? t('makers.ofVendor') : t(`ekClass.${one}`)])}
          change={setCounts}
        />
      )}
    </Dialog>
  );
}

function FileField(props: { label: string; fault: string | null; choose: (file: File | undefined) => void }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      <input
        id={id}
        className="input"
        type="file"
        accept=".pem,.crt,.cer,.der"
        data-first
        aria-invalid={props.fault !== null}
        aria-describedby={props.fault ? `${id}-fault` : undefined}
        onChange={(event) => props.choose(event.target.files?.[0])}
      />
      {props.fault && (
        <p className="field-error" id={`${id}-fault`} role="alert">
          <Icon name="warning" />
          <span>{props.fault}</span>
        </p>
      )}
    </div>
  );
}
