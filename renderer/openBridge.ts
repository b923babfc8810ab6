import type { Bridge } from '../contract/bridge.ts';
import type { PRELOAD_BRIDGE } from '../contract/webBridge.ts';
import type { Link } from './bridge.ts';
import { createWebBridge } from './webBridge.ts';

// The constant itself lives beside zod schemas, which must not enter this bundle; its type keeps the two equal.
const PRELOAD: typeof PRELOAD_BRIDGE = 'musterBridge';

/** The preload's bridge in Electron; the same protocol over HTTP where the page came from the browser host. */
export function bridgeOf(page: Window): Link {
  const preload = (page as unknown as Record<string, unknown>)[PRELOAD];
  if (preload) return { bridge: preload as Bridge, watch: () => () => {} };
  return createWebBridge();
}
