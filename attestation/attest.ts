import { createReader, createWriter, type Reader } from './bytes.ts';
import { refuse } from './error.ts';
import { hashOf } from './hashes.ts';
import { ALG, TPM_GENERATED, TPM_ST } from './tpmConstants.ts';

/** TPMS_PCR_SELECTION: `hash` is the bank's TPM_ALG_ID, `pcrs` the selected indices in rising order. */
export type PcrSelection = { hash: number; pcrs: readonly number[] };

type AttestCommon = {
  qualifiedSigner: Uint8Array;
  /** What the caller gave as qualifyingData. */
  extraData: Uint8Array;
  /** `clock` in milliseconds; the counters and the firmware version are obfuscated for keys of the storage hierarchy. */
  clock: { clock: bigint; resetCount: number; restartCount: number; safe: boolean };
  firmwareVersion: bigint;
};
/** TPMS_ATTEST with a TPMS_CERTIFY_INFO (part 2 section 10.12.3): Name and qualified Name of the certified object. */
export type CertifyAttest = AttestCommon & { type: 'certify'; name: Uint8Array; qualifiedName: Uint8Array };
/** TPMS_ATTEST with a TPMS_QUOTE_INFO (part 2 section 10.12.4). */
export type QuoteAttest = AttestCommon & { type: 'quote'; selections: PcrSelection[]; pcrDigest: Uint8Array };
/** TPMS_ATTEST with a TPMS_CREATION_INFO (part 2 section 10.12.7). */
export type CreationAttest = AttestCommon & { type: 'creation'; objectName: Uint8Array; creationHash: Uint8Array };
/** The kinds of TPMS_ATTEST that prove something here. */
export type Attest = CertifyAttest | QuoteAttest | CreationAttest;

/** TPMT_SIGNATURE. `hash` is a TPM_ALG_ID; RSA signatures and the numbers r and s are big endian. */
export type TpmSignature =
  | { alg: 'rsassa' | 'rsapss'; hash: number; signature: Uint8Array }
  | { alg: 'ecdsa'; hash: number; r: Uint8Array; s: Uint8Array };

/** TPMS_CREATION_DATA. */
export type CreationData = {
  selections: PcrSelection[];
  pcrDigest: Uint8Array;
  locality: number;
  parentNameAlg: number;
  parentName: Uint8Array;
  parentQualifiedName: Uint8Array;
  outsideInfo: Uint8Array;
};

const NAME_MAX = 2 + 64;
const TYPES: Record<number, Attest['type']> = {
  [TPM_ST.ATTEST_CERTIFY]: 'certify',
  [TPM_ST.ATTEST_QUOTE]: 'quote',
  [TPM_ST.ATTEST_CREATION]: 'creation',
};
const TYPE_CODES = {
  certify: TPM_ST.ATTEST_CERTIFY,
  quote: TPM_ST.ATTEST_QUOTE,
  creation: TPM_ST.ATTEST_CREATION,
} as const;

/**
 * Parses a TPMS_ATTEST (TPM 2.0 Library part 2 section 10.12.12) without a TPM2B size in front.
 * Errors: `wrong-magic` when the TPM did not make it, `wrong-type` for kinds other than certify, quote and creation,
 * `truncated`, `trailing-bytes`, `too-large`, `malformed`.
 */
export function parseAttest(bytes: Uint8Array): Attest {
  const reader = createReader(bytes, 'TPMS_ATTEST');
  const magic = reader.u32();
  if (magic !== TPM_GENERATED)
    refuse('wrong-magic', 'This structure does not begin with the value that only a TPM signs.');
  const code = reader.u16();
  const type = TYPES[code] ?? refuse('wrong-type', `A TPMS_ATTEST of type 0x${code.toString(16)} proves nothing here.`);
  const qualifiedSigner = reader.tpm2b(NAME_MAX);
  const extraData = reader.tpm2b(NAME_MAX);
  const clock = { clock: reader.u64(), resetCount: reader.u32(), restartCount: reader.u32(), safe: readYesNo(reader) };
  const common = { qualifiedSigner, extraData, clock, firmwareVersion: reader.u64() };
  const attest = readAttested(reader, type, common);
  reader.end();
  return attest;
}

