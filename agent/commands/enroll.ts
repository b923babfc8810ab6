import type { Handler } from '../command.ts';
export const enroll: Handler = async () => 1;
