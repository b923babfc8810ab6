import type { Assurance, AssuranceReason, EkClass } from '../contract/device.ts';
import { Badge } from './Badge.tsx';
import { useText } from './I18n.tsx';
import { Icon } from './Icon.tsx';

/** `short` where a heading already says that it is the assurance. */
export function AssuranceBadge({ level, short }: { level: Assurance['level']; short?: boolean }) {
  const t = useText();
  return level === 'high' ? (
    <Badge tone="good" icon="shieldCheck">
      {t(short ? 'assurance.highShort' : 'assurance.high')}
    </Badge>
  ) : (
    <Badge tone="neutral" icon="shield">
      {t(short ? 'assurance.normalShort' : 'assurance.normal')}
    </Badge>
  );
}

/** Every reason with whether it supports or limits, in words and by icon. */
export function AssuranceReasons({ reasons, label }: { reasons: readonly AssuranceReason[]; label: string }) {
  const t = useText();
  return (
    <ul className="reasons" aria-label={label}>
      {reasons.map((reason) => (
        <li key={reason.code} className={reason.supports ? 'reason reason-supports' : 'reason reason-limits'}>
          <Icon name={reason.supports ? 'check' : 'warning'} />
          <span>{t(`reason.${reason.code}`)}</span>
        </li>
      ))}
    </ul>
  );
}

/** The kind of security chip, with software and virtual ones never looking like hardware. */
export function EkClassBadge({ ekClass }: { ekClass: EkClass }) {
  const t = useText();
  const proven = ekClass === 'hardware' || ekClass === 'firmware';
  return (
    <Badge tone={proven ? 'good' : 'wait'} icon={proven ? 'chip' : 'warning'}>
      {t(`ekClass.${ekClass}`)}
    </Badge>
  );
}
