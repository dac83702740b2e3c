/** `shadowgrid watch`: a job's states and numbers as they come. */
import { defineCommand } from 'citty';
import type { JobClient, Progress } from '../../actors/gateway/mod.ts';
import { connectGrid, connectionArgs } from './connect.ts';
import { printJson, stateStyle } from './print.ts';

export const watch = defineCommand({
  meta: { name: 'watch', description: 'Follow a job until it has ended; exit status 0 if it completed' },
  args: {
    ...connectionArgs,
    id: { type: 'positional', description: 'id of the job', required: true },
    json: { type: 'boolean', description: 'one JSON object a line' },
  },
  run: async ({ args }) => {
    await using grid = await connectGrid(args);
    process.exitCode = await showWatch(grid.jobs, args.id, args.json === true ? printJson : showProgress);
  },
});

/** Shows everything; resolves with an exit status: 0 completed, 1 not. */
export async function showWatch(
  jobs: JobClient,
  id: string,
  show: (progress: Progress) => void = showProgress,
): Promise<number> {
  let state = '';
  for await (const progress of jobs.watch(id)) {
    show(progress);
    if (progress.type === 'state') state = progress.job.state;
  }
  return state === 'completed' ? 0 : 1;
}

function showProgress(progress: Progress): void {
  const line = lineOf(progress);
  process.stdout.write(`${line}\n`);
}

function lineOf(progress: Progress): string {
  switch (progress.type) {
    case 'state': {
      const { state, host, error } = progress.job;
      return [stateStyle(state), host && `on ${host}`, error?.message].filter(Boolean).join('  ');
    }
    case 'demand': {
      const { useCores, cores, vcpus, useMemoryMiB, memoryMiB, upperCores, throttled } = progress;
      const held = throttled > 0.01 ? `  held back ${(throttled * 100).toFixed(0)} %` : '';
      return (
        `  cpu ${useCores.toFixed(2)} of ${cores.toFixed(2)} cores on ${vcpus} vCPU, forecast ${upperCores.toFixed(2)}` +
        `  memory ${useMemoryMiB.toFixed(0)} of ${memoryMiB} MiB${held}`
      );
    }
    case 'directive':
      return `  ${progress.resource} ${progress.from} -> ${progress.to}  ${progress.rule}, ${progress.outcome} in ${progress.tookMs} ms`;
    case 'note':
      return `  note: ${progress.text}`;
  }
}