function readAttested(reader: Reader, type: Attest['type'], common: AttestCommon): Attest {
  switch (type) {
    case 'certify':
      return { type, ...common, name: reader.tpm2b(NAME_MAX), qualifiedName: reader.tpm2b(NAME_MAX) };
    case 'creation':
      return { type, ...common, objectName: reader.tpm2b(NAME_MAX), creationHash: reader.tpm2b(64) };
    case 'quote':
      return { type, ...common, selections: readSelections(reader), pcrDigest: reader.tpm2b(64) };
    default:
      return type satisfies never;
  }
}

/** The TPMS_ATTEST bytes of an attest: the inverse of {@link parseAttest}. */
export function encodeAttest(attest: Attest): Uint8Array {
  const writer = createWriter()
    .u32(TPM_GENERATED)
    .u16(TYPE_CODES[attest.type])
    .tpm2b(attest.qualifiedSigner)
    .tpm2b(attest.extraData)
    .u64(attest.clock.clock)
    .u32(attest.clock.resetCount)
    .u32(attest.clock.restartCount)
    .u8(attest.clock.safe ? 1 : 0)
    .u64(attest.firmwareVersion);
  switch (attest.type) {
    case 'certify':
      return writer.tpm2b(attest.name).tpm2b(attest.qualifiedName).finish();
    case 'creation':
      return writer.tpm2b(attest.objectName).tpm2b(attest.creationHash).finish();
    case 'quote':
      return writer.bytes(encodePcrSelections(attest.selections)).tpm2b(attest.pcrDigest).finish();
    default:
      return attest satisfies never;
  }
}

/**
 * Parses a TPMT_SIGNATURE (part 2 section 11.3.4): RSASSA, RSAPSS or ECDSA.
 * Errors: `unsupported-algorithm`, `truncated`, `trailing-bytes`, `too-large`.
 */
export function parseSignature(bytes: Uint8Array): TpmSignature {
  const reader = createReader(bytes, 'TPMT_SIGNATURE');
  const alg = reader.u16();
  const signature = readSignature(reader, alg);
  reader.end();
  return signature;
}

function readSignature(reader: Reader, alg: number): TpmSignature {
  switch (alg) {
    case ALG.RSASSA:
    case ALG.RSAPSS:
      return { alg: alg === ALG.RSASSA ? 'rsassa' : 'rsapss', hash: reader.u16(), signature: reader.tpm2b(512) };
    case ALG.ECDSA:
      return { alg: 'ecdsa', hash: reader.u16(), r: reader.tpm2b(66), s: reader.tpm2b(66) };
    default:
      return refuse('unsupported-algorithm', `Signatures of algorithm 0x${alg.toString(16)} are not supported.`);
  }
}

/** The TPMT_SIGNATURE bytes of a signature: the inverse of {@link parseSignature}. */
export function encodeSignature(signature: TpmSignature): Uint8Array {
  const writer = createWriter();
  switch (signature.alg) {
    case 'rsassa':
      return writer.u16(ALG.RSASSA).u16(signature.hash).tpm2b(signature.signature).finish();
    case 'rsapss':
      return writer.u16(ALG.RSAPSS).u16(signature.hash).tpm2b(signature.signature).finish();
    case 'ecdsa':
      return writer.u16(ALG.ECDSA).u16(signature.hash).tpm2b(signature.r).tpm2b(signature.s).finish();
    default:
      return signature satisfies never;
  }
}

/**
 * Parses a TPMS_CREATION_DATA (part 2 section 15.1) without a TPM2B size in front.
 * Errors: `truncated`, `trailing-bytes`, `too-large`, `malformed`.
 */
export function parseCreationData(bytes: Uint8Array): CreationData {
  const reader = createReader(bytes, 'TPMS_CREATION_DATA');
  const data = {
    selections: readSelections(reader),
    pcrDigest: reader.tpm2b(64),
    locality: reader.u8(),
    parentNameAlg: reader.u16(),
    parentName: reader.tpm2b(NAME_MAX),
    parentQualifiedName: reader.tpm2b(NAME_MAX),
    outsideInfo: reader.tpm2b(NAME_MAX),
  };
  reader.end();
  return data;
}

/** The TPMS_CREATION_DATA bytes: the inverse of {@link parseCreationData}. */
export function encodeCreationData(data: CreationData): Uint8Array {
  return createWriter()
    .bytes(encodePcrSelections(data.selections))
    .tpm2b(data.pcrDigest)
    .u8(data.locality)
    .u16(data.parentNameAlg)
    .tpm2b(data.parentName)
    .tpm2b(data.parentQualifiedName)
    .tpm2b(data.outsideInfo)
    .finish();
}

