// What the msi does besides copying files; electron-builder's WiX project has no place for it. The NSIS installer's twin is installer.nsh.
import { readFileSync, writeFileSync } from 'node:fs';

const ANCHOR = '<ComponentGroup Id="ProductComponents" Directory="APPLICATIONFOLDER">';
const PROPERTIES = '<Property Id="ApplicationFolderName"';

/**
 * SERVERURL and PROVISIONINGTOKEN on the command line of msiexec become machine policy. They stay after an upgrade and a removal, like
 * policy from anywhere else; the token is kept out of the installer's log.
 */
const properties = `<Property Id="SERVERURL" Secure="yes"/>
    <Property Id="PROVISIONINGTOKEN" Secure="yes" Hidden="yes"/>
    `;

const policy = (id, guid, property, name) => `
      <Component Id="${id}" Guid="${guid}" Permanent="yes">
        <Condition>${property}</Condition>
        <RegistryValue Root="HKLM" Key="SOFTWARE\\Policies\\Muster" Name="${name}" Type="string" Value="[${property}]" KeyPath="yes"/>
      </Component>`;

const components = `
      <Component Id="MusterRegistration" Guid="B6E1F0B2-7C0C-4D0B-9A1F-6A4C0F2D7E31">
        <RegistryKey Root="HKLM" Key="SOFTWARE\\Classes\\muster">
          <RegistryValue Type="string" Value="URL:Muster" KeyPath="yes"/>
          <RegistryValue Name="URL Protocol" Type="string" Value=""/>
          <RegistryValue Key="DefaultIcon" Type="string" Value="[APPLICATIONFOLDER]Muster.exe,0"/>
          <RegistryValue Key="shell\\open\\command" Type="string" Value="&quot;[APPLICATIONFOLDER]Muster.exe&quot; &quot;%1&quot;"/>
        </RegistryKey>
        <RegistryValue Root="HKLM" Key="SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run" Name="Muster" Type="string" Value="&quot;[APPLICATIONFOLDER]Muster.exe&quot; --hidden --at-login"/>
      </Component>${policy('MusterServerUrl', 'D2A7C1B4-3E58-4C7B-8B7B-1F0A9E6C5D42', 'SERVERURL', 'ServerUrl')}${policy('MusterProvisioningToken', '9C4E8F6A-1B2D-4F3C-A5E6-7D8091A2B3C5', 'PROVISIONINGTOKEN', 'ProvisioningToken')}`;

/** The WiX project of electron-builder with Muster's own parts. Throws where it no longer looks as it did. */
export function withRegistration(project) {
  for (const anchor of [ANCHOR, PROPERTIES]) {
    if (project.split(anchor).length !== 2) throw new Error(`The WiX project has no single ${anchor} any more.`);
  }
  return project.replace(ANCHOR, () => ANCHOR + components).replace(PROPERTIES, () => properties + PROPERTIES);
}

/** electron-builder's hook: `file` is the project that it is about to compile. */
export async function msiProjectCreated(file) {
  writeFileSync(file, withRegistration(readFileSync(file, 'utf8')));
}
