import type { Handler } from '../command.ts';
export const attest: Handler = async () => 1;
