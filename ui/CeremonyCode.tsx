/** The ceremony's short code, large; a screen reader hears its letters one by one. */
export function CeremonyCode({ code, size = 'large' }: { code: string; size?: 'large' | 'small' }) {
  return (
    <span className={`ceremony-code ceremony-code-${size}`}>
      <span aria-hidden="true">{code}</span>
      <span className="visually-hidden">{spelled(code)}</span>
    </span>
  );
}

const spelled = (code: string): string =>
  code
    .split('-')
    .map((group) => [...group].join(' '))
    .join(', ');
