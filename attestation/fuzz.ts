/**
 * Fuzzes every parser and verifier for as long as is asked, guided by coverage: V8 counts which blocks of this room's sources ran, and an input that
 * reaches a new one, or a new refusal, is kept and changed further. What was kept lies in a folder, from which the next run goes on.
 * Usage: node attestation/fuzz.ts [--minutes N] [--seed N] [--target NAME] [--corpus FOLDER]
 * Exit code 1, with the input as hexadecimal, when a target does anything but return or refuse, or takes more than a second.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCoverage } from './testing/coverage.ts';
import { probe, type Target, TARGETS as UNSIGNED_TARGETS } from './testing/fuzzTargets.ts';
import { generator, mutate } from './testing/mutations.ts';
import { SIGNED_TARGETS } from './testing/signedTargets.ts';

const TARGETS = [...UNSIGNED_TARGETS, ...SIGNED_TARGETS];

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    target: { type: 'string' },
    corpus: { type: 'string', default: join(tmpdir(), 'muster-fuzz') },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
const targets = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
if (!(minutes > 0) || targets.length === 0) {
  const names = TARGETS.map(({ name }) => name).join(', ');
  console.error(`Give --minutes as a positive number and --target as one of: ${names}`);
  process.exit(2);
}
const SLOW_MS = 1_000;
/** Taking the counters costs as much as some dozens of runs do: only where a batch reached something new is it asked which input did. */
const BATCH = 256;
const CORPUS_MAX = 4_000;
const ROOM = new URL('.', import.meta.url).href;

console.log(
  `Fuzzing ${targets.length} targets for ${minutes} min with seed ${seed}; what they keep lies in ${values.corpus}.`,
);
const coverage = startCoverage((url) => url.startsWith(ROOM) && !url.includes('/testing/'));
const random = generator(seed);
let failed = false;
for (const target of targets) failed = !fuzz(target, (minutes * 60_000) / targets.length) || failed;
console.log(`${coverage.total()} characters of source reached in all.`);
process.exit(failed ? 1 : 0);

function fuzz(target: Target, milliseconds: number): boolean {
  const folder = join(values.corpus, target.name.replaceAll(/\W+/g, '-'));
  mkdirSync(folder, { recursive: true });
  const corpus = [
    ...target.seeds,
    ...readdirSync(folder).map((name) => new Uint8Array(readFileSync(join(folder, name)))),
  ];
  const outcomes = new Set<string>();
  const state = { runs: 0, kept: 0, slowest: 0 };
  const before = coverage.total();
  const run = (input: Uint8Array): string | undefined => {
    const start = performance.now();
    const { reach, flaw } = probe(target, input);
    const took = performance.now() - start;
    state.slowest = Math.max(state.slowest, took);
    state.runs += 1;
    const problem = flaw ?? (took > SLOW_MS ? `It took ${took.toFixed(0)} ms.` : undefined);
    if (problem) throw new Error(`${problem}\ninput: ${Buffer.from(input).toString('hex')}`);
    return outcomes.has(reach) ? undefined : reach;
  };
  const keep = (input: Uint8Array): void => {
    if (corpus.length >= CORPUS_MAX) return;
    state.kept += 1;
    corpus.push(input);
    writeFileSync(join(folder, createHash('sha256').update(input).digest('hex').slice(0, 20)), input);
  };
  try {
    for (const input of corpus) outcomes.add(run(input) ?? '');
    coverage.fresh();
    for (const end = performance.now() + milliseconds; performance.now() < end; ) {
      const pick = () => corpus[random(corpus.length)] ?? new Uint8Array(0);
      const batch = Array.from({ length: BATCH }, () => mutate(pick(), pick(), random));
      for (const input of batch) {
        const reach = run(input);
        if (reach === undefined) continue;
        outcomes.add(reach);
        keep(input);
      }
      if (!coverage.isFresh()) continue;
      for (const input of batch) {
        run(input);
        if (coverage.fresh() > 0) keep(input);
      }
    }
  } catch (error) {
    console.error(`FLAW in ${target.name}: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
  const more = coverage.total() - before;
  const { runs, kept, slowest } = state;
  console.log(
    `ok   ${target.name}: ${runs} inputs, ${outcomes.size} outcomes, ${kept} kept, ${more} new characters of source, slowest ${slowest.toFixed(1)} ms`,
  );
  return true;
}
