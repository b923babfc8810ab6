import type { App, Event, Session, WebContents } from 'electron';
import type { Logger } from '../app/index.ts';

/** SECURITY: docs/security.md, row 5. A window that shows a status needs no permission at all; Electron's default would allow every one. */
export function refusePermissions(
  session: Pick<
    Session,
    | 'setPermissionRequestHandler'
    | 'setPermissionCheckHandler'
    | 'setDevicePermissionHandler'
    | 'on'
    | 'setDisplayMediaRequestHandler'
  >,
): void {
  session.setPermissionRequestHandler((_contents, _permission, callback) => callback(false));
  session.setPermissionCheckHandler(() => false);
  session.setDevicePermissionHandler(() => false);
  session.setDisplayMediaRequestHandler((_request, callback) => callback({}));
  session.on('select-hid-device', (event, _details, callback) => {
    event.preventDefault();
    callback('');
  });
  session.on('select-usb-device', (event, _details, callback) => {
    event.preventDefault();
    callback();
  });
  session.on('select-serial-port', (event, _ports, _contents, callback) => {
    event.preventDefault();
    callback('');
  });
  session.on('will-download', (event) => event.preventDefault());
}

/** SECURITY: docs/security.md, rows 11 to 14. Nothing navigates, opens a window or attaches a web view, in any contents ever created. */
export function refuseNavigation(contents: Pick<WebContents, 'on' | 'setWindowOpenHandler'>, log: Logger): void {
  const refuse = (what: string) => (event: Pick<Event, 'preventDefault'>) => {
    event.preventDefault();
    log.warn('refused', { what });
  };
  contents.on('will-navigate', refuse('navigation'));
  contents.on('will-frame-navigate', refuse('navigation of a frame'));
  contents.on('will-redirect', refuse('redirect'));
  contents.on('will-attach-webview', refuse('web view'));
  contents.setWindowOpenHandler(() => {
    log.warn('refused', { what: 'new window' });
    return { action: 'deny' };
  });
}

export function guardEveryContents(app: Pick<App, 'on'>, log: Logger): void {
  app.on('web-contents-created', (_event, contents) => refuseNavigation(contents, log));
  app.on('session-created', (session) => refusePermissions(session));
  // SECURITY: since Electron 44 this also fires for `net` requests (contents is null), and silence sends the first certificate of the store.
  app.on('select-client-certificate', (event, _contents, _url, _list, callback) => {
    event.preventDefault();
    callback();
  });
  // HTTP authentication prompts of servers are answered with nothing; a proxy's come from the system.
  app.on('login', (event, _contents, _details, auth) => {
    if (!auth.isProxy) event.preventDefault();
  });
}
