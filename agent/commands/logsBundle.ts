import type { Handler } from '../command.ts';
export const logsBundle: Handler = async () => 1;
