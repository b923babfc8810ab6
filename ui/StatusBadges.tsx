import type { Approval, AttestationState, Lifecycle } from '../contract/device.ts';
import { Badge, type Tone } from './Badge.tsx';
import { useText } from './I18n.tsx';
import type { IconName } from './Icon.tsx';

type Look = { tone: Tone; icon: IconName };

const APPROVAL: Record<Approval, Look> = {
  pending: { tone: 'wait', icon: 'clock' },
  approved: { tone: 'good', icon: 'check' },
  refused: { tone: 'bad', icon: 'cross' },
};

const ATTESTATION: Record<AttestationState, Look> = {
  none: { tone: 'neutral', icon: 'dash' },
  valid: { tone: 'good', icon: 'check' },
  stale: { tone: 'wait', icon: 'clock' },
  failed: { tone: 'bad', icon: 'cross' },
};

const LIFECYCLE: Record<Lifecycle, Look> = {
  active: { tone: 'neutral', icon: 'check' },
  quarantined: { tone: 'wait', icon: 'pause' },
  deleted: { tone: 'bad', icon: 'trash' },
};

export function ApprovalBadge({ approval }: { approval: Approval }) {
  const t = useText();
  return <Badge {...APPROVAL[approval]}>{t(`approval.${approval}`)}</Badge>;
}

export function AttestationBadge({ attestation }: { attestation: AttestationState }) {
  const t = useText();
  return <Badge {...ATTESTATION[attestation]}>{t(`attestation.${attestation}`)}</Badge>;
}

export function LifecycleBadge({ lifecycle }: { lifecycle: Lifecycle }) {
  const t = useText();
  return <Badge {...LIFECYCLE[lifecycle]}>{t(`lifecycle.${lifecycle}`)}</Badge>;
}
