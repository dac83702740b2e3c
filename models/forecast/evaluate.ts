/** Scores forecasters side by side on the same series: pinball loss, coverage, and what they are worth to an allocator. */
import { QuantileScore } from './metrics.ts';
import type { BatchForecaster } from './port.ts';
import {
  type AllocationRule,
  forecastRule,
  type ProvisioningScore,
  provision,
  reactiveRule,
} from './provisioning.ts';
import type { Recording } from './recordings.ts';
import { TACTICAL_SHAPE } from './shape.ts';
import { type FamilyName, HELD_OUT, TRAINED } from './workloads/families.ts';
import { generateWorkload, type Workload } from './workloads/generate.ts';

/** A forecaster is made anew for each evaluation, so that no state leaks from one series to the next. */
export interface Candidate {
  readonly name: string;
  open(): Promise<BatchForecaster>;
}

export interface EvaluationSeries {
  /** What its scores are summed under: a family, or the name of a recording. */
  readonly group: string;
  readonly scale: number;
  readonly observed: Float32Array;
  readonly censored: Uint8Array;
  /** True demand; NaN where it is not known. */
  readonly demand: Float32Array;
}

export interface ForecastScore {
  /** Mean pinball loss in units of the series' scale. */
  readonly pinball: number;
  readonly coverage80: number;
}

/** First seed of evaluation: training draws its seeds below it. */
export const EVALUATION_SEED = 2 ** 31;

/** Steps before scoring starts: two cycles of the longest period; of a short recording this share at most. */
const WARM_UP = 260;
const WARM_UP_SHARE = 0.4;

export const FAMILIES: readonly { readonly name: FamilyName; readonly trained: boolean }[] = [
  ...Object.keys(TRAINED).map((name) => ({ name: name as FamilyName, trained: true })),
  ...Object.keys(HELD_OUT).map((name) => ({ name: name as FamilyName, trained: false })),
];

/** Held-out series of every family: seeds that training never draws, some of them held back by a limit. */
export function evaluationSeries(perFamily: number, length: number): EvaluationSeries[] {
  return FAMILIES.flatMap(({ name }) =>
    Array.from({ length: perFamily }, (_, i) => {
      const seed = EVALUATION_SEED + i;
      const workload = generateWorkload({
        family: name,
        seed,
        length,
        censoring: i % 4 === 3,
        anywhere: true,
      });
      return { ...workload, group: name };
    }),
  );
}

/** Recorded series that training left alone, each a group of its own; censored values are no truth to score against. */
export function recordedSeries(recordings: readonly Recording[]): EvaluationSeries[] {
  return recordings
    .filter(({ split }) => split === 'held-out')
    .map(({ name, scale, values, censored }) => {
      const demand = values.map((value, i) => (censored[i] === 1 ? Number.NaN : value));
      return { group: name, scale, observed: values, censored, demand };
    });
}

/** Scores of one forecaster by group, all series of equal length stepped in one batch. */
export async function scoreForecaster(
  candidate: Candidate,
  series: readonly EvaluationSeries[],
): Promise<Map<string, ForecastScore>> {
  return withForecaster(candidate, async (forecaster) => {
    const { horizon, quantiles } = forecaster.shape;
    series.forEach(({ scale }, i) => {
      forecaster.track(`${i}`, scale);
    });
    const scores = new Map<string, QuantileScore>();
    const length = Math.min(...series.map(({ observed }) => observed.length));
    const width = horizon * quantiles.length;
    for (let step = 0; step < length - horizon; step++) {
      const values = Float32Array.from(series, ({ observed }) => observed[step]!);
      const censored = Uint8Array.from(series, (one) => one.censored[step]!);
      const forecast = await forecaster.step(values, censored);
      if (step < Math.min(WARM_UP, length * WARM_UP_SHARE)) continue;
      series.forEach(({ group, scale, demand }, row) => {
        let score = scores.get(group);
        if (!score) {
          score = new QuantileScore(quantiles);
          scores.set(group, score);
        }
        const actual = demand.subarray(step + 1, step + 1 + horizon);
        score.add(forecast.subarray(row * width, (row + 1) * width), actual, scale);
      });
    }
    return new Map([...scores].map(([group, { pinball, coverage80 }]) => [group, { pinball, coverage80 }]));
  });
}

/** Cyclic families at +-10 % jitter, on seeds that training never draws, that the allocation rules are compared on. */
export function provisioningWorkloads(perFamily: number, length: number): Workload[] {
  const cyclic: readonly FamilyName[] = ['square', 'multi-phase', 'bursts', 'staircase', 'high-with-gaps'];
  return cyclic.flatMap((family) =>
    Array.from({ length: perFamily }, (_, i) =>
      generateWorkload({ family, seed: EVALUATION_SEED + 5000 + i, length, jitter: 0.1 }),
    ),
  );
}

/** Scores of the rule "highest `tau` quantile of the next 1.25 s" over all workloads, weighted by their rises. */
export async function scoreForecastRule(
  candidate: Candidate,
  tau: number,
  workloads: readonly Workload[],
): Promise<ProvisioningScore> {
  const scores: ProvisioningScore[] = [];
  for (const workload of workloads) {
    const score = await withForecaster(candidate, (forecaster) =>
      play(workload, forecastRule(forecaster, tau, workload.scale)),
    );
    scores.push(score);
  }
  return combine(scores);
}

/** The same for the reactive rule. */
export async function scoreReactiveRule(workloads: readonly Workload[]): Promise<ProvisioningScore> {
  const scores: ProvisioningScore[] = [];
  for (const workload of workloads) {
    scores.push(await play(workload, reactiveRule(workload.scale, TACTICAL_SHAPE.stepMs)));
  }
  return combine(scores);
}

async function withForecaster<T>(
  candidate: Candidate,
  use: (forecaster: BatchForecaster) => Promise<T>,
): Promise<T> {
  const forecaster = await candidate.open();
  try {
    return await use(forecaster);
  } finally {
    await forecaster[Symbol.asyncDispose]();
  }
}

function play(workload: Workload, rule: AllocationRule): Promise<ProvisioningScore> {
  return provision(workload, rule, TACTICAL_SHAPE.stepMs);
}

function combine(scores: readonly ProvisioningScore[]): ProvisioningScore {
  const rises = scores.reduce((sum, score) => sum + score.rises, 0);
  const mean = (of: (score: ProvisioningScore) => number): number =>
    scores.reduce((sum, score) => sum + of(score), 0) / scores.length;
  const leads = scores.map(({ leadP50Ms }) => leadP50Ms).sort((a, b) => a - b);
  return {
    rises,
    risesCovered: scores.reduce((sum, score) => sum + score.risesCovered * score.rises, 0) / rises,
    leadP50Ms: leads[Math.floor(leads.length / 2)] ?? 0,
    slack: mean(({ slack }) => slack),
    shortfall: mean(({ shortfall }) => shortfall),
    heldBack: mean(({ heldBack }) => heldBack),
  };
}
