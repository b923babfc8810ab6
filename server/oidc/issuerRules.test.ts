import { expect, test } from 'vitest';
import { checkIssuer, vouchesFor } from './issuerRules.ts';

const ENTRA = 'https://login.microsoftonline.com/7f5c0a0e-2f3d-4b1e-9c8a-1a2b3c4d5e6f/v2.0';
const GOOGLE = 'https://accounts.google.com';
const OTHER = 'https://id.example.com';

test.each([
  [OTHER, { email_verified: true }, true],
  [OTHER, { email_verified: 'true' }, true],
  [OTHER, { email_verified: false }, false],
  [OTHER, {}, false],
  // What another maker means by these claims says nothing here.
  [OTHER, { xms_edov: true }, false],
  [ENTRA, {}, false],
  [ENTRA, { xms_edov: false }, false],
  [ENTRA, { xms_edov: '0' }, false],
  [ENTRA, { xms_edov: true }, true],
  [ENTRA, { xms_edov: 1 }, true],
  [ENTRA, { xms_edov: '1' }, true],
  [GOOGLE, { email_verified: true }, false],
  [GOOGLE, { email_verified: true, hd: 'example.org' }, false],
  [GOOGLE, { email_verified: true, hd: 'Example.com' }, true],
  [GOOGLE, { email_verified: false, hd: 'example.com' }, false],
])('%s with %j vouches for ada@example.com: %s', (issuer, claims, vouches) => {
  expect(vouchesFor(issuer, claims, 'ada@example.com')).toBe(vouches);
});

test('Google is the authority for its own addresses', () => {
  expect(vouchesFor(GOOGLE, { email_verified: true }, 'ada@gmail.com')).toBe(true);
});

test.each(['common', 'organizations', 'Consumers'])('an issuer of every organization is refused: %s', (tenant) => {
  expect(() => checkIssuer(new URL(`https://login.microsoftonline.com/${tenant}/v2.0`))).toThrow(/name your tenant/);
});

test.each([ENTRA, GOOGLE, OTHER, 'https://id.example.com/common/v2.0'])('an issuer of one is taken: %s', (issuer) => {
  expect(() => checkIssuer(new URL(issuer))).not.toThrow();
});
