/** Benchmark `forecast`: the shipped LSTM beside the baselines, and what it is worth to an allocator. */
import {
  type Candidate,
  evaluationSeries,
  FAMILIES,
  type ForecastScore,
  loadLstmForecaster,
  movingMaximum,
  type ProvisioningScore,
  persistence,
  provisioningWorkloads,
  RECORDINGS,
  readRecordings,
  recordedSeries,
  recurrenceOnly,
  scoreForecaster,
  scoreForecastRule,
  scoreReactiveRule,
  seasonalNaive,
  TACTICAL_MODEL,
  TACTICAL_SHAPE,
} from '../../models/mod.ts';

const LSTM: Candidate = { name: 'lstm', open: () => loadLstmForecaster(TACTICAL_MODEL) };
const CANDIDATES: readonly Candidate[] = [
  LSTM,
  ...[persistence, seasonalNaive, movingMaximum, recurrenceOnly].map((make) => ({
    name: make(TACTICAL_SHAPE).name,
    open: async () => make(TACTICAL_SHAPE),
  })),
];

type Scores = ReadonlyMap<string, ReadonlyMap<string, ForecastScore>>;

/** Top-level figures are means over the families that training never saw; losses are in units of a series' scale. */
export async function forecast(options: {
  readonly json: boolean;
  readonly log: (line: string) => void;
}): Promise<Record<string, unknown>> {
  const log = options.json ? () => {} : options.log;
  const scores = await scoreAll(log);
  const recorded = await scoreRecorded(log);
  const provisioning = await compareRules(log);
  const usPerSeries = await stepCost(64);
  const usSingle = 2 * (await stepCost(2));
  log(
    `one tick of 64 series: ${usPerSeries.toFixed(1)} us a series; of one domain (2 series): ${usSingle.toFixed(0)} us`,
  );
  const heldOut = FAMILIES.filter(({ trained }) => !trained).map(({ name }) => name);
  const all = FAMILIES.map(({ name }) => name);
  return {
    ...summary(scores, heldOut),
    usPerSeries,
    usPerTickOf2: usSingle,
    allFamilies: summary(scores, all),
    families: Object.fromEntries(
      FAMILIES.map(({ name, trained }) => [name, { trained, ...row(scores, name) }]),
    ),
    recordings: recorded,
    provisioning,
  };
}

async function scoreAll(log: (line: string) => void): Promise<Scores> {
  const series = evaluationSeries(12, 700);
  const scores = new Map<string, ReadonlyMap<string, ForecastScore>>();
  for (const candidate of CANDIDATES) scores.set(candidate.name, await scoreForecaster(candidate, series));
  log(
    `pinball loss x 1000 (coverage of the 80 % interval) on seeds never trained on; * = family never trained on`,
  );
  table(
    log,
    FAMILIES.map(({ name, trained }) => ({ label: trained ? name : `${name}*`, group: name })),
    scores,
  );
  return scores;
}

async function scoreRecorded(log: (line: string) => void): Promise<Record<string, unknown>> {
  const series = recordedSeries(await readRecordings(RECORDINGS));
  if (series.length === 0) {
    log('no held-out recordings of real guests are here: that part is left out');
    return {};
  }
  const groups = [...new Set(series.map(({ group }) => group))];
  const scores = new Map<string, ReadonlyMap<string, ForecastScore>>();
  for (const candidate of CANDIDATES) {
    const merged = new Map<string, ForecastScore>();
    // One by one: recordings differ in length.
    for (const one of series)
      for (const entry of await scoreForecaster(candidate, [one])) merged.set(...entry);
    scores.set(candidate.name, merged);
  }
  log('recorded demand of real guests, held out');
  table(
    log,
    groups.map((group) => ({ label: group, group })),
    scores,
  );
  return Object.fromEntries(groups.map((group) => [group, row(scores, group)]));
}

async function compareRules(log: (line: string) => void): Promise<Record<string, unknown>> {
  const workloads = provisioningWorkloads(10, 800);
  const result: Record<string, unknown> = {};
  log('allocation rules, +-10 % jitter, from the third cycle on');
  for (const family of [...new Set(workloads.map((workload) => workload.family))]) {
    const mine = workloads.filter((workload) => workload.family === family);
    const rules: Record<string, ProvisioningScore> = {
      lstmQ90: await scoreForecastRule(LSTM, 0.9, mine),
      lstmQ95: await scoreForecastRule(LSTM, 0.95, mine),
      reactive: await scoreReactiveRule(mine),
    };
    for (const [name, score] of Object.entries(rules))
      log(`  ${family.padEnd(16)}${name.padEnd(10)}${describe(score)}`);
    result[family] = rules;
  }
  return result;
}

/** Median time of one step a series, us. */
async function stepCost(batch: number): Promise<number> {
  const forecaster = await LSTM.open();
  for (let i = 0; i < batch; i++) forecaster.track(`${i}`, 1);
  const times: number[] = [];
  for (let step = 0; step < 700; step++) {
    const values = Float32Array.from({ length: batch }, (_, i) => ((step + i) % 40 < 20 ? 0.2 : 0.8));
    const started = performance.now();
    await forecaster.step(values);
    // Histories must be full before the cost is the usual one.
    if (step >= 520) times.push(performance.now() - started);
  }
  await forecaster[Symbol.asyncDispose]();
  times.sort((a, b) => a - b);
  return (1000 * times[Math.floor(times.length / 2)]!) / batch;
}

function summary(scores: Scores, groups: readonly string[]): Record<string, number> {
  const mean = (name: string, key: keyof ForecastScore): number =>
    groups.reduce((sum, group) => sum + scores.get(name)!.get(group)![key], 0) / groups.length;
  const pinball = mean('lstm', 'pinball');
  const [last, seasonal] = [mean('persistence', 'pinball'), mean('seasonal-naive', 'pinball')];
  return {
    pinball,
    persistence: last,
    seasonalNaive: seasonal,
    movingMaximum: mean('moving-maximum', 'pinball'),
    ratioPersistence: pinball / last,
    ratioSeasonal: pinball / seasonal,
    coverage80: mean('lstm', 'coverage80'),
  };
}

function row(scores: Scores, group: string): Record<string, number> {
  const losses = CANDIDATES.map(({ name }) => [name, scores.get(name)!.get(group)!.pinball] as const);
  return { ...Object.fromEntries(losses), coverage80: scores.get('lstm')!.get(group)!.coverage80 };
}

function table(
  log: (line: string) => void,
  rows: readonly { readonly label: string; readonly group: string }[],
  scores: Scores,
): void {
  log(`  ${''.padEnd(18)}${CANDIDATES.map(({ name }) => name.padStart(17)).join('')}`);
  for (const { label, group } of rows) {
    const cells = CANDIDATES.map(({ name }) => {
      const score = scores.get(name)!.get(group)!;
      return `${(1000 * score.pinball).toFixed(2)} (${score.coverage80.toFixed(2)})`.padStart(17);
    });
    log(`  ${label.padEnd(18)}${cells.join('')}`);
  }
}

function describe(score: ProvisioningScore): string {
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  return [
    `rises covered ${percent(score.risesCovered)} of ${score.rises}`,
    `lead p50 ${score.leadP50Ms} ms`,
    `slack ${percent(score.slack)}`,
    `shortfall ${(100 * score.shortfall).toFixed(3)} %`,
    `held back ${percent(score.heldBack)} of the time`,
  ].join(', ');
}
