import { createWriter, utf8 } from './bytes.ts';
import { refuse } from './error.ts';
import { digest } from './hashes.ts';

/** What one signature of an enrolment commits to (DESIGN.md, "One enrolment, walked", step 4). */
export type Binding = {
  /** The server's origin as the client sees it on its own connection, such as `https://inventory.example`. */
  origin: string;
  /** The server's single-use challenge, raw bytes. */
  challenge: Uint8Array;
  /** RFC 7638 SHA-256 thumbprint of the grant's key (of the device key when re-attesting), base64url without padding. */
  grantThumbprint: string;
  /** The EK URN; for a claim, the identifier that is claimed. */
  permanentIdentifier: string;
  /** TPM Names (nameAlg ‖ digest); empty where there is no TPM. */
  akName: Uint8Array;
  deviceKeyName: Uint8Array;
};

/** One kind for each message, so that none passes for another. */
export type BindingKind = 'certify' | 'quote' | 'claim';

const DOMAIN = 'muster-enrol-v1';

/**
 * The 32 bytes that TPM2_Certify and TPM2_Quote take as qualifyingData (and a claim signs): SHA-256 over the sequence
 * `muster-enrol-v1`, kind, origin, challenge, thumbprint, permanent identifier, AK name, device key name, each
 * with its length in front as u32 big endian; texts as UTF-8. Error: `bad-argument` for an impossible thumbprint or an empty challenge.
 */
export function bindingDigest(kind: BindingKind, binding: Binding): Uint8Array {
  if (!/^[A-Za-z0-9_-]{43}$/.test(binding.grantThumbprint)) {
    refuse('bad-argument', 'The thumbprint of the grant is not the base64url form of a SHA-256 digest.');
  }
  if (binding.challenge.length === 0) refuse('bad-argument', 'An empty challenge binds nothing.');
  const writer = createWriter();
  const parts = [
    utf8(DOMAIN),
    utf8(kind),
    utf8(binding.origin),
    binding.challenge,
    utf8(binding.grantThumbprint),
    utf8(binding.permanentIdentifier),
    binding.akName,
    binding.deviceKeyName,
  ];
  for (const part of parts) writer.u32(part.length).bytes(part);
  return digest('sha256', writer.finish());
}
