import type { SystemNeed } from './systemPackages.mjs';

export const root: string;
export function ensurePackages(): void;
export function findNode(): string;
export function ensureSystem(needs: SystemNeed[]): string[];
export function has(command: string): boolean;
export function handOver(script: string, args: string[], env?: Record<string, string>): void;
