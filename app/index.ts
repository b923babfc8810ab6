export * from './app.ts';
export * from './enrolOnce.ts';
export { AppError, type AppErrorCode, LOCAL_ERRORS, toAppError, toUserError } from './errors.ts';
export {
  type ManagedProblem,
  type ManagedSettings,
  type ManagedSource,
  openManagedSettings,
} from './managedSettings.ts';
export { systemClock } from './node/clock.ts';
export { createFileStore } from './node/fileStore.ts';
export { createLineLogger, type LogLevel, silentLogger } from './node/logger.ts';
export { trustFurther } from './node/trust.ts';
export type * from './ports.ts';
export { isLoopback, serverOrigin } from './serverUrl.ts';
export type { SettingsInForce } from './settings.ts';
export { browserSignIn, deviceCodeSignIn, provisioningSignIn, type SignIn } from './signIn.ts';
