/** A thread that runs one seed after the other as it is told. */
import { parentPort } from 'node:worker_threads';
import { runClusterScenario } from '../../runtime/testkit/mod.ts';

export interface SeedRequest {
  readonly seed: number;
  readonly fencing: boolean;
}

export interface SeedResult {
  readonly seed: number;
  readonly violations: number;
  /** The first of them. */
  readonly first: string | undefined;
  readonly commands: number;
  /** Virtual milliseconds. */
  readonly elapsedMs: number;
}

// Errors come by the thousand here, and nobody reads where from.
Error.stackTraceLimit = 0;

parentPort?.on('message', async ({ seed, fencing }: SeedRequest) => {
  const { violations, commands, elapsedMs } = await runClusterScenario({ seed, fencing });
  const [first] = violations;
  const result: SeedResult = {
    seed,
    violations: violations.length,
    first: first && `at ${(first.atMs / 1_000).toFixed(3)} s: ${first.what}`,
    commands,
    elapsedMs,
  };
  parentPort?.postMessage(result);
});
