import { escapeXml } from '../contract/configurationProfile.ts';
import {
  aboutSetting,
  MANAGED_NAMES,
  MANAGED_PLACES,
  type ManagedName,
  type Strength,
} from '../contract/managedSettings.ts';
import type { PolicyTexts } from './policyTexts.ts';

const NAMESPACE = 'http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions';

type Policy = { id: string; name: ManagedName; strength: Strength };

/** One policy for each setting and strength that Windows has. */
function policies(): Policy[] {
  return (['enforced', 'default'] as const).flatMap((strength) =>
    MANAGED_NAMES.filter((name) => {
      const about = aboutSetting(name);
      return about.platforms.includes('windows') && about.strengths.includes(strength);
    }).map((name) => ({ id: strength === 'enforced' ? name : `Default_${name}`, name, strength })),
  );
}

/** The administrative template: what Group Policy writes into the registry, in no language. */
export function admx(): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<policyDefinitions xmlns="${NAMESPACE}" revision="1.0" schemaVersion="1.0">
  <policyNamespaces>
    <target prefix="muster" namespace="Muster.Policies.Muster" />
  </policyNamespaces>
  <resources minRequiredRevision="1.0" />
  <supportedOn>
    <definitions>
      <definition name="SUPPORTED_MUSTER_0_1" displayName="$(string.SUPPORTED_MUSTER_0_1)" />
    </definitions>
  </supportedOn>
  <categories>
    <category name="Muster" displayName="$(string.Cat_Muster)" />
    <category name="Muster_Defaults" displayName="$(string.Cat_Muster_Defaults)">
      <parentCategory ref="Muster" />
    </category>
  </categories>
  <policies>
${policies().map(policyXml).join('\n')}
  </policies>
</policyDefinitions>
`;
}

function policyXml({ id, name, strength }: Policy): string {
  const about = aboutSetting(name);
  const key = strength === 'enforced' ? MANAGED_PLACES.windowsKey : `${MANAGED_PLACES.windowsKey}\\Defaults`;
  const scope = about.scope === 'machine' ? 'Machine' : 'Both';
  const isFlag = typeof about.example === 'boolean';
  const head = `    <policy name="${id}" class="${scope}" displayName="$(string.${id})" explainText="$(string.${id}_Explain)"`;
  const place = `key="${key}"`;
  const inside = [
    `      <parentCategory ref="${strength === 'enforced' ? 'Muster' : 'Muster_Defaults'}" />`,
    '      <supportedOn ref="SUPPORTED_MUSTER_0_1" />',
  ];
  if (isFlag) {
    return [
      `${head} ${place} valueName="${name}">`,
      ...inside,
      '      <enabledValue><decimal value="1" /></enabledValue>',
      '      <disabledValue><decimal value="0" /></disabledValue>',
      '    </policy>',
    ].join('\n');
  }
  const element = about.choices
    ? [
        `        <enum id="${id}" valueName="${name}" required="true">`,
        ...Object.keys(about.choices).flatMap((choice) => [
          `          <item displayName="$(string.${name}_${choice})">`,
          `            <value><string>${escapeXml(choice)}</string></value>`,
          '          </item>',
        ]),
        '        </enum>',
      ]
    : [`        <text id="${id}" valueName="${name}" required="true" maxLength="2048" />`];
  return [
    `${head} presentation="$(presentation.${id})" ${place}>`,
    ...inside,
    '      <elements>',
    ...element,
    '      </elements>',
    '    </policy>',
  ].join('\n');
}

/** What the template shows in one language. */
export function adml(texts: PolicyTexts): string {
  const strings: [string, string][] = [
    ['SUPPORTED_MUSTER_0_1', texts.supported],
    ['Cat_Muster', texts.category],
    ['Cat_Muster_Defaults', texts.defaultsCategory],
  ];
  for (const { id, name, strength } of policies()) {
    const { title, description } = texts.settings[name];
    const notes = [
      ...(strength === 'default' ? [texts.defaultsNote] : []),
      ...(aboutSetting(name).secret ? [texts.secretNote] : []),
    ];
    strings.push([id, title], [`${id}_Explain`, [description, ...notes].join('\n\n')]);
  }
  for (const name of MANAGED_NAMES) {
    for (const [choice, label] of Object.entries(texts.settings[name].choices ?? {})) {
      strings.push([`${name}_${choice}`, label]);
    }
  }
  const presentations = policies().flatMap(({ id, name }) => {
    const about = aboutSetting(name);
    if (typeof about.example === 'boolean') return [];
    const label = escapeXml(texts.settings[name].title);
    const control = about.choices
      ? [`        <dropdownList refId="${id}" noSort="true">${label}</dropdownList>`]
      : [`        <textBox refId="${id}">`, `          <label>${label}</label>`, '        </textBox>'];
    return [`      <presentation id="${id}">`, ...control, '      </presentation>'];
  });
  return `<?xml version="1.0" encoding="utf-8"?>
<policyDefinitionResources xmlns="${NAMESPACE}" revision="1.0" schemaVersion="1.0">
  <displayName>${escapeXml(texts.category)}</displayName>
  <description>${escapeXml(texts.file)}</description>
  <resources>
    <stringTable>
${strings.map(([id, text]) => `      <string id="${id}">${escapeXml(text)}</string>`).join('\n')}
    </stringTable>
    <presentationTable>
${presentations.join('\n')}
    </presentationTable>
  </resources>
</policyDefinitionResources>
`;
}
