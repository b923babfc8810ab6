import { equalBytes } from '../../attestation/bytes.ts';
import { urnOfSpki } from '../../attestation/permanentIdentifier.ts';
import { encodePublic, type PublicArea } from '../../attestation/publicArea.ts';
import { spkiOf } from '../../attestation/spki.ts';
import { EK_TEMPLATES, type EkTemplateId, zeroFilledUnique } from '../../attestation/templates.ts';
import { CURVE, HANDLE, NV } from '../../attestation/tpmConstants.ts';
import { isNativeError, NativeError } from '../errors.ts';
import { createPrimary, readPublic } from './commands.ts';
import { certificateSpki, certificatesInNv } from './ekCertificate.ts';
import { emptyUnique, isEndorsementKey, isTemplate, matchesTemplate, tryParse, withNonce } from './ekTemplates.ts';
import { listRange } from './handles.ts';
import { readNv } from './nv.ts';
import { readTpmProperties, type TpmProperties } from './properties.ts';
import { baseCode, RC } from './responseCodes.ts';
import type { Scope } from './tpm.ts';

export type EkAlgorithm = 'RSA-2048' | 'RSA-3072' | 'RSA-4096' | 'ECC-P256' | 'ECC-P384' | 'ECC-P521';

/** How the TPM holds an EK: at a persistent handle, or made anew from a template whenever it is needed. */
export type EkOrigin = { persistent: number } | { template: Uint8Array };

export type FoundEk = {
  spki: Uint8Array;
  permanentIdentifier: string;
  algorithm: EkAlgorithm;
  origin: EkOrigin;
  area: PublicArea;
  certificate?: Uint8Array;
  /** Why the certificate in the TPM is not this key's; the certificate itself is left out then. */
  certificateMismatch?: string | undefined;
};

type Slot = { id: EkTemplateId; certificate: number; nonce?: number; template: number };

/** In Smallstep's order of preference: RSA before ECC, the low range before the high one (EK Credential Profile, 2.2.1.4). */
const SLOTS: readonly Slot[] = [
  { id: 'L-1', certificate: NV.EK_RSA_CERTIFICATE, nonce: NV.EK_RSA_NONCE, template: NV.EK_RSA_TEMPLATE },
  { id: 'H-1', certificate: NV.EK_H1_CERTIFICATE, template: NV.EK_H1_CERTIFICATE + 1 },
  { id: 'H-6', certificate: NV.EK_H6_CERTIFICATE, template: NV.EK_H6_CERTIFICATE + 1 },
  { id: 'H-7', certificate: NV.EK_H7_CERTIFICATE, template: NV.EK_H7_CERTIFICATE + 1 },
  { id: 'L-2', certificate: NV.EK_ECC_CERTIFICATE, nonce: NV.EK_ECC_NONCE, template: NV.EK_ECC_TEMPLATE },
  { id: 'H-2', certificate: NV.EK_H2_CERTIFICATE, template: NV.EK_H2_CERTIFICATE + 1 },
  { id: 'H-3', certificate: NV.EK_H3_CERTIFICATE, template: NV.EK_H3_CERTIFICATE + 1 },
  { id: 'H-4', certificate: NV.EK_H4_CERTIFICATE, template: NV.EK_H4_CERTIFICATE + 1 },
];

const PERSISTENT_FIRST = 0x8101_0000;
const PERSISTENT_LAST = 0x8101_00ff;

/** What was read once and serves every search: indices, persistent keys, properties. */
type Survey = {
  indices: ReadonlySet<number>;
  persistent: { handle: number; spki: Uint8Array; area: PublicArea }[];
  properties: TpmProperties;
};

export type EkSearch =
  /** The one EK that names the device by default, and nothing else. */
  | 'preferred'
  /** Every EK that has a certificate or lies in the TPM, and the default one. */
  | 'present'
  /** Also every EK that a standard template can make, which takes seconds on some TPMs. */
  | 'all';

export type Endorsement = { eks: FoundEk[]; chain: Uint8Array[]; properties: TpmProperties };

