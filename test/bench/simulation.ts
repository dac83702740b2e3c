/** Benchmark `simulation`: minutes of a cluster under every fault, one for each seed, with leases that fence and without. */
import { type ClusterScenarioOptions, runClusterScenario } from '../../runtime/testkit/mod.ts';
import { type Benchmark, round } from './benchmark.ts';
import { SimulationWorkers } from './simulation-workers.ts';

const SEEDS = 2_000;
/** One of so many is run without fencing too. */
const UNFENCED_SHARE = 10;
/** Seeds between two lines for who waits. */
const EVERY = 100;
/** Lines of a trace before the first violation. */
const LINES_BEFORE = 40;
const LINES_AFTER = 10;

interface Tally {
  readonly seeds: number;
  violations: number;
  /** Seeds that have any. */
  readonly violated: number[];
  commands: number;
  virtualMs: number;
  wallMs: number;
}

/** `speedup`: virtual time of all seeds, as they run with fencing, over the time that all threads together took. */
export const simulation: Benchmark = async ({ log, seeds: count = SEEDS, from = 1 }) => {
  await using workers = new SimulationWorkers();
  const seeds = (n: number) => Array.from({ length: n }, (_, i) => from + i);
  const fenced = await runAll(workers, seeds(count), true, log);
  const unfenced = await runAll(workers, seeds(Math.ceil(count / UNFENCED_SHARE)), false, log);
  const [failing] = fenced.violated;
  if (failing !== undefined) await explain({ seed: failing }, log);
  // Who asks for one seed wants to see it.
  if (count === 1 && unfenced.violations > 0) await explain({ seed: from, fencing: false }, log);
  return {
    seeds: fenced.seeds,
    from,
    violations: fenced.violations,
    seedsViolated: fenced.violated.slice(0, 20),
    seedsUnfenced: unfenced.seeds,
    violationsUnfenced: unfenced.violations,
    seedsViolatedUnfenced: unfenced.violated.length,
    commands: fenced.commands,
    virtualSeconds: round(fenced.virtualMs / 1_000, 0),
    threads: workers.count,
    speedup: round(fenced.virtualMs / fenced.wallMs, 0),
  };
};

async function runAll(
  workers: SimulationWorkers,
  seeds: readonly number[],
  fencing: boolean,
  log: (line: string) => void,
): Promise<Tally> {
  const tally: Tally = {
    seeds: seeds.length,
    violations: 0,
    violated: [],
    commands: 0,
    virtualMs: 0,
    wallMs: 0,
  };
  const started = performance.now();
  let done = 0;
  await workers.run(
    seeds.map((seed) => ({ seed, fencing })),
    ({ seed, violations, first, commands, elapsedMs }) => {
      tally.violations += violations;
      tally.commands += commands;
      tally.virtualMs += elapsedMs;
      if (violations > 0) tally.violated.push(seed);
      if (fencing && first !== undefined) log(`seed ${seed}: ${violations} violations, first ${first}`);
      done += 1;
      if (done % EVERY === 0) {
        const speed = tally.virtualMs / (performance.now() - started);
        log(`${done} seeds ${fencing ? '' : 'without fencing '}run, ${speed.toFixed(0)} x real time`);
      }
    },
  );
  tally.wallMs = performance.now() - started;
  tally.violated.sort((a, b) => a - b);
  return tally;
}

/** Runs it once more, the same, and shows what led to the first violation. */
async function explain(options: ClusterScenarioOptions, log: (line: string) => void): Promise<void> {
  const { trace, violations, hash } = await runClusterScenario({ ...options, detailed: true });
  log(`seed ${options.seed}${options.fencing === false ? ' without fencing' : ''}, trace ${hash}:`);
  const at = trace.findIndex((line) => line.includes(' violation '));
  const lines = trace.slice(Math.max(0, at - LINES_BEFORE), at + LINES_AFTER);
  for (const line of lines) log(`  ${line}`);
  log(`${violations.length} violations:`);
  for (const { atMs, what } of violations.slice(0, LINES_AFTER))
    log(`  ${(atMs / 1_000).toFixed(3)} ${what}`);
}
