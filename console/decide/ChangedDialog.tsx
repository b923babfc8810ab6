import type { Decision } from '../../contract/decisions.ts';
import type { Device } from '../../contract/device.ts';
import { AskDialog } from '../AskDialog.tsx';
import { type ConsoleText, useConsoleText } from '../text.ts';
import { type ComparedField, type Difference, differencesOf } from './differences.ts';

/** The server refused the decision because the evidence changed: what changed is shown, and the question asked again. */
export function ChangedDialog(props: {
  shown: Device;
  current: Device;
  decision: Decision;
  close: () => void;
  decide: () => void;
}) {
  const t = useConsoleText();
  const { shown, current, decision } = props;
  const differences = differencesOf(shown, current);
  const decidedMeanwhile = shown.approval !== current.approval && current.decidedBy;
  return (
    <AskDialog
      urgent
      title={t('changed.title', { name: current.name })}
      confirm={decision.decision === 'approved' ? t('changed.approve') : t('changed.refuse')}
      look={decision.decision === 'approved' ? 'primary' : 'danger'}
      close={props.close}
      run={props.decide}
    >
      {decidedMeanwhile && (
        <p>
          {t('changed.decided', {
            who: current.decidedBy ?? t('value.unknown'),
            approval: t(`approval.${current.approval}`),
          })}
        </p>
      )}
      <p>{differences.length > 0 ? t('changed.text') : t('changed.nothing')}</p>
      {differences.length > 0 && (
        <table className="differences">
          <thead>
            <tr>
              <td />
              <th scope="col">{t('changed.before')}</th>
              <th scope="col">{t('changed.now')}</th>
            </tr>
          </thead>
          <tbody>
            {differences.map((difference) => (
              <tr key={difference.field}>
                <th scope="row">{fieldName(difference.field, t)}</th>
                <td>{valueText(difference, difference.before, t)}</td>
                <td>
                  <strong>{valueText(difference, difference.now, t)}</strong>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </AskDialog>
  );
}

const FIELD_NAMES = {
  approval: 'fact.approval',
  owner: 'fact.owner',
  shared: 'devices.shared',
  attestation: 'fact.attestation',
  ekClass: 'fact.ekClass',
  ekCertificate: 'fact.ekCertificate',
  secureBoot: 'device.secureBoot',
  lifecycle: 'fact.lifecycle',
  ownership: 'fact.ownership',
  conflictId: 'devices.conflict',
  permanentIdentifier: 'fact.permanentIdentifier',
  aliases: 'device.aliases',
  serial: 'device.serial',
  name: 'device.name',
  os: 'device.system',
  osVersion: 'device.system',
  source: 'fact.source',
  ceremonyCode: 'pending.code',
} as const satisfies Record<ComparedField, Parameters<ConsoleText>[0]>;

const fieldName = (field: ComparedField, t: ConsoleText): string => t(FIELD_NAMES[field]);

function valueText({ field }: Difference, value: unknown, t: ConsoleText): string {
  if (value === null) return t('value.none');
  if (typeof value === 'boolean') return value ? t('value.yes') : t('value.no');
  if (Array.isArray(value)) return value.length > 0 ? value.join(', ') : t('value.none');
  if (typeof value === 'object' && 'email' in value) return String(value.email);
  const device = { [field]: value } as Partial<Device>;
  if (device.approval) return t(`approval.${device.approval}`);
  if (device.attestation) return t(`attestation.${device.attestation}`);
  if (device.lifecycle) return t(`lifecycle.${device.lifecycle}`);
  if (device.ekClass) return t(`ekClass.${device.ekClass}`);
  if (device.ekCertificate) return t(`ekCertificate.${device.ekCertificate}`);
  return String(value);
}
