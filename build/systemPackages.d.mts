export type SystemNeed = { name: string; present: () => boolean; packages: string[]; why: string };
export function hasUsableTpm(): boolean;
export function forStart(): SystemNeed[];
export function forTests(): SystemNeed[];
export function forPackaging(system: string, targets?: string[]): SystemNeed[];
export function forPackagingTests(): SystemNeed[];
