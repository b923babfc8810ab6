import { encodePcrSelections } from '../../attestation/attest.ts';
import { createWriter, equalBytes } from '../../attestation/bytes.ts';
import { encodePublic, nameOfBytes, type PublicArea, parsePublic } from '../../attestation/publicArea.ts';
import { ALG, HANDLE, TPM_CC, TPM_ST } from '../../attestation/tpmConstants.ts';
import { guarded } from './codec.ts';
import { ABSENT } from './responseCodes.ts';
import type { Scope } from './tpm.ts';

const NONE = new Uint8Array(0);
const EMPTY = 'empty-password' as const;

/** TPMT_TK_CREATION and TPMT_TK_HASHCHECK on the wire. */
type Ticket = { tag: number; hierarchy: number; digest: Uint8Array };

/** TPMT_PUBLIC bytes exactly as the TPM sent them, and parsed. */
export type ReadKey = { public: Uint8Array; area: PublicArea };

/** The key at a persistent or transient handle, or undefined where there is none (or one of a type Muster does not use). */
export async function readPublic(scope: Scope, handle: number): Promise<ReadKey | undefined> {
  const request = { code: TPM_CC.READ_PUBLIC, handles: [handle], doing: 'reading a public key' };
  const answer = await scope.tryRun(request, ABSENT);
  if (!answer) return undefined;
  const bytes = guarded('ReadPublic', () => answer.parameters.tpm2b());
  return readable(bytes);
}

function readable(bytes: Uint8Array): ReadKey | undefined {
  try {
    return { public: bytes, area: parsePublic(bytes) };
  } catch {
    // A persistent object of another kind (a sealed secret, an exotic curve) is none of ours.
    return undefined;
  }
}

/** TPM2B_SENSITIVE_CREATE with neither authorization nor data, then the template, no outside info, no PCRs. */
function creationParameters(template: Uint8Array): Uint8Array {
  return createWriter().u16(4).u16(0).u16(0).tpm2b(template).tpm2b(NONE).u32(0).finish();
}

/** Makes a primary key from `template` (TPMT_PUBLIC bytes or an area); the scope owns its handle. */
export async function createPrimary(
  scope: Scope,
  hierarchy: number,
  template: PublicArea | Uint8Array,
  doing: string,
): Promise<ReadKey & { handle: number; name: Uint8Array }> {
  const bytes = template instanceof Uint8Array ? template : encodePublic(template);
  const { handle, answer } = await scope.make({
    code: TPM_CC.CREATE_PRIMARY,
    handles: [hierarchy],
    auths: [EMPTY],
    hierarchy,
    parameters: creationParameters(bytes),
    duration: 'long',
    doing,
  });
  return guarded('CreatePrimary', () => {
    const { parameters } = answer;
    const made = parameters.tpm2b();
    const area = parsePublic(made);
    // Creation data, creation hash and ticket (part 3, 24.1); the name after them is how other work knows the key again.
    parameters.tpm2b();
    parameters.tpm2b();
    parameters.take(6);
    parameters.tpm2b();
    const name = parameters.tpm2b();
    if (!equalBytes(name, nameOfBytes(area.nameAlg, made))) throw new Error('not the name of this key');
    return { handle, public: made, area, name };
  });
}

export type CreatedKey = {
  private: Uint8Array;
  public: Uint8Array;
  creationData: Uint8Array;
  creationHash: Uint8Array;
  ticket: Ticket;
};

/** Makes a key under `parent`. `private` and `public` are the contents of the TPM2Bs, without their sizes. */
export async function create(scope: Scope, parent: number, template: PublicArea, doing: string): Promise<CreatedKey> {
  const { parameters } = await scope.run({
    code: TPM_CC.CREATE,
    handles: [parent],
    auths: [EMPTY],
    parameters: creationParameters(encodePublic(template)),
    duration: 'long',
    doing,
  });
  return guarded('Create', () => ({
    private: parameters.tpm2b(),
    public: parameters.tpm2b(),
    creationData: parameters.tpm2b(),
    creationHash: parameters.tpm2b(),
    ticket: { tag: parameters.u16(), hierarchy: parameters.u32(), digest: parameters.tpm2b() },
  }));
}

/** Loads a wrapped key; the scope owns its handle. */
export async function load(
  scope: Scope,
  parent: number,
  key: { private: Uint8Array; public: Uint8Array },
): Promise<number> {
  const { handle } = await scope.make({
    code: TPM_CC.LOAD,
    handles: [parent],
    auths: [EMPTY],
    parameters: createWriter().tpm2b(key.private).tpm2b(key.public).finish(),
    duration: 'medium',
    doing: 'loading a key',
  });
  return handle;
}

