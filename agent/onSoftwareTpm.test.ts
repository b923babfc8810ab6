import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALG, bindingDigest, parseCertificate, verifyQuote } from '../attestation/index.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../demo/softwareTpm.ts';
import { has, output } from '../native/testing/tools.ts';
import { EXIT } from './exitCodes.ts';
import { OUTPUTS } from './schemas.ts';
import { runMuster } from './testing.ts';

const fromBase64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));

describe.skipIf(!has('swtpm'))('muster on a software TPM (needs swtpm)', () => {
  let folder: string;
  let software: SoftwareTpm;
  let tcti: string[];
  let state: string[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-agent-'));
    software = await startSoftwareTpm({ folder });
    tcti = ['--tcti', software.tcti];
    state = ['--state', join(folder, 'client')];
  });
  afterAll(async () => {
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.skipIf(!has('tpm2_createek') || !has('openssl'))(
    'prints the URN that tpm2-tools and openssl give (needs tpm2-tools, openssl)',
    async () => {
      const env = { TPM2TOOLS_TCTI: software.tcti };
      const [context, der] = [join(folder, 'ek.ctx'), join(folder, 'ek.der')];
      output('tpm2_createek', ['-Q', '-c', context, '-G', 'rsa', '-u', join(folder, 'ek.pub')], env);
      output('tpm2_flushcontext', ['-Q', '-t'], env);
      output('tpm2_readpublic', ['-Q', '-c', context, '-f', 'der', '-o', der], env);
      output('tpm2_flushcontext', ['-Q', '-t'], env);
      const digest = output('openssl', ['dgst', '-sha256', '-binary', der]);
      const { code, out, err } = await runMuster(['tpm', '--fingerprint', ...tcti]);
      expect({ code, out, err }).toEqual({
        code: EXIT.ok,
        out: `urn:ek:sha256:${Buffer.from(digest).toString('base64')}\n`,
        err: '',
      });
    },
  );

  it('prints JSON that its schemas describe', async () => {
    const read = async (name: keyof typeof OUTPUTS, ...args: string[]) =>
      OUTPUTS[name].parse(JSON.parse((await runMuster([...args, '--json', ...tcti])).out));
    await read('tpm --fingerprint', 'tpm', '--fingerprint');
    expect(await read('tpm info', 'tpm', 'info')).toMatchObject({
      version: '2.0',
      manufacturer: { name: 'IBM' },
      inLockout: false,
    });
    expect(await read('identity', 'identity')).toMatchObject({ unavailable: null });
  });

  it('shows endorsement keys, their certificates, and the derived ones when asked for all', async () => {
    const present = OUTPUTS['tpm ek'].parse(
      JSON.parse((await runMuster(['tpm', 'ek', '--json', ...tcti])).out),
    ).endorsementKeys;
    expect(present.map(({ algorithm, preferred }) => [algorithm, preferred])).toEqual([
      ['RSA-2048', true],
      ['ECC-P384', false],
    ]);
    for (const { certificate } of present)
      expect(() => parseCertificate(fromBase64(certificate ?? ''), { lenient: true })).not.toThrow();
    const all = OUTPUTS['tpm ek'].parse(
      JSON.parse((await runMuster(['tpm', 'ek', '--all', '--json', ...tcti])).out),
    ).endorsementKeys;
    expect(all.map(({ algorithm }) => algorithm)).toEqual(
      expect.arrayContaining(['RSA-2048', 'RSA-3072', 'ECC-P256', 'ECC-P384']),
    );
    expect(all[0]).toEqual(present[0]);
    const { out } = await runMuster(['tpm', 'ek', '--pem', ...tcti]);
    expect(out.match(/-----BEGIN CERTIFICATE-----/g)).toHaveLength(2);
    expect((await runMuster(['tpm', 'ek', '--pem', '--json', ...tcti])).code).toBe(EXIT.usage);
  });

  it.each([[[]], [['--rsa']]])('quotes so that a verifier is satisfied %j', async (more) => {
    const { out } = await runMuster([
      'tpm',
      'quote',
      '--pcrs',
      '0,7',
      '--origin',
      'https://x.example',
      '--json',
      ...more,
      ...tcti,
    ]);
    const { binding, attestationKey, deviceKey, quote, pcrs } = OUTPUTS['tpm quote'].parse(JSON.parse(out));
    const nonce = bindingDigest('quote', {
      ...binding,
      challenge: fromBase64(binding.challenge),
      akName: fromBase64(attestationKey.name),
      deviceKeyName: fromBase64(deviceKey.name),
    });
    const { attest } = verifyQuote({
      attest: fromBase64(quote.attest),
      signature: fromBase64(quote.signature),
      akPublic: fromBase64(attestationKey.public),
      nonce,
      selection: [{ hash: ALG.SHA256, pcrs: [0, 7] }],
      pcrs: [
        {
          hash: ALG.SHA256,
          values: pcrs.map(({ index, value }) => ({ pcr: index, digest: new Uint8Array(Buffer.from(value, 'hex')) })),
        },
      ],
    });
    expect(attest.type).toBe('quote');
  });

  it('doctor finds what is right and what is missing, in a form that its schema describes', async () => {
    const { code, out } = await runMuster(['doctor', '--json', ...tcti, ...state]);
    const report = OUTPUTS.doctor.parse(JSON.parse(out));
    const statusOf = (id: string) => report.checks.find((item) => item.id === id)?.status;
    expect(['tpm', 'tpm-authorization', 'ek-certificate', 'keys', 'state', 'secrets'].map(statusOf)).toEqual(
      new Array(6).fill('pass'),
    );
    expect(statusOf('server')).toBe('warn');
    expect(code).toBe(report.status === 'fail' ? EXIT.checkFailed : EXIT.ok);
    expect(report.checks.filter(({ status }) => status !== 'pass').every(({ detail }) => detail.length > 0)).toBe(true);
    expect(out).not.toMatch(/urn:ek:/);
  });

  it('doctor says what to do without a TPM and without a server', async () => {
    const gone = ['--tcti', 'swtpm:host=127.0.0.1,port=1', '--server', 'https://does-not-exist.invalid'];
    const { code, out } = await runMuster(['doctor', '--json', ...gone, ...state]);
    const report = OUTPUTS.doctor.parse(JSON.parse(out));
    expect(code).toBe(EXIT.checkFailed);
    for (const id of ['tpm', 'dns', 'server']) {
      const found = report.checks.find((item) => item.id === id);
      expect(found, id).toMatchObject({ status: 'fail', remedy: expect.stringMatching(/\w/) });
    }
    const plain = await runMuster(['doctor', ...gone, ...state]);
    expect(plain.out).toMatch(/^FAIL {2}TPM: /m);
    expect(plain.out).toContain('To repair: ');
    const insecure = await runMuster(['doctor', '--json', ...tcti, ...state, '--server', 'http://inventory.example']);
    expect(JSON.parse(insecure.out).checks).toContainEqual(expect.objectContaining({ id: 'dns', status: 'fail' }));
  });

  it('doctor warns of a TPM that nobody vouches for', async () => {
    const bare = await startSoftwareTpm({ folder: join(folder, 'bare'), certificate: false });
    try {
      const { out } = await runMuster(['doctor', '--json', '--tcti', bare.tcti, ...state]);
      expect(OUTPUTS.doctor.parse(JSON.parse(out)).checks).toContainEqual(
        expect.objectContaining({
          id: 'ek-certificate',
          status: 'warn',
          remedy: expect.stringContaining('high assurance'),
        }),
      );
    } finally {
      await bare.stop();
    }
  });

  it.skipIf(!has('tpm2_changeauth'))('doctor fails a TPM that others manage (needs tpm2-tools)', async () => {
    const env = { TPM2TOOLS_TCTI: software.tcti };
    output('tpm2_changeauth', ['-c', 'endorsement', 'secret'], env);
    try {
      const { code, out } = await runMuster(['doctor', '--json', ...tcti, ...state]);
      expect(code).toBe(EXIT.checkFailed);
      expect(JSON.parse(out).checks).toContainEqual(
        expect.objectContaining({ id: 'tpm-authorization', status: 'fail', remedy: expect.stringMatching(/\w/) }),
      );
    } finally {
      output('tpm2_changeauth', ['-c', 'endorsement', '-p', 'secret'], env);
    }
  });

  it('doctor fails a saved state that is damaged, and a folder that keeps nothing', async () => {
    const damaged = join(folder, 'damaged');
    await mkdir(damaged);
    await writeFile(join(damaged, 'enrollment.json'), '{');
    const read = async (place: string) =>
      OUTPUTS.doctor.parse(JSON.parse((await runMuster(['doctor', '--json', ...tcti, '--state', place])).out)).checks;
    expect(await read(damaged)).toContainEqual(expect.objectContaining({ id: 'state', status: 'fail' }));
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    expect(await read(join(file, 'below'))).toContainEqual(expect.objectContaining({ id: 'secrets', status: 'fail' }));
  });

  it('says that a device is not enrolled, and how to change that', async () => {
    expect(await runMuster(['status', ...tcti, ...state])).toMatchObject({
      code: EXIT.notEnrolled,
      out: 'This device is not enrolled.\n',
    });
    const json = await runMuster(['status', '--json', ...state]);
    expect(OUTPUTS.status.parse(JSON.parse(json.out))).toMatchObject({ enrolled: false });
    for (const command of ['attest', 'unenroll']) {
      const { code, err } = await runMuster([command, ...tcti, ...state]);
      expect(code).toBe(EXIT.notEnrolled);
      expect(err).toContain('muster enroll');
    }
  });

  it('writes diagnostics that name neither machine nor person', async () => {
    const path = join(folder, 'bundle.json');
    const { code, out } = await runMuster(['logs', 'bundle', '--output', path, ...tcti, ...state]);
    expect({ code, out }).toEqual({ code: EXIT.ok, out: `${path}\n` });
    const text = await readFile(path, 'utf8');
    const { out: json } = await runMuster(['identity', '--json', ...tcti]);
    const { permanentIdentifier, machine } = OUTPUTS.identity.parse(JSON.parse(json));
    for (const fact of [permanentIdentifier, machine.hostName, machine.serial, machine.hardwareUuid]) {
      const value = typeof fact === 'string' ? fact : fact && 'value' in fact ? fact.value : undefined;
      // A host name as short as "vm" occurs inside ordinary words.
      if (value !== undefined && value.length > 4) expect(text).not.toContain(value);
    }
    expect(text).toContain('[redacted ');
  });

  it('writes no identifier of the machine to the log, at the default level and at --debug', async () => {
    const { out } = await runMuster(['identity', '--json', ...tcti]);
    const { permanentIdentifier, tpm } = OUTPUTS.identity.parse(JSON.parse(out));
    const digest = createHash('sha256')
      .update(fromBase64(tpm?.endorsementKey.publicKey ?? ''))
      .digest('hex');
    const server = ['--server', 'http://127.0.0.1:1'];
    for (const more of [[], ['--debug']]) {
      const { err } = await runMuster(['doctor', ...server, ...tcti, ...state, ...more]);
      const { err: enroll } = await runMuster(['enroll', ...server, ...tcti, ...state, ...more]);
      for (const text of [err, enroll]) {
        expect(text).not.toContain(permanentIdentifier ?? 'none');
        expect(text).not.toContain(digest);
        expect(text).not.toMatch(/urn:ek:sha256:/);
      }
    }
  });
});
