/** A worker that has a worker: killed by the conformance suite, to see the other end by itself. */
import { serveWorker, spawnWorker } from '../../runtime/worker/mod.ts';
import type { ChoresContract } from './worker-chores.worker.ts';

export interface ParentContract {
  readonly calls: {
    /** Starts a process with the module; its pid. */
    child(url: string): number;
  };
}

serveWorker<ParentContract>({
  child: async (url) => {
    const child = spawnWorker<ChoresContract>(new URL(url), { name: 'child', isolation: 'process' });
    return await child.call('pid', undefined);
  },
});
