import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'electron-vite';
import { webConfig } from './build/web.ts';

const root = fileURLToPath(new URL('.', import.meta.url));
/** build/desktop.ts builds aside and moves into place whole; `electron-vite build` by itself writes to dist. */
const dist = process.env.MUSTER_DIST ?? join(root, 'dist');
const renderer = webConfig(root, 'renderer', join(dist, 'renderer'));

/** Stays outside of the bundle: its native library is found beside its own package. */
const EXTERNAL = ['electron', /^node:/, 'koffi'];

/** The desktop app: main as ESM, one sandboxed preload as CommonJS, the window as build/web.ts builds it for every host. */
export default defineConfig({
  main: {
    build: {
      outDir: join(dist, 'main'),
      target: 'node24',
      externalizeDeps: false,
      minify: false,
      reportCompressedSize: false,
      rollupOptions: {
        external: EXTERNAL,
        input: { index: 'main/index.ts', pipeChild: 'native/tpm/pipeChild.ts' },
        output: {
          format: 'es',
          // The TPM's process is started by the name that native/tpm/processPipe.ts knows.
          entryFileNames: ({ name }) => (name === 'pipeChild' ? 'pipeChild.mjs' : '[name].js'),
          chunkFileNames: 'chunks/[name]-[hash].mjs',
        },
      },
    },
  },
  preload: {
    build: {
      outDir: join(dist, 'preload'),
      externalizeDeps: false,
      minify: false,
      reportCompressedSize: false,
      rollupOptions: {
        external: ['electron'],
        input: { index: 'main/preload.ts' },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  // electron-vite finds the page only where it is told.
  renderer: { ...renderer, build: { ...renderer.build, rollupOptions: { input: join(root, 'renderer/index.html') } } },
});
