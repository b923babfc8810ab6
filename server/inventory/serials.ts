/** What firmware and MDMs report where nobody wrote a serial number (compared without spaces, dots and case). */
const PLACEHOLDERS = new Set([
  '',
  '0',
  '-1',
  'none',
  'null',
  'na',
  'n/a',
  'unknown',
  'invalid',
  'default',
  'defaultstring',
  'notspecified',
  'notavailable',
  'notapplicable',
  'tobefilledbyoem',
  'systemserialnumber',
  'serialnumber',
  'chassisserialnumber',
  'oem',
  'xxxxxxxx',
  '0123456789',
  '123456789',
  '1234567890',
]);

/**
 * A serial number in one spelling: trimmed, upper case; null where it is absent or a placeholder that many machines share
 * (tailscale issue 12566, "To Be Filled By O.E.M."). Such a value identifies nothing.
 */
export function normalizeSerial(text: string | null | undefined): string | null {
  const trimmed = (text ?? '').normalize('NFC').trim().toUpperCase();
  const bare = trimmed.toLowerCase().replace(/[\s.]/g, '');
  if (PLACEHOLDERS.has(bare) || /^(.)\1*$/.test(bare)) return null;
  return trimmed;
}
