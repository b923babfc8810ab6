/**
 * Makes vendorRoots.manifest.json from the manifest of a folder of vendor certificates.
 * Usage: node attestation/makeManifest.ts <folder with manifest.json>
 */
import { readFileSync, writeFileSync } from 'node:fs';

const folder = process.argv[2];
if (!folder) throw new Error('Name the folder that holds manifest.json.');
const FIELDS = [
  'vendor',
  'role',
  'name',
  'subject',
  'sha256',
  'notBefore',
  'notAfter',
  'keyType',
  'sourceUrl',
] as const;
const entries = JSON.parse(readFileSync(`${folder}/manifest.json`, 'utf8')) as Record<string, unknown>[];
const lines = entries.map((entry) => JSON.stringify(Object.fromEntries(FIELDS.map((field) => [field, entry[field]]))));
writeFileSync(new URL('vendorRoots.manifest.json', import.meta.url), `[\n  ${lines.join(',\n  ')}\n]\n`);
