/** One task, carried out on a hypervisor. */
import type { Hypervisor, MigrationReport, MigrationTarget } from '../port/mod.ts';
import type { OperationProgress, Task, TaskResult } from './operation.ts';

export interface Execution {
  readonly hypervisor: Hypervisor;
  readonly domain: string;
  readonly signal: AbortSignal;
  readonly deadlineMs: number | undefined;
  readonly onProgress: (progress: OperationProgress['progress']) => void;
  /** Of a migration. */
  readonly target: MigrationTarget | undefined;
}

/** Rejects with what the hypervisor throws. */
export async function carryOut(task: Task, execution: Execution): Promise<TaskResult> {
  const { hypervisor, domain, signal, deadlineMs, onProgress, target } = execution;
  const { checkpoints, warmth, tuning, migration } = hypervisor;
  const call = { signal, onProgress, ...(deadlineMs !== undefined && { deadlineMs }) };
  switch (task.kind) {
    case 'checkpoint': {
      const { checkpoint: id, keep } = task;
      const options = { ...call, ...(id !== undefined && { id }), ...(keep !== undefined && { keep }) };
      return { checkpoint: await checkpoints.take(domain, options) };
    }
    case 'verify-checkpoint':
      return { checkpoint: await checkpoints.verify(domain, task.checkpoint, call) };
    case 'remove-checkpoint':
      await checkpoints.remove(domain, task.checkpoint);
      return {};
    case 'roll-back':
      return { status: await checkpoints.rollBack(domain, task.checkpoint, call) };
    case 'warm':
      return { warm: await warmth.warm(domain, task, { signal }) };
    case 'activate':
      return { allocation: await warmth.activate(domain) };
    case 'cool':
      await warmth.cool(domain);
      return {};
    case 'limit-disk': {
      const { kind: _, disk, ...limit } = task;
      await tuning.setDiskLimit(domain, disk, present(limit));
      return {};
    }
    case 'limit-network': {
      const { kind: _, ...limit } = task;
      await tuning.setBandwidth(domain, present(limit));
      return {};
    }
    case 'migrate': {
      const { downtimeMs, postCopy, cold } = task;
      const options = { ...call, ...present({ downtimeMs, postCopy, cold }) };
      return { migration: await migration.migrate(domain, target!, options) };
    }
  }
}

/** A migration that came back did not fail as a call, but it did not do what was asked for. */
export function cameBack(result: TaskResult): MigrationReport | undefined {
  return 'migration' in result && result.migration.outcome === 'returned' ? result.migration : undefined;
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}
