export * from './bridge.ts';
export * from './decisions.ts';
export * from './device.ts';
export * from './enrollment.ts';
export * from './errors.ts';
export * from './primitives.ts';
export * from './shortIdentifier.ts';
export * from './webBridge.ts';
