import { closeSync, fstatSync, lstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createTpmAttestor } from '../../native/tpm/attestor.ts';
import { encodeAnswer, parseRequest } from '../../native/windows/elevatedAttestor.ts';
import { type Handler, UsageError } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { withTpm } from '../hardware.ts';

/**
 * `muster tpm activate`, which Muster starts with administrator rights on Windows for the one verb that needs them. Reads
 * a request, writes the answer into the empty file that the person's own process made, and nowhere else.
 */
export const tpmActivate: Handler = async (values) => {
  const request = values.texts.get('request');
  const answer = values.texts.get('answer');
  if (!request || !answer) throw new UsageError('muster tpm activate is run by Muster itself.');
  const { ak, ekPermanentIdentifier, credential, secret } = parseRequest(contentOf(request));
  const file = openEmpty(answer);
  try {
    const activated = await withTpm(values, (tpm) =>
      createTpmAttestor(tpm, { eventLog: false }).activateCredential(ak, ekPermanentIdentifier, credential, secret),
    );
    writeSync(file, encodeAnswer(activated));
  } finally {
    closeSync(file);
  }
  return EXIT.ok;
};

function contentOf(request: string): string {
  try {
    return readFileSync(request, 'utf8');
  } catch {
    throw new UsageError(`${request} cannot be read.`);
  }
}

/** An elevated process that writes where an unelevated one says: only into an empty, plain file that has no other name. */
function openEmpty(path: string): number {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isFile()) throw new UsageError('The answer goes into a plain file.');
  const file = openSync(path, 'r+');
  const { size, nlink } = fstatSync(file);
  if (size === 0 && nlink === 1) return file;
  closeSync(file);
  throw new UsageError('The file for the answer is not empty.');
}
