import type { ReactNode } from 'react';
import { Icon, type IconName } from './Icon.tsx';

export type Tone = 'good' | 'wait' | 'bad' | 'neutral' | 'accent';

/** A status: icon and words together; colour only repeats what both say. */
export function Badge({ tone, icon, children }: { tone: Tone; icon: IconName; children: ReactNode }) {
  return (
    <span className={`badge tone-${tone}`}>
      <Icon name={icon} />
      <span>{children}</span>
    </span>
  );
}
