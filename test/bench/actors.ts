/** What live actors cost: memory and creation of 100,000 in one process, and waking one that had left memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureNatsServer, startNatsServer } from '../../deploy/nats/mod.ts';
import { runCommand } from '../../deploy/setup/process/mod.ts';
import { type Benchmark, median, round } from './benchmark.ts';

const ACTORS = 100_000;
const WOKEN = 500;
const CHILD = fileURLToPath(new URL('./actors-child.ts', import.meta.url));

interface Measured {
  readonly alive: number;
  readonly rssMiB: number;
  readonly createUs: number;
  readonly reactivateP50Ms: number;
}

export const actors: Benchmark = async ({ log, runs = 3 }) => {
  const folder = await mkdtemp(join(tmpdir(), 'sg-bench-'));
  const binary = await ensureNatsServer();
  const server = await startNatsServer({
    binary,
    storeDir: join(folder, 'store'),
    runDir: join(folder, 'run'),
  });
  try {
    const measured: Measured[] = [];
    for (let run = 0; run < runs; run++) {
      const args = [...process.execArgv, CHILD, server.url, String(ACTORS), String(WOKEN)];
      const { stdout } = await runCommand(process.execPath, args, { timeoutMs: 300_000 });
      const figures: Measured = JSON.parse(stdout);
      if (figures.alive !== ACTORS) throw new Error(`${figures.alive} of ${ACTORS} actors are alive`);
      measured.push(figures);
      log(
        `run ${run + 1}: ${figures.rssMiB.toFixed(0)} MiB, ${figures.createUs.toFixed(1)} us to create one, ` +
          `${figures.reactivateP50Ms.toFixed(2)} ms to wake one`,
      );
    }
    const figure = (of: (each: Measured) => number) => round(median(measured.map(of)), 2);
    return {
      actors: ACTORS,
      rssMiB: figure((each) => each.rssMiB),
      createUs: figure((each) => each.createUs),
      reactivateP50Ms: figure((each) => each.reactivateP50Ms),
    };
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
};
