import { z } from 'zod';

/**
 * What a check of the client saw, by code: the English sentence with its values, and what to do about it where something is to be done.
 * The window says the same in its own language.
 */
export const FINDINGS = {
  'server-answers': ['{origin} answers for the team "{team}" (version {version}).', null],
  'server-not-set': ['No server is set yet.', 'Enter the address of your Muster server.'],
  'clock-right': ['Within {seconds} s of the server.', null],
  'clock-ahead': ["{seconds} s ahead of the server's clock.", 'Set the clock of this machine.'],
  'clock-behind': ["{seconds} s behind the server's clock.", 'Set the clock of this machine.'],
  'clock-not-compared': ['Not compared: no server is set yet.', null],
  'chip-certified': ['TPM 2.0 by {maker}, firmware {firmware}, with a manufacturer certificate.', null],
  'chip-uncertified': ['TPM 2.0 by {maker}, firmware {firmware}, without a manufacturer certificate.', null],
  'chip-none': ['No TPM; this device is known by its serial number {serial}.', null],
  'state-enrolled': ['Enrolled with {origin}.', null],
  'state-none': ['Not enrolled.', null],
  'secrets-kept': ['Secrets can be stored and read back.', null],
} as const satisfies Record<string, readonly [detail: string, remedy: string | null]>;

export type FindingCode = keyof typeof FINDINGS;
export const FindingCode = z.enum(Object.keys(FINDINGS) as [FindingCode, ...FindingCode[]]);

/** The values that complete a finding's sentences. */
export const FindingValues = z.record(z.string(), z.union([z.string(), z.number()]));
export type FindingValues = z.infer<typeof FindingValues>;

/** Puts the values into a sentence. */
export const completed = (text: string, values: FindingValues): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
