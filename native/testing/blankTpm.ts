import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { POLICY_A } from '../../attestation/templates.ts';
import { openTpm } from '../tpm/open.ts';
import { openSocketPipe } from '../tpm/socketPipe.ts';
import { createTpm, type Tpm } from '../tpm/tpm.ts';
import { serveOnUnixSocket } from './transports.ts';

/** Makes the state of a TPM whose maker put nothing into it, where `startSoftwareTpm({ folder })` finds it. */
async function makeBlankState(folder: string): Promise<void> {
  await mkdir(join(folder, 'state'), { recursive: true, mode: 0o700 });
  const served = await serveOnUnixSocket(folder);
  try {
    // The state is written when the TPM is first used.
    const tpm = createTpm(await openSocketPipe({ path: served.path }), { address: 'swtpm:', startsTpm: true });
    await tpm.work(async (scope) => {
      await scope.run({ code: 0x144, parameters: new Uint8Array(2), doing: 'starting' }).catch(() => undefined);
    });
    await tpm.close();
  } finally {
    await served.stop();
  }
}

const execute = promisify(execFile);

/**
 * What a TPM's maker does, done with tpm2-tools. Not synchronously: swtpm serves one connection at a time, and an open Tpm
 * of this process leaves its own while it is idle.
 */
export function createMaker(folder: string, tcti: string) {
  const tool = async (name: string, ...args: string[]): Promise<void> => {
    await execute(name, args, { env: { ...process.env, TPM2TOOLS_TCTI: tcti }, timeout: 120_000 });
  };
  const at = (name: string) => join(folder, name);
  let count = 0;
  const flush = () => tool('tpm2_flushcontext', '-Q', '-t');
  const hex = (number: number) => `0x${number.toString(16).padStart(8, '0')}`;
  const read = async (context: string): Promise<Uint8Array> => {
    const der = at(`key-${count++}.der`);
    await tool('tpm2_readpublic', '-Q', '-c', context, '-f', 'der', '-o', der);
    if (!context.startsWith('0x')) await flush();
    return new Uint8Array(await readFile(der));
  };
  return {
    /** Any of tpm2-tools on this TPM. */
    tool,
    /** An NV index with this content, readable as the profile asks for. */
    async write(index: number, content: Uint8Array): Promise<void> {
      const file = at(`nv-${count++}`);
      await writeFile(file, content);
      const attributes = 'ownerwrite|ownerread|authread|no_da';
      await tool('tpm2_nvdefine', '-Q', '-C', 'o', '-s', String(content.length), '-a', attributes, hex(index));
      await tool('tpm2_nvwrite', '-Q', '-C', 'o', '-i', file, hex(index));
    },
    async erase(...indices: number[]): Promise<void> {
      for (const index of indices) await tool('tpm2_nvundefine', '-Q', '-C', 'o', hex(index));
    },
    /** The EK that tpm2-tools makes, as SubjectPublicKeyInfo; kept at a handle where one is given. */
    async ek(algorithm: 'rsa' | 'ecc', persist?: number): Promise<Uint8Array> {
      const context = persist === undefined ? at(`ek-${count++}`) : hex(persist);
      await tool('tpm2_createek', '-Q', '-G', algorithm, '-c', context, '-u', at('ek.pub'));
      if (persist === undefined) await flush();
      return read(context);
    },
    /**
     * A low-range EK whose template has this `unique` (RSA: the modulus, ECC: x), by tpm2_createprimary: tpm2_createek 5.4
     * copies another memory than the nonce's.
     */
    async ekWith(algorithm: 'rsa' | 'ecc', unique: Uint8Array): Promise<Uint8Array> {
      const [context, policy, file] = [at(`ek-${count++}`), at('policy'), at('unique')];
      await writeFile(policy, POLICY_A.sha256);
      await writeFile(
        file,
        algorithm === 'rsa' ? sized(unique) : Buffer.concat([padded(unique), padded(new Uint8Array(32))]),
      );
      const kind = `${algorithm === 'rsa' ? 'rsa2048' : 'ecc256'}:null:aes128cfb`;
      const attributes = 'fixedtpm|fixedparent|sensitivedataorigin|adminwithpolicy|restricted|decrypt';
      await tool(
        'tpm2_createprimary',
        '-Q',
        '-C',
        'e',
        '-G',
        kind,
        '-a',
        attributes,
        '-L',
        policy,
        '-u',
        file,
        '-c',
        context,
      );
      await flush();
      return read(context);
    },
    evict: (handle: number) => tool('tpm2_evictcontrol', '-Q', '-C', 'o', '-c', hex(handle)),
    /** A key that is no EK at a handle of the EKs' range. */
    async persistSigningKey(handle: number): Promise<void> {
      const context = at(`key-${count++}`);
      await tool(
        'tpm2_createprimary',
        '-Q',
        '-C',
        'o',
        '-G',
        'ecc',
        '-a',
        'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign',
        '-c',
        context,
      );
      await tool('tpm2_evictcontrol', '-Q', '-C', 'o', '-c', context, hex(handle));
      await flush();
    },
    /** A certificate over any public key, by a CA of this folder. */
    async certificate(spki: Uint8Array): Promise<Uint8Array> {
      const [key, request, publicKey, made] = ['ca.key', 'ca.csr', 'subject.pem', 'made.der'].map(at) as [
        string,
        string,
        string,
        string,
      ];
      const text = Buffer.from(spki)
        .toString('base64')
        .match(/.{1,64}/g)
        ?.join('\n');
      await writeFile(publicKey, `-----BEGIN PUBLIC KEY-----\n${text}\n-----END PUBLIC KEY-----\n`);
      await execute('openssl', [
        'req',
        '-new',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        key,
        '-subj',
        '/CN=maker',
        '-out',
        request,
      ]);
      await execute('openssl', [
        'x509',
        '-req',
        '-in',
        request,
        '-force_pubkey',
        publicKey,
        '-signkey',
        key,
        '-days',
        '7',
        '-outform',
        'DER',
        '-out',
        made,
      ]);
      return new Uint8Array(await readFile(made));
    },
  };
}

/** TPM2B in the memory of a little-endian machine, as `--unique-data` has it. */
const sized = (bytes: Uint8Array) => Buffer.concat([Buffer.from([bytes.length & 0xff, bytes.length >> 8]), bytes]);
/** TPM2B_ECC_PARAMETER with its whole buffer. */
const padded = (bytes: Uint8Array) => Buffer.concat([sized(bytes), Buffer.alloc(128 - bytes.length)]);

export type Maker = ReturnType<typeof createMaker>;

/** An open software TPM whose maker put nothing into it, its maker, and the end of both. */
export type BlankTpm = { tpm: Tpm; maker: Maker; stop(): Promise<void> };

/** `start` is `startSoftwareTpm`, which stands in a room that this one does not import. */
export async function startBlankTpm(
  start: (options: { folder: string; certificate: boolean }) => Promise<{ tcti: string; stop(): Promise<void> }>,
): Promise<BlankTpm> {
  const folder = await mkdtemp(join(tmpdir(), 'muster-blank-'));
  const left: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const end of left.reverse()) await end();
  };
  try {
    await makeBlankState(folder);
    const software = await start({ folder, certificate: false });
    left.push(() => software.stop());
    const tpm = await openTpm({ tcti: software.tcti, inProcess: true });
    left.push(() => tpm.close());
    return { tpm, maker: createMaker(folder, software.tcti), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