/** Finds the endorsement keys, preferred one first. Throws `no-endorsement-key` where the TPM makes none. */
export async function findEndorsement(scope: Scope, search: EkSearch): Promise<Endorsement> {
  const survey = await takeSurvey(scope);
  const eks: FoundEk[] = [];
  const has = (key: { spki: Uint8Array }) => eks.some(({ spki }) => equalBytes(spki, key.spki));
  for (const slot of SLOTS) {
    const wanted =
      search === 'all' ||
      slot.id === 'L-1' ||
      (slot.id === 'L-2' && eks.length === 0) ||
      survey.indices.has(slot.certificate);
    if (!wanted) continue;
    const ek = await findInSlot(scope, slot, survey, search === 'all');
    if (ek && !has(ek)) eks.push(ek);
    if (search === 'preferred' && eks.length > 0) return { eks, chain: [], properties: survey.properties };
  }
  for (const { handle, spki, area } of survey.persistent) {
    if (has({ spki })) continue;
    const algorithm = isEndorsementKey(area) ? algorithmOf(area) : undefined;
    if (!algorithm) continue;
    eks.push({ spki, permanentIdentifier: urnOfSpki(spki), algorithm, origin: { persistent: handle }, area });
  }
  if (eks.length === 0) {
    throw new NativeError('no-endorsement-key', 'This TPM has no endorsement key of a kind that Muster can use.');
  }
  return { eks, chain: await readChain(scope, survey), properties: survey.properties };
}

/** Finds the EK of one URN again: the verbs name it, and the TPM may have been restarted in between. */
export async function findEk(scope: Scope, permanentIdentifier: string): Promise<FoundEk> {
  for (const search of ['preferred', 'present', 'all'] as const) {
    const { eks } = await findEndorsement(scope, search);
    const ek = eks.find((candidate) => candidate.permanentIdentifier === permanentIdentifier);
    if (ek) return ek;
  }
  throw new NativeError(
    'endorsement-key-unknown',
    'This TPM does not hold the endorsement key that the enrolment began with.',
  );
}

/** A handle at which the EK can be used now; the scope flushes it where it had to be made. */
export async function loadEk(scope: Scope, ek: Pick<FoundEk, 'origin'>): Promise<number> {
  if ('persistent' in ek.origin) return ek.origin.persistent;
  return (await createPrimary(scope, HANDLE.ENDORSEMENT, ek.origin.template, 'making the endorsement key')).handle;
}

async function takeSurvey(scope: Scope): Promise<Survey> {
  const properties = await readTpmProperties(scope);
  const indices = new Set(await listRange(scope.run, NV.EK_FIRST, NV.EK_LAST));
  const persistent: Survey['persistent'] = [];
  for (const handle of await listRange(scope.run, PERSISTENT_FIRST, PERSISTENT_LAST)) {
    const key = await readPublic(scope, handle);
    if (key) persistent.push({ handle, spki: spkiOf(key.area), area: key.area });
  }
  return { properties, indices, persistent };
}

async function findInSlot(scope: Scope, slot: Slot, survey: Survey, derive: boolean): Promise<FoundEk | undefined> {
  const certificate = await readCertificate(scope, slot.certificate, survey);
  const wanted = certificate && certificateSpki(certificate);
  const held = survey.persistent.find(({ spki, area }) =>
    wanted ? equalBytes(spki, wanted) : matchesTemplate(area, EK_TEMPLATES[slot.id]),
  );
  const found = (
    key: { spki: Uint8Array; area: PublicArea },
    origin: EkOrigin,
    more: Partial<FoundEk>,
  ): FoundEk | undefined => {
    const algorithm = algorithmOf(key.area);
    return (
      algorithm && {
        spki: key.spki,
        permanentIdentifier: urnOfSpki(key.spki),
        algorithm,
        origin,
        area: key.area,
        ...more,
      }
    );
  };
  if (held && (wanted || slot.nonce === undefined || !survey.indices.has(slot.nonce))) {
    if (!certificate) return found(held, { persistent: held.handle }, {});
    return found(
      held,
      { persistent: held.handle },
      wanted ? { certificate } : { certificateMismatch: mismatch(undefined) },
    );
  }
  if (!wanted && !derive && !slot.id.startsWith('L-')) return undefined;

  let first: FoundEk | undefined;
  for (const template of await templatesOf(scope, slot, survey)) {
    const made = await make(scope, template);
    if (made === 'unsupported') break;
    if (!made) continue;
    const key = { spki: spkiOf(made), area: made };
    const matches = wanted !== undefined && equalBytes(key.spki, wanted);
    if (matches) return found(key, { template }, { certificate });
    first ??= found(key, { template }, {});
    if (!wanted) break;
  }
  if (!first || !certificate) return first;
  return { ...first, certificateMismatch: mismatch(wanted) };
}

