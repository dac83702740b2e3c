/** How long until a job is accepted, which means stored: one at a time, and 50 in flight; beside bare JetStream writes. */
import { jetstream } from '@nats-io/jetstream';
import type { JobClient } from '../../actors/gateway/mod.ts';
import { GridProcess } from '../support/grid-process.ts';
import { type Benchmark, median, quantile, round } from './benchmark.ts';

const IN_FLIGHT = 50;
const SERIAL = 400;
const PARALLEL = 4_000;

export const submit: Benchmark = async ({ log, runs = 3 }) => {
  const serial: number[] = [];
  const parallel: number[] = [];
  const rates: number[] = [];
  const floor: number[] = [];
  const floorTails: number[] = [];
  for (let run = 0; run < runs; run++) {
    const grid = await GridProcess.start({ simulated: true });
    try {
      await using client = await grid.connect();
      await measure(100, 10, () => submitOne(client.jobs));
      const one = await measure(SERIAL, 1, () => submitOne(client.jobs));
      const many = await measure(PARALLEL, IN_FLIGHT, () => submitOne(client.jobs));
      // The floor: the same server storing a message of about a job's size, nothing else.
      const js = jetstream(client.transport.connection);
      const payload = new Uint8Array(900);
      const stored = await measure(PARALLEL, IN_FLIGHT, (i) =>
        js.publish(`$KV.shadowgrid-outputs.bench-${run}-${i}`, payload),
      );
      serial.push(quantile(one.times, 0.5));
      parallel.push(quantile(many.times, 0.99));
      rates.push(many.perSecond);
      floor.push(stored.perSecond);
      floorTails.push(quantile(stored.times, 0.99));
      log(
        `run ${run + 1}: 1 in flight p50 ${serial.at(-1)!.toFixed(2)} ms; ${IN_FLIGHT} in flight p99 ` +
          `${parallel.at(-1)!.toFixed(1)} ms at ${many.perSecond.toFixed(0)}/s; bare JetStream writes p99 ` +
          `${floorTails.at(-1)!.toFixed(1)} ms at ${stored.perSecond.toFixed(0)}/s`,
      );
    } finally {
      await grid.stop();
    }
  }
  return {
    acceptedP99Ms: round(median(parallel)),
    inFlight: IN_FLIGHT,
    serialP50Ms: round(median(serial)),
    perSecond: Math.round(median(rates)),
    bareJetStreamP99Ms: round(median(floorTails)),
    bareJetStreamPerSecond: Math.round(median(floor)),
  };
};

/** Jobs of a pool without hosts: accepted and queued, so that only acceptance is measured. */
function submitOne(jobs: JobClient): Promise<unknown> {
  return jobs.submit(
    { application: 'bench', user: 'bench', command: 'true', pool: 'low-priority' },
    { deadlineMs: 30_000 },
  );
}

async function measure(count: number, inFlight: number, call: (index: number) => Promise<unknown>) {
  const times: number[] = [];
  let next = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < count) {
        const index = next++;
        const t = performance.now();
        await call(index);
        times.push(performance.now() - t);
      }
    }),
  );
  return { times, perSecond: (count / (performance.now() - began)) * 1000 };
}
