import type { Answer, Command } from './codec.ts';

/** How long a command may take: `long` is for keys that the TPM searches primes for. Milliseconds. */
export const DEADLINES = { short: 5_000, medium: 20_000, long: 90_000 } as const;
export type Duration = keyof typeof DEADLINES;

export type Request = Command & {
  /** Completes "while …" in errors. */
  doing: string;
  duration?: Duration;
  /** The hierarchy whose authorization is the first one: tried empty, then as the platform keeps it. */
  hierarchy?: number | undefined;
};

/** Sends one request, and answers what the TPM answered. */
export type Run = (request: Request) => Promise<Answer>;
