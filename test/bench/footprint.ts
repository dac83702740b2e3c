/** What shadowgrid itself costs with one VM that idles: resident memory, and CPU with a sample every 50 ms. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { GridProcess } from '../support/grid-process.ts';
import { type Benchmark, median, round } from './benchmark.ts';

const SETTLE_MS = 10_000;
const WINDOW_MS = 20_000;
/** Of /proc/PID/stat on Linux. */
const TICKS_PER_SECOND = 100;

export const footprint: Benchmark = async ({ log, runs = 3 }) => {
  const grid = await GridProcess.start();
  try {
    await using client = await grid.connect();
    const { id } = await client.jobs.submit({ application: 'idle', user: 'bench', command: 'sleep 600' });
    for await (const progress of client.jobs.watch(id)) {
      if (progress.type === 'demand') break;
      if (progress.type === 'state' && progress.job.state === 'failed')
        throw new Error(progress.job.error?.message);
    }
    await delay(SETTLE_MS);
    const idle: number[] = [];
    const resident: number[] = [];
    for (let run = 0; run < runs; run++) {
      const before = await cpuSeconds(grid.pid);
      const t = performance.now();
      await delay(WINDOW_MS);
      idle.push((await cpuSeconds(grid.pid)) - before);
      idle[run]! /= (performance.now() - t) / 1000;
      resident.push(await residentMiB(grid.pid));
      log(
        `run ${run + 1}: ${(idle[run]! * 100).toFixed(1)} % of a core, ${resident[run]!.toFixed(0)} MiB resident`,
      );
    }
    await client.jobs.cancel(id);
    return { rssMiB: round(Math.max(...resident), 1), idleCpu: round(median(idle), 4), sampleMs: 50, vms: 1 };
  } finally {
    await grid.stop();
  }
};

async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
