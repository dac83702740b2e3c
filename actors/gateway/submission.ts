/** Turns parsed requests into jobs: ids, dependencies resolved, cycles refused. Pure. */
import { createHash } from 'node:crypto';
import { InvalidRequest, type JobInput, type JobRequest } from '../job/mod.ts';

export interface SubmissionContext {
  readonly now: number;
  /** A fresh random id suffix: 16 characters of [0-9a-z]. */
  readonly randomId: () => string;
  /** Whether a job of this id was accepted earlier. */
  readonly jobExists: (id: string) => boolean;
  /** The requests came as a batch: errors name their fields as `jobs.1.x`. */
  readonly batch: boolean;
}

/** One {@link JobInput} per request, in an order in which each comes after those it depends on. */
export function planSubmission(requests: readonly JobRequest[], context: SubmissionContext): JobInput[] {
  const inBatch = context.batch;
  const ids = requests.map((request) => jobIdFor(request, context.randomId));
  const twice = ids.findIndex((id, index) => ids.indexOf(id) < index);
  if (twice >= 0) {
    throw new InvalidRequest(
      `two jobs of the batch have the idempotency key ${requests[twice]!.idempotencyKey}`,
      fieldOf(twice, 'idempotencyKey', inBatch),
      'give each its own key',
    );
  }
  const byName = new Map<string, number>();
  for (const [index, request] of requests.entries()) {
    if (request.name === undefined) continue;
    if (byName.has(request.name)) {
      throw new InvalidRequest(
        `two jobs of the batch are called ${request.name}`,
        fieldOf(index, 'name', inBatch),
        'give each its own name',
      );
    }
    byName.set(request.name, index);
  }
  const edges: number[][] = requests.map(() => []);
  const inputs = requests.map((request, index): JobInput => {
    const dependencies = request.dependencies.map((reference, position) => {
      const sibling = byName.get(reference);
      if (sibling !== undefined) {
        edges[index]!.push(sibling);
        return ids[sibling]!;
      }
      if (reference === ids[index] || !context.jobExists(reference)) {
        throw new InvalidRequest(
          `the job depends on ${reference}, which is not a job`,
          fieldOf(index, `dependencies.${position}`, inBatch),
          'name a job that was accepted, or another job of the same batch',
        );
      }
      return reference;
    });
    return {
      id: ids[index]!,
      request,
      dependencies: [...new Set(dependencies)],
      requestHash: request.idempotencyKey === undefined ? '' : hashOf(request),
      submittedAt: context.now,
    };
  });
  return topologicalOrder(requests, edges, inBatch).map((index) => inputs[index]!);
}

/** The same user and key always give the same id: creating it twice is found out by the store. */
function jobIdFor(request: JobRequest, randomId: () => string): string {
  if (request.idempotencyKey === undefined) return `j-${randomId()}`;
  const digest = createHash('sha256').update(`${request.user}\0${request.idempotencyKey}`).digest('hex');
  return `j-${digest.slice(0, 20)}`;
}

function hashOf(request: JobRequest): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(request)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}

/** Kahn's algorithm; what is left over is a cycle. */
function topologicalOrder(
  requests: readonly JobRequest[],
  edges: readonly number[][],
  inBatch: boolean,
): number[] {
  const order: number[] = [];
  const placed = new Set<number>();
  for (;;) {
    const ready = edges.findIndex((needs, i) => !placed.has(i) && needs.every((n) => placed.has(n)));
    if (ready < 0) break;
    placed.add(ready);
    order.push(ready);
  }
  const stuck = requests.findIndex((_, index) => !placed.has(index));
  if (stuck < 0) return order;
  const names = requests.filter((_, index) => !placed.has(index)).map((r) => r.name ?? r.application);
  throw new InvalidRequest(
    `the jobs ${names.join(', ')} wait for each other`,
    fieldOf(stuck, 'dependencies', inBatch),
    'dependencies must not form a cycle',
  );
}

function fieldOf(index: number, field: string, inBatch: boolean): string {
  return inBatch ? `jobs.${index}.${field}` : field;
}
