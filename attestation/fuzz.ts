/**
 * Fuzzes every parser for as long as is asked: inputs that reach a new refusal or a new depth are kept and changed further.
 * Usage: node attestation/fuzz.ts [--minutes N] [--seed N] [--target NAME]
 * Exit code 1, with the input as hexadecimal, when a parser does anything but return or refuse.
 */
import { parseArgs } from 'node:util';
import { generator, mutate, probe, TARGETS, type Target } from './testing/fuzzTargets.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' }, target: { type: 'string' } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
const targets = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
if (!(minutes > 0) || targets.length === 0) {
  const names = TARGETS.map(({ name }) => name).join(', ');
  console.error(`Give --minutes as a positive number and --target as one of: ${names}`);
  process.exit(2);
}
console.log(`Fuzzing ${targets.length} parsers for ${minutes} min with seed ${seed}.`);
const random = generator(seed);
let failed = false;
for (const target of targets) failed = !fuzz(target, (minutes * 60_000) / targets.length) || failed;
process.exit(failed ? 1 : 0);

function fuzz(target: Target, milliseconds: number): boolean {
  const corpus = [...target.seeds];
  const reached = new Set<string>();
  const end = Date.now() + milliseconds;
  let runs = 0;
  let slowest = 0;
  while (Date.now() < end) {
    const pick = () => corpus[random(corpus.length)] ?? new Uint8Array(0);
    const input = mutate(pick(), pick(), random);
    const start = process.hrtime.bigint();
    const { reach, flaw } = probe(target, input);
    slowest = Math.max(slowest, Number(process.hrtime.bigint() - start) / 1e6);
    runs += 1;
    if (flaw) {
      console.error(`FLAW in ${target.name}: ${flaw}\ninput: ${Buffer.from(input).toString('hex')}`);
      return false;
    }
    if (!reached.has(reach) && corpus.length < 2_000) {
      reached.add(reach);
      corpus.push(input);
    }
  }
  console.log(`ok   ${target.name}: ${runs} inputs, ${reached.size} outcomes, slowest ${slowest.toFixed(1)} ms`);
  return true;
}
