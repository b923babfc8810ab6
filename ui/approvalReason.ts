import { fillReason, readApprovalReason } from '../contract/approvalReasons.ts';
import { useLanguage } from './I18n.tsx';
import { reasonsDe } from './messages/reasons.de.ts';

/** A reason as it is shown: one that the server gave in the language of the reader, one that a person wrote as it was written. */
export function useApprovalReason(): (text: string) => string {
  const language = useLanguage();
  return (text) => {
    const known = language === 'de' ? readApprovalReason(text) : null;
    return known ? fillReason(reasonsDe[known.code], known.values) : text;
  };
}