export type Attested = { attest: Uint8Array; signature: Uint8Array };

/** `attest` is a TPMS_ATTEST, `signature` a TPMT_SIGNATURE. */
function attested(
  what: string,
  parameters: { tpm2b(): Uint8Array; take(size: number): Uint8Array; remaining(): number },
): Attested {
  return guarded(what, () => ({ attest: parameters.tpm2b(), signature: parameters.take(parameters.remaining()) }));
}

/** The scheme is in the key; NULL here means the key's own. */
export async function certifyCreation(
  scope: Scope,
  signer: number,
  object: number,
  made: CreatedKey,
): Promise<Attested> {
  const { ticket } = made;
  const { parameters } = await scope.run({
    code: TPM_CC.CERTIFY_CREATION,
    handles: [signer, object],
    auths: [EMPTY],
    parameters: createWriter()
      .tpm2b(NONE)
      .tpm2b(made.creationHash)
      .u16(ALG.NULL)
      .u16(ticket.tag)
      .u32(ticket.hierarchy)
      .tpm2b(ticket.digest)
      .finish(),
    duration: 'medium',
    doing: 'attesting the creation of the attestation key',
  });
  return attested('CertifyCreation', parameters);
}

export async function certify(
  scope: Scope,
  object: number,
  signer: number,
  qualifyingData: Uint8Array,
): Promise<Attested> {
  const { parameters } = await scope.run({
    code: TPM_CC.CERTIFY,
    handles: [object, signer],
    auths: [EMPTY, EMPTY],
    parameters: createWriter().tpm2b(qualifyingData).u16(ALG.NULL).finish(),
    duration: 'medium',
    doing: 'certifying the device key',
  });
  return attested('Certify', parameters);
}

export async function quote(
  scope: Scope,
  signer: number,
  qualifyingData: Uint8Array,
  selection: Uint8Array,
): Promise<Attested> {
  const { parameters } = await scope.run({
    code: TPM_CC.QUOTE,
    handles: [signer],
    auths: [EMPTY],
    parameters: createWriter().tpm2b(qualifyingData).u16(ALG.NULL).bytes(selection).finish(),
    duration: 'medium',
    doing: 'quoting the PCRs',
  });
  return attested('Quote', parameters);
}

export type PcrValue = { index: number; value: Uint8Array };

/** Some of the asked PCRs of one bank: a TPM gives at most eight in one answer, and none of a bank it does not have. */
export async function readPcrs(scope: Scope, hash: number, pcrs: readonly number[]): Promise<PcrValue[]> {
  const { parameters } = await scope.run({
    code: TPM_CC.PCR_READ,
    parameters: encodePcrSelections([{ hash, pcrs: [...pcrs] }]),
    doing: 'reading the PCRs',
  });
  return guarded('PCR_Read', () => {
    parameters.u32();
    const given: number[] = [];
    for (let banks = parameters.u32(); banks > 0; banks -= 1) {
      parameters.u16();
      const bitmap = parameters.take(parameters.u8());
      for (let pcr = 0; pcr < bitmap.length * 8; pcr += 1) {
        if ((((bitmap[pcr >> 3] ?? 0) >> (pcr & 7)) & 1) === 1) given.push(pcr);
      }
    }
    const values = Array.from({ length: parameters.u32() }, () => parameters.tpm2b());
    return values.map((value, at) => ({ index: given[at] ?? -1, value }));
  });
}

/** Signs a digest; `r` and `s` big endian as the TPM gave them. ECDSA keys only. */
export async function signEcdsa(
  scope: Scope,
  key: number,
  digest: Uint8Array,
): Promise<{ r: Uint8Array; s: Uint8Array }> {
  const { parameters } = await scope.run({
    code: TPM_CC.SIGN,
    handles: [key],
    auths: [EMPTY],
    // No ticket: the key is unrestricted, so the TPM need not have made the digest itself.
    parameters: createWriter().tpm2b(digest).u16(ALG.NULL).u16(TPM_ST.HASHCHECK).u32(HANDLE.NULL).tpm2b(NONE).finish(),
    duration: 'medium',
    doing: 'signing',
  });
  return guarded('Sign', () => {
    parameters.u16();
    parameters.u16();
    return { r: parameters.tpm2b(), s: parameters.tpm2b() };
  });
}
