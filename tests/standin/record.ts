import type * as Electron from 'electron';

/** What the app did to its surroundings, for tests to read; and what a person may do to it. */
export const record = {
  external: [] as string[],
  notifications: [] as { title: string; body: string }[],
  tray: { tooltip: '', items: [] as { label: string; enabled: boolean }[] },
  permissions: {} as Record<string, boolean>,
  proxy: null as Electron.ProxyConfig | null,
  protocolClients: [] as string[],
  schemes: [] as Electron.CustomScheme[],
  sandboxed: false,
  windows: [] as Electron.BrowserWindowConstructorOptions[],
  refusedPlain: false,
};
export const trayActions = new Map<string, () => void>();