function mismatch(wanted: Uint8Array | undefined): string {
  if (!wanted) {
    return 'The TPM holds an endorsement certificate that cannot be read, so this key counts as one without a certificate.';
  }
  return (
    `The certificate in the TPM belongs to another key (${urnOfSpki(wanted)}) than the one that the standard template makes. ` +
    'Some makers used a template of their own or swapped the chip; a firmware update of the TPM may repair it.'
  );
}

async function readCertificate(scope: Scope, index: number, survey: Survey): Promise<Uint8Array | undefined> {
  if (!survey.indices.has(index)) return undefined;
  const area = await readNv(scope, index, survey.properties.nvChunk);
  return area && certificatesInNv(area)[0];
}

/** Intermediates that the maker put into NV, the concatenation possibly split over indices (Provisioning Guidance, 2.2.1.5.2). */
async function readChain(scope: Scope, survey: Survey): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for (const index of [...survey.indices].sort((a, b) => a - b)) {
    if (index < NV.EK_CHAIN_FIRST || index > NV.EK_CHAIN_LAST) continue;
    const part = await readNv(scope, index, survey.properties.nvChunk);
    if (part) parts.push(part);
  }
  const whole = parts.flatMap(certificatesInNv);
  const joined = certificatesInNv(new Uint8Array(Buffer.concat(parts)));
  return joined.length > whole.length ? joined : whole;
}

/** Templates to try, most likely first: the maker's own from NV, the profile's with the nonce, then the other fillings of `unique`. */
async function templatesOf(scope: Scope, slot: Slot, survey: Survey): Promise<Uint8Array[]> {
  const standard: PublicArea = EK_TEMPLATES[slot.id];
  const candidates: PublicArea[] = [];
  const nonce =
    slot.nonce !== undefined && survey.indices.has(slot.nonce)
      ? await readNv(scope, slot.nonce, survey.properties.nvChunk)
      : undefined;
  const fromNv = await templateFromNv(scope, slot, survey, nonce);
  if (fromNv) candidates.push(fromNv);
  if (nonce && !isTemplate(nonce)) candidates.push(withNonce(standard, nonce));
  candidates.push(standard, zeroFilledUnique(standard), emptyUnique(standard));
  const seen = new Set<string>();
  return candidates
    .map((area) => encodePublic(area))
    .filter((bytes) => {
      const key = Buffer.from(bytes).toString('base64');
      return !seen.has(key) && seen.add(key);
    });
}

/** swtpm's set-up writes a template where the profile has the nonce, so both indices are looked at. */
async function templateFromNv(
  scope: Scope,
  slot: Slot,
  survey: Survey,
  nonce: Uint8Array | undefined,
): Promise<PublicArea | undefined> {
  const bytes = survey.indices.has(slot.template)
    ? await readNv(scope, slot.template, survey.properties.nvChunk)
    : undefined;
  const misplaced = nonce && isTemplate(nonce) ? nonce : undefined;
  const template = tryParse(bytes) ?? tryParse(misplaced);
  if (!template || template.type !== EK_TEMPLATES[slot.id].type) return undefined;
  return nonce && !misplaced ? withNonce(template, nonce) : template;
}

/** The key of a template, gone from the TPM again; 'unsupported' where the TPM does not make keys of this kind at all. */
async function make(scope: Scope, template: Uint8Array): Promise<PublicArea | 'unsupported' | undefined> {
  try {
    const { handle, area } = await createPrimary(scope, HANDLE.ENDORSEMENT, template, 'making the endorsement key');
    await scope.flush(handle);
    return area;
  } catch (error) {
    if (!isNativeError(error, 'tpm-error') || error.responseCode === undefined) throw error;
    const base = baseCode(error.responseCode);
    if (([RC.CURVE, RC.ASYMMETRIC, RC.HASH, RC.SYMMETRIC, RC.VALUE, RC.KEY_SIZE] as readonly number[]).includes(base))
      return 'unsupported';
    if (([RC.SIZE, RC.ATTRIBUTES, RC.SCHEME, RC.TYPE] as readonly number[]).includes(base)) return undefined;
    throw error;
  }
}

function algorithmOf(area: PublicArea): EkAlgorithm | undefined {
  if (area.type === 'ecc') {
    const names: Record<number, EkAlgorithm> = {
      [CURVE.P256]: 'ECC-P256',
      [CURVE.P384]: 'ECC-P384',
      [CURVE.P521]: 'ECC-P521',
    };
    return names[area.curve];
  }
  const sizes: Record<number, EkAlgorithm> = { 2048: 'RSA-2048', 3072: 'RSA-3072', 4096: 'RSA-4096' };
  return sizes[area.keyBits];
}
