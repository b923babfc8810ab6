import { useEffect, useRef, useState } from 'react';
import { Button } from './Button.tsx';
import { useText } from './I18n.tsx';

/**
 * Puts `text` on the clipboard. Where the asynchronous clipboard is not permitted (the window's host refuses every permission), the
 * `copy` event of the click itself carries it, which needs none.
 */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByEvent(text);
  }
}

function copyByEvent(text: string): boolean {
  let carried = false;
  const carry = (event: ClipboardEvent): void => {
    event.clipboardData?.setData('text/plain', text);
    event.preventDefault();
    carried = true;
  };
  document.addEventListener('copy', carry, { once: true });
  const ran = document.execCommand('copy');
  document.removeEventListener('copy', carry);
  return ran && carried;
}

export function CopyButton({
  text,
  label,
  look = 'plain',
}: {
  text: string;
  label?: string;
  look?: 'plain' | 'secondary';
}) {
  const t = useText();
  const [outcome, setOutcome] = useState<'copied' | 'failed' | null>(null);
  const source = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (!outcome) return;
    const timer = setTimeout(() => setOutcome(null), 2500);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async (): Promise<void> => {
    setOutcome((await copyText(text)) ? 'copied' : 'failed');
  };
  return (
    <span className="copy" ref={source}>
      <Button look={look} icon={outcome === 'copied' ? 'check' : 'copy'} onClick={() => void copy()}>
        {outcome === 'copied' ? t('action.copied') : (label ?? t('action.copy'))}
      </Button>
      <span role="status" className="visually-hidden">
        {outcome === 'copied' ? t('action.copied') : outcome === 'failed' ? t('action.copyFailed') : ''}
      </span>
    </span>
  );
}
