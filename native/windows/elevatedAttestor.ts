import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isNativeError, NativeError } from '../errors.ts';
import type { TpmAttestor } from '../tpm/attestor.ts';
import type { WrappedKey } from '../tpm/keys.ts';

/** What the elevated process is asked: nothing of it is secret, the TPM alone can open credential and secret. */
export type ActivationRequest = {
  ak: WrappedKey;
  ekPermanentIdentifier: string;
  credential: Uint8Array;
  secret: Uint8Array;
};

export type ElevationOptions = {
  /** A folder of the person's own that does not roam (%LOCALAPPDATA%\Muster). */
  folder: string;
  isElevated(): boolean;
  /**
   * Runs the elevated helper over the two files and answers its exit code. The helper is a program under Program Files,
   * never one that the person could have changed.
   */
  run(requestFile: string, answerFile: string): Promise<number>;
};

/**
 * The same verbs, with activation by an elevated process where Windows keeps that command for administrators: once, at
 * enrolment. Every other verb needs no rights. A refusal ends the enrolment (`elevation-refused`); nothing goes on
 * without attestation.
 */
export function withElevation(attestor: TpmAttestor, options: ElevationOptions): TpmAttestor {
  return {
    ...attestor,
    async activateCredential(ak, ekPermanentIdentifier, credential, secret) {
      try {
        return await attestor.activateCredential(ak, ekPermanentIdentifier, credential, secret);
      } catch (error) {
        if (!isNativeError(error, 'tpm-command-blocked', 'tpm-auth-required', 'tpm-permission') || options.isElevated())
          throw error;
        return activateElevated({ ak, ekPermanentIdentifier, credential, secret }, options);
      }
    },
  };
}

async function activateElevated(request: ActivationRequest, { folder, run }: ElevationOptions): Promise<Uint8Array> {
  await mkdir(folder, { recursive: true });
  const place = await mkdtemp(join(folder, 'activation-'));
  const [requestFile, answerFile] = [join(place, 'request.json'), join(place, 'answer.json')];
  try {
    await writeFile(requestFile, encodeRequest(request), { mode: 0o600, flag: 'wx' });
    // Made here, so that it keeps the owner and the rights of the person whatever account writes into it.
    await writeFile(answerFile, '', { mode: 0o600, flag: 'wx' });
    const code = await run(requestFile, answerFile);
    const answer = parseAnswer(await readFile(answerFile, 'utf8'));
    if (code !== 0 || !answer) {
      throw new NativeError(
        'elevation-needed',
        'Muster ran with administrator rights, but the TPM did not prove itself there either.',
        {
          advice: 'Have your IT install the Muster service.',
        },
      );
    }
    return answer;
  } finally {
    // The answer is the activated secret: worth one request, and gone with the folder.
    await rm(place, { recursive: true, force: true });
  }
}

const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const fromBase64 = (value: unknown): Uint8Array => {
  if (typeof value !== 'string' || value.length > 16_384) throw new TypeError('not base64');
  return new Uint8Array(Buffer.from(value, 'base64'));
};

function encodeRequest({ ak, ekPermanentIdentifier, credential, secret }: ActivationRequest): string {
  const key = { public: toBase64(ak.public), private: toBase64(ak.private) };
  return JSON.stringify({
    version: 1,
    ak: key,
    ekPermanentIdentifier,
    credential: toBase64(credential),
    secret: toBase64(secret),
  });
}

/** Reads a request as the elevated process gets it: from a file that anyone may have written. */
export function parseRequest(text: string): ActivationRequest {
  try {
    const { version, ak, ekPermanentIdentifier, credential, secret } = JSON.parse(text) as Record<string, unknown>;
    const key = ak as Record<string, unknown> | undefined;
    if (version !== 1 || typeof ekPermanentIdentifier !== 'string' || ekPermanentIdentifier.length > 256)
      throw new TypeError('fields');
    return {
      ak: { public: fromBase64(key?.public), private: fromBase64(key?.private) },
      ekPermanentIdentifier,
      credential: fromBase64(credential),
      secret: fromBase64(secret),
    };
  } catch (cause) {
    throw new NativeError('key-file-damaged', 'The request for an activation cannot be read.', { cause });
  }
}

export function encodeAnswer(activated: Uint8Array): string {
  return JSON.stringify({ version: 1, activated: toBase64(activated) });
}

function parseAnswer(text: string): Uint8Array | undefined {
  if (text === '') return undefined;
  try {
    const { activated } = JSON.parse(text) as { activated?: unknown };
    return fromBase64(activated);
  } catch {
    // Cut short: the helper was ended. The exit code has already said that something went wrong.
    return undefined;
  }
}
