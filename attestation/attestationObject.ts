import { type CborMap, type CborValue, decodeCbor } from './cbor.ts';
import { refuse } from './error.ts';

/** An attestation object (WebAuthn section 6.5.4, ACME device-attest section 5): CBOR map with `fmt` and `attStmt`; `authData` may be there and is not read. */
export function readAttestationObject(bytes: Uint8Array, format: string): CborMap {
  const object = decodeCbor(bytes);
  if (!(object instanceof Map)) return refuse('wrong-format', 'The attestation object is no map.');
  const fmt = object.get('fmt');
  if (fmt !== format) {
    refuse(
      'wrong-format',
      `The attestation object is of format ${typeof fmt === 'string' ? JSON.stringify(fmt.slice(0, 32)) : 'unknown'}, not "${format}".`,
    );
  }
  const statement = object.get('attStmt');
  if (!(statement instanceof Map)) return refuse('wrong-format', 'The attestation object holds no statement.');
  return statement;
}

/** The `x5c` member: a list of DER certificates, leaf first. */
export function readX5c(value: CborValue | undefined): Uint8Array[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > 8) {
    return refuse('wrong-format', 'The statement holds no list of one to eight certificates (x5c).');
  }
  return value.map((item) =>
    item instanceof Uint8Array ? item : refuse('wrong-format', 'A certificate of x5c is no byte string.'),
  );
}

/** A member of a statement that must be a byte string. Error: `wrong-format`. */
export function readBytes(statement: CborMap, member: string): Uint8Array {
  const value = statement.get(member);
  return value instanceof Uint8Array ? value : refuse('wrong-format', `The statement lacks the bytes "${member}".`);
}
