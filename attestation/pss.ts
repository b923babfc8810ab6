import { childrenOf, DER, type DerMode, type DerNode, expectTag, readOid, readSmall } from './der.ts';
import { refuse } from './error.ts';
import type { HashName } from './hashes.ts';

const HASH_OIDS: Record<string, HashName> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const MGF1 = '1.2.840.113549.1.1.8';
/** The longest salt that fits RSA-4096 with SHA-256. */
const SALT_MAX = 512 - 32 - 2;

/**
 * RSASSA-PSS-params (RFC 4055 section 3.1): the hash must be named, since its default is SHA-1; the mask must be MGF1 with the same hash; the salt is as long
 * as they say (20 bytes where they do not). Errors: the mode's code, `weak-algorithm`, `unsupported-algorithm`.
 */
export function readPssParameters(
  parameters: DerNode | undefined,
  mode: DerMode,
): { hash: HashName; saltLength: number } {
  const fields = childrenOf(expectTag(parameters, DER.SEQUENCE, 'The PSS parameters', mode), mode);
  const inOrder = fields.every(({ tag }, i) => tag >= 0xa0 && tag <= 0xa3 && tag > (fields[i - 1]?.tag ?? 0));
  if (!inOrder) refuse(mode.code, 'The PSS parameters hold fields that do not belong to them.');
  const inside = (tag: number): DerNode | undefined => {
    const field = fields.find((candidate) => candidate.tag === tag);
    const [value, ...rest] = field ? childrenOf(field, mode) : [];
    if (rest.length > 0) refuse(mode.code, 'The PSS parameters hold fields that do not belong to them.');
    return value;
  };
  const [hash, mask, salt, trailer] = [inside(0xa0), inside(0xa1), inside(0xa2), inside(0xa3)];
  if (!hash || !mask)
    return refuse('weak-algorithm', 'The certificate is signed with PSS and SHA-1, which no longer protects.');
  const name = readHash(hash, mode);
  const [maskOid, maskHash] = childrenOf(expectTag(mask, DER.SEQUENCE, 'The PSS mask', mode), mode);
  if (!name || readOid(maskOid, mode) !== MGF1 || !maskHash || name !== readHash(maskHash, mode))
    return refuse('unsupported-algorithm', 'The certificate is signed with PSS and hashes that are not supported.');
  if (trailer && readSmall(trailer, 'The PSS trailer', mode) !== 1)
    refuse('unsupported-algorithm', 'The certificate is signed with PSS and a trailer that nobody defined.');
  const saltLength = salt ? readSmall(salt, 'The PSS salt length', mode) : 20;
  if (saltLength > SALT_MAX) refuse(mode.code, 'The PSS salt is longer than any key that is accepted.');
  return { hash: name, saltLength };
}

function readHash(node: DerNode, mode: DerMode): HashName | undefined {
  const [oid] = childrenOf(expectTag(node, DER.SEQUENCE, 'A hash of the PSS parameters', mode), mode);
  return HASH_OIDS[readOid(oid, mode)];
}
