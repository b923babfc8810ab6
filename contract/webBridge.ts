import { z } from 'zod';
import { AppSnapshot, BRIDGE, type BridgeMethod } from './bridge.ts';

/**
 * The bridge over HTTP, for the browser host: same origin as the page, loopback only, authenticated by a SameSite=Strict, HttpOnly cookie
 * that the one-time token in the printed address was exchanged for. The renderer sends `credentials: 'same-origin'` and nothing else.
 *
 * - `POST /bridge` with `Content-Type: application/json` and a `WebBridgeCall`: 200 and a `WebBridgeAnswer`; 4xx or 5xx and a
 *   `BridgeFailure` (`{ error: UserError }`). 401 means that the host was restarted: the page must be opened at its new address.
 * - `GET /bridge/snapshots`: `text/event-stream`; every event is `event: snapshot` with one `AppSnapshot` as JSON in `data`. The current
 *   snapshot is sent at once, so a lost event costs nothing; comments (`: alive`) come every 15 s.
 */
export const WEB_BRIDGE = {
  callPath: '/bridge',
  snapshotsPath: '/bridge/snapshots',
  snapshotEvent: 'snapshot',
  /** Query parameter of the printed address: `http://127.0.0.1:PORT/?token=…` answers 303 to `/` and sets the cookie. */
  tokenParameter: 'token',
  cookieName: 'muster-window',
} as const;

export const WebBridgeMethod = z.enum(Object.keys(BRIDGE) as [BridgeMethod, ...BridgeMethod[]]);
/** `params` is checked against `BRIDGE[method].params` by the dispatcher. */
export const WebBridgeCall = z.strictObject({ method: WebBridgeMethod, params: z.unknown() });
export type WebBridgeCall = z.infer<typeof WebBridgeCall>;
/** `result` is checked against `BRIDGE[method].result`. */
export const WebBridgeAnswer = z.strictObject({ result: z.unknown() });
export type WebBridgeAnswer = z.infer<typeof WebBridgeAnswer>;
/** The JSON in `data` of a `snapshot` event. */
export const WebBridgeSnapshot = AppSnapshot;

/** Name of what the preload puts on `window` in Electron: a `Bridge`. Absent in a browser, where the renderer uses the protocol above. */
export const PRELOAD_BRIDGE = 'musterBridge';
