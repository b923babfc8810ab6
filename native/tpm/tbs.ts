import { NativeError } from '../errors.ts';
import type { Ffi, Library } from './ffi.ts';

/** Windows TPM Base Services: the declarations that Muster uses (MicrosoftDocs/sdk-api: tbs.h). */
export const TBS_PROTOTYPES = {
  getDeviceInfo: 'uint32_t __stdcall Tbsi_GetDeviceInfo(uint32_t size, void *info)',
  createContext: 'uint32_t __stdcall Tbsi_Context_Create(const void *parameters, _Out_ void **context)',
  submit:
    'uint32_t __stdcall Tbsip_Submit_Command(void *context, uint32_t locality, uint32_t priority, const uint8_t *command, uint32_t length, uint8_t *result, uint32_t *resultLength)',
  cancel: 'uint32_t __stdcall Tbsip_Cancel_Commands(void *context)',
  closeContext: 'uint32_t __stdcall Tbsip_Context_Close(void *context)',
  getOwnerAuth: 'uint32_t __stdcall Tbsi_Get_OwnerAuth(void *context, uint32_t type, uint8_t *auth, uint32_t *length)',
} as const;

export type TbsFunctions = { [K in keyof typeof TBS_PROTOTYPES]: ReturnType<Library['func']> };

export function declareTbs(library: Library): TbsFunctions {
  const entries = Object.entries(TBS_PROTOTYPES).map(([key, prototype]) => [key, library.func(prototype)]);
  return Object.fromEntries(entries) as TbsFunctions;
}

/** System32's absolute path. kernel32 is a KnownDLL, so its bare name cannot be planted in an application folder. */
export function systemFolder(ffi: Ffi): string {
  const size = 260;
  const buffer = ffi.alloc('uint8_t', size * 2);
  try {
    const length = ffi.load('kernel32.dll').func('uint32_t __stdcall GetSystemDirectoryW(void *buffer, uint32_t size)')(
      buffer,
      size,
    );
    if (length === 0 || length >= size) {
      throw new NativeError('platform-unsupported', 'Windows did not name its system folder.');
    }
    const bytes = ffi.decode(buffer, 0, 'uint8_t', length * 2) as Uint8Array;
    return new TextDecoder('utf-16le').decode(bytes);
  } finally {
    ffi.free(buffer);
  }
}

export function loadTbs(ffi: Ffi): TbsFunctions {
  return declareTbs(ffi.load(`${systemFolder(ffi)}\\tbs.dll`));
}

/** What a TBS result means (0x80284001 to 0x80284015, and TPM_E_COMMAND_BLOCKED). */
export function tbsError(result: number): NativeError {
  const code = result >>> 0;
  const with_ = (...[errorCode, message]: [ConstructorParameters<typeof NativeError>[0], string]) =>
    new NativeError(errorCode, message, { responseCode: code });
  switch (code) {
    case 0x8028400f:
      return with_('tpm-missing', 'Windows finds no TPM in this machine.');
    case 0x80284010:
    case 0x80284008:
    case 0x8028400b:
      return with_('tpm-disabled', 'The TPM service of Windows is not running or the TPM is turned off.');
    case 0x80284012:
      return with_('tpm-permission', 'Windows does not let this account use the TPM.');
    case 0x80284009:
    case 0x8028400a:
      return with_('tpm-busy', 'Too many programs use the TPM of this machine.');
    case 0x8028400d:
      return with_('tpm-timeout', 'The TPM command was cancelled because it took too long.');
    case 0x80280400:
      return with_('tpm-command-blocked', 'Windows keeps this TPM command for administrators.');
    default:
      return with_('tpm-connection-lost', `The TPM service of Windows failed (0x${code.toString(16)}).`);
  }
}
