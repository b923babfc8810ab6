import type { Handler } from '../command.ts';
export const unenroll: Handler = async () => 1;
