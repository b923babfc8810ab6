export type PageLanguage = 'en' | 'de';

/** The first of English and German in what the browser accepts (RFC 9110, 12.5.4), by its own order of preference; English otherwise. */
export function languageOf(acceptLanguage: string | undefined): PageLanguage {
  const ranges = (acceptLanguage ?? '')
    .slice(0, 500)
    .split(',')
    .map((range) => {
      const [tag = '', quality = ''] = range
        .trim()
        .toLowerCase()
        .split(/\s*;\s*q=/);
      return { base: tag.split('-')[0], q: quality === '' ? 1 : Number(quality) || 0 };
    });
  const known = ranges.filter(({ base, q }) => (base === 'en' || base === 'de') && q > 0).sort((a, b) => b.q - a.q);
  return known[0]?.base === 'de' ? 'de' : 'en';
}
