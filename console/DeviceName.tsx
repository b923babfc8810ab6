import type { Device } from '../contract/device.ts';
import { shortIdentifier } from '../contract/shortIdentifier.ts';
import { Badge } from '../ui/Badge.tsx';
import { systemText } from '../ui/systemText.ts';
import { hrefOf } from './route.ts';
import { useConsoleText } from './text.ts';

/** The name, as a link to the device's page, with the short identifier that its window shows too. */
export function DeviceName({ device }: { device: Device }) {
  const t = useConsoleText();
  return (
    <div className="device-name">
      <a href={hrefOf({ name: 'device', id: device.id })}>
        <bdi>{device.name}</bdi>
      </a>
      <span className="soft mono">
        <bdi>{shortIdentifier(device.permanentIdentifier)}</bdi>
      </span>
      {device.conflictId && (
        <Badge tone="wait" icon="split">
          {t('devices.conflict')}
        </Badge>
      )}
    </div>
  );
}

export function OwnerText({ device }: { device: Device }) {
  const t = useConsoleText();
  if (!device.owner) return <span className="soft">{device.shared ? t('devices.shared') : t('devices.noOwner')}</span>;
  return (
    <div className="owner">
      <bdi>{device.owner.displayName ?? device.owner.email}</bdi>
      {device.owner.displayName && (
        <span className="soft">
          <bdi>{device.owner.email}</bdi>
        </span>
      )}
    </div>
  );
}

export const systemOf = (device: Device): string | null => (device.os ? systemText(device.os, device.osVersion) : null);
