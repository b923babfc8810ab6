import { Session } from 'node:inspector';

type Range = { startOffset: number; endOffset: number; count: number };
type Script = { url: string; functions: { ranges: Range[] }[] };

/** Block coverage of this room's sources in this process, by V8's own counters. */
export type Coverage = {
  /** How many characters of source were reached for the first time since the last call of either. */
  fresh: () => number;
  /** Whether there were any; they stay unreached as far as `fresh` is concerned. */
  isFresh: () => boolean;
  /** Characters of source that were reached at all. */
  total: () => number;
};

/** Starts counting; only one may run in a process. `of` says which sources count, by their URL. */
export function startCoverage(of: (url: string) => boolean): Coverage {
  const session = new Session();
  session.connect();
  send(session, 'Profiler.enable');
  send(session, 'Profiler.startPreciseCoverage', { detailed: true, callCount: true });
  const reached = new Map<string, Uint8Array>();
  let all = 0;
  const count = (keep: boolean): number => {
    const { result } = send(session, 'Profiler.takePreciseCoverage') as { result: Script[] };
    let found = 0;
    for (const { url, functions } of result) {
      if (!of(url)) continue;
      const size = Math.max(...functions.map(({ ranges }) => ranges[0]?.endOffset ?? 0));
      const seen = grown(reached.get(url), size);
      for (const { ranges } of functions) found += mark(seen, ranges, keep);
      reached.set(url, seen);
    }
    return found;
  };
  return {
    total: () => all,
    isFresh: () => count(false) > 0,
    fresh: () => {
      const found = count(true);
      all += found;
      return found;
    },
  };
}

function grown(seen: Uint8Array | undefined, size: number): Uint8Array {
  if (seen && seen.length >= size) return seen;
  const larger = new Uint8Array(size);
  if (seen) larger.set(seen);
  return larger;
}

/** Ranges nest, outer first: the innermost one that holds a character says how often it ran. */
function mark(seen: Uint8Array, ranges: readonly Range[], keep: boolean): number {
  const start = ranges[0]?.startOffset ?? 0;
  const ran = new Uint8Array((ranges[0]?.endOffset ?? 0) - start);
  for (const { startOffset, endOffset, count } of ranges)
    ran.fill(count > 0 ? 1 : 0, startOffset - start, endOffset - start);
  let found = 0;
  for (let i = 0; i < ran.length; i += 1) {
    if (ran[i] === 0 || seen[start + i] === 1) continue;
    if (keep) seen[start + i] = 1;
    found += 1;
  }
  return found;
}

/** In-process sessions answer before post() returns. */
function send(session: Session, method: string, parameters: Record<string, unknown> = {}): unknown {
  let answer: unknown;
  session.post(method, parameters, (error, result) => {
    if (error) throw new Error(error.message);
    answer = result;
  });
  return answer;
}
