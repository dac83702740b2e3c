/** Trains the shipped model anew: `node models/trained/train.ts --minutes 15 --seed 1 [--out FILE]`. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { readRecordings, TACTICAL_SHAPE, train } from '../forecast/mod.ts';
import { RECORDINGS, TACTICAL_MODEL } from './mod.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '15' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '60000' },
    hidden: { type: 'string', default: '48' },
    head: { type: 'string', default: '64' },
    out: { type: 'string', default: TACTICAL_MODEL },
  },
});
const recordings = await readRecordings(RECORDINGS);
process.stdout.write(`${recordings.length} recordings; preparing series\n`);
const bytes = await train({
  shape: TACTICAL_SHAPE,
  seed: Number(values.seed),
  steps: Number(values.steps),
  budgetMs: Number(values.minutes) * 60_000,
  hidden: Number(values.hidden),
  head: Number(values.head),
  now: () => performance.now(),
  recordings,
  provenance: { date: new Date().toISOString().slice(0, 10), recordings: String(recordings.length) },
  onProgress({ step, steps, loss, elapsedMs }) {
    const perStep = elapsedMs / step;
    const left = Math.min((steps - step) * perStep, Number(values.minutes) * 60_000 - elapsedMs);
    process.stdout.write(
      `step ${step}/${steps} loss ${loss.toFixed(5)} ${perStep.toFixed(1)} ms/step, ${Math.round(left / 1000)} s left\n`,
    );
  },
});
await writeFile(values.out, bytes);
process.stdout.write(`${values.out}: ${bytes.length} bytes\n`);
