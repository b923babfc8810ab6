/** One field of an audit record with its values before and after, as text; null where the record has none. */
export type FieldChange = { field: string; before: string | null; after: string | null };

type Fields = Readonly<Record<string, unknown>> | null;

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a record says about fields, in its order; nested values by their path, and only where they differ. */
export function changesOf(before: Fields, after: Fields, path = ''): FieldChange[] {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return names.flatMap((name) => {
    const [was, is] = [before?.[name], after?.[name]];
    const field = `${path}${name}`;
    if ((isPlain(was) || was === undefined) && (isPlain(is) || is === undefined) && (was ?? is) !== undefined) {
      return changesOf(was ?? null, is ?? null, `${field}.`);
    }
    if (JSON.stringify(was) === JSON.stringify(is)) return [];
    return [{ field, before: textOf(was), after: textOf(is) }];
  });
}

function textOf(value: unknown): string | null {
  if (value === undefined) return null;
  if (typeof value === 'string') return value;
  return Array.isArray(value) && value.every((one) => typeof one === 'string') && value.length > 0
    ? value.join(', ')
    : JSON.stringify(value);
}