function readYesNo(reader: Reader): boolean {
  const value = reader.u8();
  if (value > 1) refuse('malformed', `A TPMI_YES_NO is ${value}, neither 0 nor 1.`);
  return value === 1;
}

/** Part 2 section 10.9.7; a TPM has at most 16 banks and 32 PCRs here. */
function readSelections(reader: Reader): PcrSelection[] {
  const count = reader.u32();
  if (count > 16) refuse('too-large', `A PCR selection of ${count} banks is more than the 16 a TPM can have.`);
  const selections: PcrSelection[] = [];
  for (let i = 0; i < count; i += 1) {
    const hash = reader.u16();
    const size = reader.u8();
    if (size > 4) refuse('too-large', `A PCR bitmap of ${size} bytes is larger than any TPM's.`);
    const bitmap = reader.take(size);
    const pcrs: number[] = [];
    for (let pcr = 0; pcr < size * 8; pcr += 1) if ((bitmap[pcr >> 3] ?? 0) & (1 << (pcr & 7))) pcrs.push(pcr);
    selections.push({ hash, pcrs });
  }
  return selections;
}

/** TPML_PCR_SELECTION bytes with bitmaps of three bytes (four when a PCR above 23 is selected), as TPM2_Quote and TPM2_PCR_Read take them. */
export function encodePcrSelections(selections: readonly PcrSelection[]): Uint8Array {
  const writer = createWriter().u32(selections.length);
  for (const { hash, pcrs } of selections) {
    const bitmap = new Uint8Array(pcrs.some((pcr) => pcr > 23) ? 4 : 3);
    const bits = bitmapOf(pcrs);
    for (let i = 0; i < bitmap.length; i += 1) bitmap[i] = (bits >>> (8 * i)) & 0xff;
    writer.u16(hash).u8(bitmap.length).bytes(bitmap);
  }
  return writer.finish();
}

/** What Muster quotes by default: `sha256:0-7`. */
export const DEFAULT_PCR_SELECTION: readonly PcrSelection[] = [{ hash: ALG.SHA256, pcrs: [0, 1, 2, 3, 4, 5, 6, 7] }];

/** One bank of PCR values: what TPM2_PCR_Read gave for the selected indices. */
export type PcrBank = { hash: number; values: readonly { pcr: number; digest: Uint8Array }[] };

/** The values that belong to a selection, in the order in which a TPM hashes them. Error: `wrong-pcr-selection`. */
export function selectPcrs(selections: readonly PcrSelection[], banks: readonly PcrBank[]): Uint8Array[] {
  const values: Uint8Array[] = [];
  if (banks.length !== selections.length)
    refuse('wrong-pcr-selection', 'The PCR values are not of the banks that were asked for.');
  for (const { hash, pcrs } of selections) {
    const { size } = hashOf(hash);
    const [bank, ...others] = banks.filter((candidate) => candidate.hash === hash);
    if (!bank || others.length > 0 || bank.values.length !== pcrs.length) {
      refuse('wrong-pcr-selection', 'The PCR values are not exactly those that were asked for.');
    }
    for (const pcr of [...pcrs].sort((a, b) => a - b)) {
      const value = bank.values.find((candidate) => candidate.pcr === pcr)?.digest;
      if (value?.length !== size)
        refuse('wrong-pcr-selection', `The value of PCR ${pcr} is missing or of the wrong length.`);
      values.push(value);
    }
  }
  return values;
}

/** Whether two selections name the same banks in the same order with the same PCRs. */
export function sameSelections(a: readonly PcrSelection[], b: readonly PcrSelection[]): boolean {
  return a.length === b.length && a.every(({ hash, pcrs }, i) => hash === b[i]?.hash && samePcrs(pcrs, b[i].pcrs));
}

function samePcrs(a: readonly number[], b: readonly number[]): boolean {
  return bitmapOf(a) === bitmapOf(b);
}

function bitmapOf(pcrs: readonly number[]): number {
  let bitmap = 0;
  for (const pcr of pcrs) {
    if (!Number.isInteger(pcr) || pcr < 0 || pcr > 31) refuse('bad-argument', `There is no PCR ${pcr}.`);
    bitmap |= 1 << pcr;
  }
  return bitmap;
}
