import type { Handler } from '../command.ts';
export const status: Handler = async () => 1;
