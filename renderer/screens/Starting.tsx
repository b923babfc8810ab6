import { Screen } from '../Screen.tsx';
import { useWindowText } from '../text.ts';

export function Starting() {
  const t = useWindowText();
  return <Screen icon="spinner" tone="accent" title={t('starting.title')} text={<p>{t('starting.text')}</p>} />;
}
