import { callAsync, type Ffi, loadFfi, type Pointer } from '../tpm/ffi.ts';
import { systemFolder } from '../tpm/tbs.ts';
import { wide } from './wideText.ts';

/** The provider that Windows keeps over the TPM; its EK certificates come from NV, then from the registry (a hint only). */
const PROVIDER = 'Microsoft Platform Crypto Provider';
const PROPERTIES = [
  'PCP_RSA_EKNVCERT',
  'PCP_ECC_EKNVCERT',
  'PCP_EKNVCERT',
  'PCP_RSA_EKCERT',
  'PCP_ECC_EKCERT',
  'PCP_EKCERT',
];
/** Larger than any chain that a maker ships; ends a store that never ends. */
const MOST = 64;
/** CERT_CONTEXT on 64-bit Windows: encoding u32, then pbCertEncoded at 8 and cbCertEncoded at 16 (wincrypt.h). */
const ENCODED_AT = 8;
const LENGTH_AT = 16;

export const NCRYPT_PROTOTYPES = {
  open: 'uint32_t __stdcall NCryptOpenStorageProvider(_Out_ void **provider, const void *name, uint32_t flags)',
  get: 'uint32_t __stdcall NCryptGetProperty(void *object, const void *property, void *output, uint32_t size, void *written, uint32_t flags)',
  free: 'uint32_t __stdcall NCryptFreeObject(void *object)',
} as const;

export const CRYPT32_PROTOTYPES = {
  next: 'void * __stdcall CertEnumCertificatesInStore(void *store, void *previous)',
  close: 'int __stdcall CertCloseStore(void *store, uint32_t flags)',
} as const;

/**
 * EK certificates (and their issuers) that Windows holds for this TPM, DER. Empty where it holds none, or shows them to
 * administrators only. Whether one belongs to an EK is for the caller to compare.
 */
export async function readPlatformCertificates(ffi: Ffi = loadFfi()): Promise<Uint8Array[]> {
  const system = systemFolder(ffi);
  const ncrypt = ffi.load(`${system}\\ncrypt.dll`);
  const crypt32 = ffi.load(`${system}\\crypt32.dll`);
  const open = ncrypt.func(NCRYPT_PROTOTYPES.open);
  const get = ncrypt.func(NCRYPT_PROTOTYPES.get);
  const free = ncrypt.func(NCRYPT_PROTOTYPES.free);
  // Not a code but a pointer, which koffi gives as BigInt or null.
  const next = crypt32.func(CRYPT32_PROTOTYPES.next) as unknown as (
    store: Pointer,
    previous: Pointer | null,
  ) => Pointer | null;
  const close = crypt32.func(CRYPT32_PROTOTYPES.close);

  const provider: [Pointer | null] = [null];
  const name = wide(ffi, PROVIDER);
  const opened = await callAsync(open, provider, name, 0);
  ffi.free(name);
  if (opened !== 0 || provider[0] === null) return [];
  const found: Uint8Array[] = [];
  try {
    for (const property of PROPERTIES) {
      const store = await storeOf(ffi, get, provider[0], property);
      if (store === undefined) continue;
      let context: Pointer | null = next(store, null);
      for (let count = 0; context !== null && count < MOST; count += 1) {
        const encoded = ffi.decode(context, ENCODED_AT, 'void *') as Pointer;
        const length = Number(ffi.decode(context, LENGTH_AT, 'uint32_t'));
        if (length > 0 && length <= 0x10000)
          found.push(new Uint8Array(ffi.decode(encoded, 0, 'uint8_t', length) as Uint8Array));
        context = next(store, context);
      }
      close(store, 0);
    }
  } finally {
    free(provider[0]);
  }
  return found;
}

/** The HCERTSTORE of a property; undefined where the provider does not have or does not show it. */
async function storeOf(
  ffi: Ffi,
  get: ReturnType<ReturnType<Ffi['load']>['func']>,
  provider: Pointer,
  property: string,
): Promise<Pointer | undefined> {
  const name = wide(ffi, property);
  const output = ffi.alloc('uint8_t', 8);
  const written = ffi.alloc('uint32_t', 1);
  try {
    const result = await callAsync(get, provider, name, output, 8, written, 0);
    if (result !== 0 || Number(ffi.decode(written, 0, 'uint32_t')) !== 8) return undefined;
    const bytes = ffi.decode(output, 0, 'uint8_t', 8) as Uint8Array;
    const store = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
    return store === 0n ? undefined : store;
  } finally {
    for (const pointer of [name, output, written]) ffi.free(pointer);
  }
}
