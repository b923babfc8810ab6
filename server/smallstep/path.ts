import { refuseSmallstep } from './refusal.ts';

const MAX_IDENTIFIER = 256;

/** The query of a raw request target, without its `?`. */
export function rawQuery(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? '' : url.slice(at + 1);
}

/**
 * What stands after `/<marker>/` in a raw request target, decoded: an identifier written percent-encoded, raw, or with bare slashes
 * inside (an unescaped base64 hash). Read from the raw target, so that an encoded `%2Fdata` stays part of the identifier while a literal
 * `/data` at the end is the sub-resource: padded base64 ends in `=`, so the two never meet in an EK URN.
 */
export function tailOfPath(url: string, marker: string): { identifier: string; data: boolean } {
  const path = url.split('?', 1)[0] ?? '';
  const at = path.indexOf(`/${marker}/`);
  const tail = at < 0 ? '' : path.slice(at + marker.length + 2);
  const data = tail.endsWith('/data');
  return { identifier: decodeIdentifier(data ? tail.slice(0, -'/data'.length) : tail), data };
}

/** What stands between `/<slug>/` and `/<tail>` in a raw request target that begins with `<start>/`, decoded as in {@link tailOfPath}. */
export function middleOfPath(url: string, start: string, tail: string): string | null {
  const path = url.split('?', 1)[0] ?? '';
  const at = path.indexOf(`/${start}/`);
  const rest = at < 0 ? '' : path.slice(at + start.length + 2);
  if (!rest.endsWith(`/${tail}`)) return null;
  return decodeIdentifier(rest.slice(rest.indexOf('/') + 1, -tail.length - 1));
}

/** One percent-encoded identifier; `+` is a plus. Errors: a refusal with 400. */
export function decodeIdentifier(text: string): string {
  let identifier: string;
  try {
    identifier = decodeURIComponent(text);
  } catch {
    return refuseSmallstep(400, 'The identifier in the path is not percent-encoded correctly.');
  }
  if (identifier === '') return refuseSmallstep(400, 'The path lacks an identifier.');
  if (identifier.length > MAX_IDENTIFIER) {
    return refuseSmallstep(400, `The identifier in the path is longer than ${MAX_IDENTIFIER} characters.`);
  }
  if (!/^[\x20-\x7e]+$/.test(identifier)) {
    return refuseSmallstep(400, 'The identifier in the path must be printable ASCII.');
  }
  return identifier;
}
