import type { Source } from '../../contract/device.ts';
import type { SourcePolicy, TeamSettings } from '../../contract/settings.ts';
import { Table } from '../lists.tsx';
import { useConsoleText } from '../text.ts';

const COLUMNS = [
  'allowed',
  'autoApproved',
  'userBindingRequired',
  'bindingKeepsApproval',
] as const satisfies readonly (keyof SourcePolicy)[];

/** Who uses a way in, in a few words. */
const KIND_OF: Record<Source, 'people' | 'script' | 'provisioning' | 'scep' | 'mdm'> = {
  'End-User': 'people',
  'Smallstep API': 'script',
  'Smallstep Agent': 'provisioning',
  'SCEP Webhook': 'scep',
  Jamf: 'mdm',
  Intune: 'mdm',
  'Workspace ONE': 'mdm',
  'Google Workspace': 'mdm',
  Fleet: 'mdm',
  Mosyle: 'mdm',
  SureMDM: 'mdm',
  IRU: 'mdm',
};

/** Every way in, with what its devices may do. */
export function SourceTable(props: {
  sources: TeamSettings['sources'];
  disabled: boolean;
  change: (sources: TeamSettings['sources']) => void;
}) {
  const t = useConsoleText();
  const { sources } = props;
  return (
    <Table label={t('settings.source')} columns={[t('settings.source'), ...COLUMNS.map((one) => t(`settings.${one}`))]}>
      {(Object.entries(sources) as [keyof typeof sources, SourcePolicy][]).map(([source, policy]) => (
        <tr key={source}>
          <th scope="row">
            <div className="owner">
              <span>{source}</span>
              <span className="soft">{t(`source.${KIND_OF[source]}`)}</span>
            </div>
          </th>
          {COLUMNS.map((column) => (
            <td key={column}>
              <input
                type="checkbox"
                className="checkbox"
                aria-label={t('settings.cellOf', { source, column: t(`settings.${column}`) })}
                checked={policy[column] ?? false}
                disabled={props.disabled || (column !== 'allowed' && !policy.allowed)}
                onChange={(event) =>
                  props.change({ ...sources, [source]: { ...policy, [column]: event.target.checked } })
                }
              />
            </td>
          ))}
        </tr>
      ))}
    </Table>
  );
}
