import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { ALG, ATTRIBUTE, AttestationError, verifyAttestationKey } from '../../attestation/index.ts';
import { generator, mutate } from '../../attestation/testing/mutations.ts';
import { AK_ATTRIBUTES, akParameters, eccKey, rsaKey } from '../../attestation/testing/softTpm.ts';
import { has } from '../../attestation/testing/swtpm.ts';
import { hex, vectors } from '../../attestation/testing/vectors.ts';

type Parameters = { public: Uint8Array; creationData: Uint8Array; attest: Uint8Array; signature: Uint8Array };

/** The stock library, built from the Go module proxy; undefined where Go or the proxy cannot be had. */
function build(): { folder: string; binary: string } | undefined {
  if (process.env.MUSTER_TEST_INTEROP !== '1' || !has('go')) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'muster-interop-'));
  const binary = join(folder, 'goattestation');
  const source = fileURLToPath(new URL('goAttestation', import.meta.url));
  const run = spawnSync('go', ['build', '-o', binary, '.'], {
    cwd: source,
    env: { ...process.env, CGO_ENABLED: '0' },
    timeout: 240_000,
  });
  if (run.status === 0) return { folder, binary };
  rmSync(folder, { recursive: true, force: true });
  return undefined;
}

const stock = build();
afterAll(() => {
  if (stock) rmSync(stock.folder, { recursive: true, force: true });
});

function theirs(keys: readonly Parameters[]): boolean[] {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const input = keys.map((key) =>
    JSON.stringify({
      Public: base64(key.public),
      CreateData: base64(key.creationData),
      CreateAttestation: base64(key.attest),
      CreateSignature: base64(key.signature),
    }),
  );
  const run = spawnSync(stock?.binary ?? '', { input: `${input.join('\n')}\n`, encoding: 'utf8', maxBuffer: 1 << 26 });
  const answers = run.stdout.trim().split('\n');
  expect(answers, run.stderr).toHaveLength(keys.length);
  return answers.map((answer) => answer === 'accepted');
}

function ours(key: Parameters): boolean {
  try {
    verifyAttestationKey(key);
    return true;
  } catch (error) {
    if (error instanceof AttestationError) return false;
    throw error;
  }
}

const real: Parameters[] = vectors.aks
  .filter(({ kind }) => kind !== 'rsa-2048-pss')
  .map((ak) => ({
    public: hex(ak.public),
    creationData: hex(ak.creationData),
    attest: hex(ak.attest),
    signature: hex(ak.signature),
  }));

describe.skipIf(!stock)(
  'google/go-attestation judges attestation keys (needs MUSTER_TEST_INTEROP=1, Go and its module proxy)',
  () => {
    it('accepts the keys of a TPM, as we do', () => {
      expect(real.map(ours)).toEqual(real.map(() => true));
      expect(theirs(real)).toEqual(real.map(() => true));
    });

    it('refuses nothing of 3000 changed enrolments that we accept', () => {
      const random = generator(20_260_601);
      const changed = Array.from({ length: 3_000 }, () => {
        const key = real[random(real.length)];
        const other = real[random(real.length)];
        if (!key || !other) throw new Error('The vectors are empty.');
        const part = (['public', 'creationData', 'attest', 'signature'] as const)[random(4)] ?? 'attest';
        return { ...key, [part]: mutate(key[part], other[part], random) };
      });
      const verdicts = theirs(changed);
      const looser = changed.filter((key, i) => ours(key) && !verdicts[i]);
      expect(looser).toEqual([]);
    });

    it('agrees on forged keys, or is more lenient where our rules say more', () => {
      const forged = {
        unrestricted: akParameters(eccKey({ attributes: AK_ATTRIBUTES & ~ATTRIBUTE.RESTRICTED })),
        movable: akParameters(eccKey({ attributes: AK_ATTRIBUTES & ~ATTRIBUTE.FIXED_TPM })),
        imported: akParameters(eccKey({ attributes: AK_ATTRIBUTES & ~ATTRIBUTE.SENSITIVE_DATA_ORIGIN })),
        small: akParameters(rsaKey({}, 1024)),
        foreign: akParameters(eccKey(), { objectName: eccKey({}, 'P-256', true).name }),
        decrypting: akParameters(eccKey({ attributes: AK_ATTRIBUTES | ATTRIBUTE.DECRYPT })),
        sha1: akParameters(rsaKey({ scheme: { alg: ALG.RSASSA, hash: ALG.SHA1 } })),
      };
      expect(Object.values(forged).map(ours)).toEqual(Object.values(forged).map(() => false));
      const names = Object.keys(forged);
      const verdicts = theirs(Object.values(forged));
      // The library neither looks at decrypt nor at the strength of the signature's hash.
      expect(names.filter((_, i) => verdicts[i])).toEqual(['decrypting', 'sha1']);
    });
  },
);
