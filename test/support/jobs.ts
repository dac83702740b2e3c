/** Waiting for jobs of a grid under test. */
import { type JobState, type JobView, TERMINAL_STATES } from '../../actors/job/mod.ts';
import type { GridClient } from './grid-process.ts';
import { until } from './until.ts';

/** The job once it is in `state`; throws as soon as it cannot get there any more. */
export async function inState(
  { jobs }: GridClient,
  id: string,
  state: JobState,
  withinMs = 90_000,
): Promise<JobView> {
  const job = await until(async () => {
    const found = await jobs.status(id);
    return (found.state === state || TERMINAL_STATES.includes(found.state)) && found;
  }, withinMs);
  if (job.state !== state) {
    throw new Error(`job ${id} is ${job.state} instead of ${state}: ${job.error?.message ?? 'no reason'}`);
  }
  return job;
}

/** The job once it has ended, however that was. */
export function ended({ jobs }: GridClient, id: string, withinMs = 90_000): Promise<JobView> {
  return until(async () => {
    const found = await jobs.status(id);
    return TERMINAL_STATES.includes(found.state) && found;
  }, withinMs);
}
