/** One live migration between two daemons: started, followed, and aborted when it is late, stalls or is not wanted any more. */
import { setTimeout as delay } from 'node:timers/promises';
import type { MigrationOptions, MigrationProgress } from '../../port/mod.ts';
import type { Connection, TypedParameters } from '../binding/mod.ts';
import { Convergence } from './convergence.ts';
import type { MigrationRequest } from './request.ts';
import { withDomain } from './sides.ts';

interface LiveCourse {
  /** Undefined: libvirt says that the domain was handed over. */
  readonly failure?: { readonly why: string; readonly cause: unknown; readonly mayGoCold: boolean };
  readonly postCopy: boolean;
  /** Of what was seen last. */
  readonly copiedMiB: number;
}

interface LiveConnections {
  /** Carries the call that migrates and nothing else. */
  readonly call: Connection;
  /** Asks and aborts meanwhile. */
  readonly watch: Connection;
}

const POLL_MS = 50;
const STALL_MS = 10_000;
const DOWNTIME_MS = 300;
const MIB = 1024 * 1024;

/** `deadline` by performance.now(). Rejects only if the domain is not there to begin with. */
export async function migrateLive(
  { call, watch }: LiveConnections,
  name: string,
  request: MigrationRequest,
  options: MigrationOptions & { readonly deadline: number },
): Promise<LiveCourse> {
  using domain = await call.lookupByName(name);
  await domain.migrateSetMaxDowntime(options.downtimeMs ?? DOWNTIME_MS);
  const follower = new Follower(watch, name, options);
  let over = false;
  const ended = domain.migrateToURI3(request.uri, request.parameters, request.flags).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const outcome = ended.finally(() => {
    over = true;
  });
  while (!over) {
    await Promise.race([outcome, delay(POLL_MS)]);
    if (!over) await follower.look();
  }
  const failed = await outcome;
  const { postCopy, copiedMiB, aborted } = follower;
  if (failed === undefined) return { postCopy, copiedMiB };
  const why = aborted?.why ?? (failed.error instanceof Error ? failed.error.message : String(failed.error));
  return {
    postCopy,
    copiedMiB,
    failure: { why, cause: failed.error, mayGoCold: aborted?.mayGoCold ?? true },
  };
}

class Follower {
  readonly #watch: Connection;
  readonly #name: string;
  readonly #options: MigrationOptions & { readonly deadline: number };
  readonly #convergence: Convergence;
  #aborted: { readonly why: string; readonly mayGoCold: boolean } | undefined;
  postCopy = false;
  copiedMiB = 0;

  constructor(watch: Connection, name: string, options: MigrationOptions & { readonly deadline: number }) {
    this.#watch = watch;
    this.#name = name;
    this.#options = options;
    this.#convergence = new Convergence(options.stallMs ?? STALL_MS);
  }

  get aborted() {
    return this.#aborted;
  }

  /** Never rejects: a look that fails is made again. */
  async look(): Promise<void> {
    try {
      await withDomain(this.#watch, this.#name, async (domain) => {
        const { parameters } = await domain.jobStats();
        const stalled = this.#take(parameters);
        if (this.postCopy) return;
        this.#decide(stalled);
        if (this.#aborted !== undefined) await domain.abortJob();
        else if (stalled) {
          await domain.migrateStartPostCopy();
          this.postCopy = true;
        }
      });
    } catch {
      // There is no job yet, or none any more.
    }
  }

  /** Tells what is known; true if it stalls. */
  #take(stats: TypedParameters): boolean {
    const number = (name: string) => Number(stats[name] ?? 0);
    const remaining = number('memory_remaining') + number('disk_remaining');
    const copied = number('memory_processed') + number('disk_processed');
    this.copiedMiB = copied / MIB;
    if (number('memory_total') === 0) return false;
    this.#options.onProgress?.({
      phase: this.postCopy ? 'post-copy' : 'copying',
      remainingMiB: remaining / MIB,
      dirtyMiBps: (number('memory_dirty_rate') * number('memory_page_size')) / MIB,
      throughputMiBps: (number('memory_bps') + number('disk_bps')) / MIB,
      iteration: number('memory_iteration'),
    } satisfies MigrationProgress);
    return this.#convergence.stalled(performance.now(), remaining);
  }

  #decide(stalled: boolean): void {
    const { signal, deadline, postCopy, stallMs = STALL_MS } = this.#options;
    if (this.#aborted !== undefined) return;
    if (signal?.aborted) this.#aborted = { why: 'it was cancelled', mayGoCold: false };
    else if (performance.now() > deadline) this.#aborted = { why: 'its deadline passed', mayGoCold: false };
    else if (stalled && !postCopy) {
      const why = `it stalled: the guest changes memory as fast as it is copied, for ${stallMs / 1000} s`;
      this.#aborted = { why, mayGoCold: true };
    }
  }
}
