/** advapi32.dll: the declarations that Muster uses (MicrosoftDocs/sdk-api: winreg.h). Handles are pointer-sized integers. */
export const REGISTRY_PROTOTYPES = {
  openKey:
    'int32_t __stdcall RegOpenKeyExW(intptr_t key, const char16_t *subKey, uint32_t options, uint32_t access, void *result)',
  enumValue:
    'int32_t __stdcall RegEnumValueW(intptr_t key, uint32_t index, void *name, void *nameLength, void *reserved, void *type, void *data, void *dataLength)',
  closeKey: 'int32_t __stdcall RegCloseKey(intptr_t key)',
  notify:
    'int32_t __stdcall RegNotifyChangeKeyValue(intptr_t key, int32_t subtree, uint32_t filter, intptr_t event, int32_t asynchronous)',
} as const;

export type RegistryFunctions = Record<keyof typeof REGISTRY_PROTOTYPES, (...args: unknown[]) => number>;

/** kernel32.dll: events (MicrosoftDocs/sdk-api: synchapi.h). Handles are pointer-sized integers. */
export const EVENT_PROTOTYPES = {
  createEvent:
    'intptr_t __stdcall CreateEventW(void *attributes, int32_t manualReset, int32_t initialState, const char16_t *name)',
  wait: 'uint32_t __stdcall WaitForSingleObject(intptr_t handle, uint32_t milliseconds)',
  closeHandle: 'int32_t __stdcall CloseHandle(intptr_t handle)',
} as const;

export type EventFunctions = {
  createEvent: (...args: unknown[]) => number | bigint;
  wait: (...args: unknown[]) => number;
  closeHandle: (...args: unknown[]) => number;
};
