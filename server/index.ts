/** The inventory server: what its composition roots (the demo, `muster server`) start and set up. */

export { SERVER_COMMANDS, type ServerCommand, type ServerIo } from './command/command.ts';
export type { ServerValues } from './command/values.ts';
export { callbackUrl, createServer, type MusterServer, type ServerOptions } from './createServer.ts';
export { ServerError, START_ERROR_CODES, type StartErrorCode } from './error.ts';
export type { IdentityProviderOptions } from './oidc/upstream.ts';
export { changeSettings, createAdministrator, createApiToken, createInvite, trustDemoRoot } from './setUp.ts';
