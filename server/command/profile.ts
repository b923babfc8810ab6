import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { ServerError } from '../error.ts';
import { macProfile } from '../profile/index.ts';
import { contentOf, required, type ServerValues } from './values.ts';

/** Writes the profile of the command line's `values`, and answers where: XML, or DER where it is signed. Error: `configuration`. */
export async function writeProfile(values: ServerValues, now: Date): Promise<string> {
  const [settings, organization, file] = [
    required(values, 'settings'),
    required(values, 'organization'),
    required(values, 'out'),
  ];
  const p12 = values.get('sign');
  const profile = macProfile({
    settings: settingsIn((await contentOf(settings)).toString('utf8'), settings),
    organization,
    uuid: () => randomUUID().toUpperCase(),
    now,
    ...(p12 === undefined ? {} : { sign: { p12: await contentOf(p12), password: await passwordOf(values) } }),
  });
  // It may hold a provisioning token.
  await writeFile(file, profile, { mode: 0o600 }).catch((cause: unknown) => {
    throw new ServerError('configuration', `${file} cannot be written.`, { cause });
  });
  return file;
}

/** A password on the command line could be read by other programs, so it stands in a file. */
async function passwordOf(values: ServerValues): Promise<string> {
  const file = values.get('password-file');
  return file === undefined ? '' : (await contentOf(file)).toString('utf8').trimEnd();
}

function settingsIn(text: string, file: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new ServerError('configuration', `${file} is not JSON.`, { cause });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new ServerError('configuration', `${file} holds no JSON object.`);
  return parsed as Record<string, unknown>;
}
