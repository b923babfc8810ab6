/** The rooms of the house and what each may import (ARCHITECTURE.md). One list, used by the boundary check. */
export const ROOMS = {
  contract: [],
  attestation: [],
  ui: ['contract'],
  app: ['contract'],
  native: ['attestation'],
  main: ['app', 'native', 'contract'],
  renderer: ['contract', 'ui'],
  console: ['contract', 'ui'],
  build: ['contract'],
  server: ['attestation', 'contract'],
  agent: ['app', 'native', 'contract', 'server'],
  demo: ['app', 'main', 'renderer', 'native', 'build', 'contract', 'attestation', 'server', 'console', 'ui', 'agent'],
  tests: [
    'app',
    'main',
    'renderer',
    'native',
    'build',
    'contract',
    'attestation',
    'server',
    'console',
    'ui',
    'agent',
    'demo',
  ],
} as const satisfies Record<string, readonly string[]>;

/** Rooms whose *types* a room may import besides (an `import type` leaves nothing at run time). */
export const TYPE_ROOMS: Partial<Record<Room, readonly Room[]>> = { app: ['attestation'] };

/** Packages that only the named rooms may import: the FFI, Electron and the browser's UI library. */
export const PACKAGE_ROOMS: Record<string, readonly Room[]> = {
  koffi: ['native'],
  electron: ['main'],
  'electron-updater': ['main'],
  fastify: ['server'],
  kysely: ['server'],
  'oidc-provider': ['server', 'demo'],
  'react-dom': ['renderer', 'console', 'ui'],
  react: ['renderer', 'console', 'ui'],
};

/** Rooms that run in a browser or hold pure data: no Node built-ins there. */
export const NO_NODE: readonly Room[] = ['contract', 'ui', 'renderer', 'console'];

export type Room = keyof typeof ROOMS;
