/** Is capacity there before demand, in real guests? The pattern job under its shadow, beside the reactive control. */
import {
  DEMO_SCENARIO,
  runTrial,
  type TrialPolicy,
  type TrialResult,
  type TrialScenario,
} from '../../deploy/trial/mod.ts';
import { GridProcess } from '../support/grid-process.ts';
import { type Benchmark, median, round } from './benchmark.ts';

export const preprovision: Benchmark = async ({ log, runs = 3 }) => {
  const grid = await GridProcess.start();
  try {
    await using client = await grid.connect();
    const pairs: { readonly ours: TrialResult; readonly reactive: TrialResult }[] = [];
    for (let run = 0; run < runs; run++) {
      const scenario: TrialScenario = { ...DEMO_SCENARIO, seed: 101 + run };
      const trial = (policy: TrialPolicy) => runTrial({ transport: client.transport, scenario, policy });
      const ours = await trial({ kind: 'forecast' });
      log(`run ${run + 1}: ${line(ours)}`);
      const reactive = await trial({ kind: 'reactive' });
      log(`run ${run + 1}: ${line(reactive)}`);
      pairs.push({ ours, reactive });
    }
    const over = (figure: (result: TrialResult) => number) =>
      round(median(pairs.map(({ ours, reactive }) => figure(ours) / figure(reactive))));
    const rises = pairs.flatMap(({ ours }) => ours.learned.rises);
    return {
      risesCovered: round(rises.filter((rise) => rise.covered).length / rises.length),
      throttledRatio: over((result) => result.learned.throttledSeconds),
      slackRatio: over((result) => result.learned.slackCores),
      memorySlackRatio: over((result) => result.learned.slackMemory),
      leadP50Ms: Math.round(median(pairs.map(({ ours }) => ours.learned.leadP50Ms))),
      throttledSeconds: round(median(pairs.map(({ ours }) => ours.learned.throttledSeconds))),
      reactiveThrottledSeconds: round(median(pairs.map(({ reactive }) => reactive.learned.throttledSeconds))),
      workLost: round(median(pairs.map(({ ours }) => ours.workLost))),
      reactiveWorkLost: round(median(pairs.map(({ reactive }) => reactive.workLost))),
      rises: rises.length,
      runs,
    };
  } finally {
    await grid.stop();
  }
};

function line({ policy, learned, workLost, memoryRefusedMs }: TrialResult): string {
  return (
    `${policy}: ${Math.round(learned.risesCovered * learned.rises.length)} of ${learned.rises.length} rises covered, ` +
    `lead p50 ${learned.leadP50Ms.toFixed(0)} ms, held back ${learned.throttledSeconds.toFixed(2)} s, ` +
    `slack ${(learned.slackCores * 100).toFixed(0)} % CPU ${(learned.slackMemory * 100).toFixed(0)} % memory, ` +
    `work lost ${(workLost * 100).toFixed(1)} %, memory refused ${memoryRefusedMs} ms`
  );
}
