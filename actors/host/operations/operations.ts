/** Carries out operations: journalled before they begin, one at a time per domain, with progress, deadline and cancel. */
import pRetry from 'p-retry';
import {
  Cancelled,
  type Clock,
  DeadlineExceeded,
  GridError,
  toWireError,
  type WireError,
} from '../../../runtime/mod.ts';
import { HypervisorUnavailable } from '../errors.ts';
import type { Hypervisor, MigrationTarget } from '../port/mod.ts';
import type { Turns } from '../turns.ts';
import { cameBack, carryOut } from './carry-out.ts';
import type { Journal } from './journal.ts';
import type {
  JournalEntry,
  Operation,
  OperationProgress,
  OperationReport,
  OperationUnderWay,
  TaskResult,
} from './operation.ts';
import { recoveryOf } from './recover.ts';

/** The other host of a migration. */
export interface Removal {
  /** Has it keep room for the domain; throws what it refuses with. */
  arrange(to: string, jobId: string, domain: string): Promise<MigrationTarget>;
  /** The domain runs there: its host and its job are told. Idempotent. */
  handOver(to: string, jobId: string, domain: string): Promise<void>;
  /** It stays here: the room is free again. */
  callOff(to: string, jobId: string): void;
}

export interface OperationsOptions {
  readonly hypervisor: Hypervisor;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly removal: Removal;
  readonly onProgress: (progress: OperationProgress) => void;
}

/** What {@link Operations.recover} found. */
export interface Recovered {
  readonly over: readonly OperationReport[];
  readonly underWay: readonly Unsettled[];
}

/** A migration of which it is not known yet who runs the VM. */
export interface Unsettled extends OperationUnderWay {
  readonly report: Promise<OperationReport>;
}

interface Run {
  readonly jobId: string;
  readonly abort: AbortController;
  readonly over: Promise<OperationReport>;
}

const PROGRESS_MS = 250;

export class Operations {
  readonly #options: OperationsOptions;
  readonly #runs = new Map<string, Run>();
  readonly #closed = new AbortController();

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  /** Never rejects: a failure is a report too. */
  run(operation: Operation, domain: string): Promise<OperationReport> {
    const known = this.#runs.get(operation.id);
    if (known !== undefined) return known.over;
    const abort = new AbortController();
    const at = this.#options.clock.now();
    const over = this.#report(operation, domain, at, abort.signal, async () => {
      const entry = await this.#begin({ operation, domain, at });
      return await this.#carryOut(entry, abort.signal);
    }).finally(() => this.#runs.delete(operation.id));
    this.#runs.set(operation.id, { jobId: operation.jobId, abort, over });
    return over;
  }

  /** The operation ends as soon as what it has begun is undone. */
  cancel(id: string): void {
    this.#runs.get(id)?.abort.abort(new Cancelled(`operation ${id}`));
  }

  /** Cancels what is done to the job's VM; resolves when nothing is. */
  async cancelAllOf(jobId: string): Promise<void> {
    const runs = [...this.#runs].filter(([, run]) => run.jobId === jobId);
    for (const [id] of runs) this.cancel(id);
    await Promise.all(runs.map(([, { over }]) => over));
  }

  /** Cancels everything; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#closed.abort();
    const runs = [...this.#runs];
    for (const [id] of runs) this.cancel(id);
    await Promise.all(runs.map(([, { over }]) => over));
  }

  /**
   * Finishes or undoes what was under way when the host agent ended; to be called before anything else is done here.
   * A migration may have to wait for its other side: those are handed out, and go on by themselves. Rejects with what the
   * journal's store throws.
   */
  async recover(): Promise<Recovered> {
    const { hypervisor, journal } = this.#options;
    const entries = await journal.open();
    const over: OperationReport[] = [];
    const underWay: Unsettled[] = [];
    const running = new Set(entries.length > 0 ? (await hypervisor.list()).map(({ name }) => name) : []);
    for (const entry of entries) {
      const { operation, domain } = entry;
      const recovery = recoveryOf(entry, running.has(domain));
      if (recovery.do === 'resolve') {
        underWay.push({ operation, domain, report: this.#settled(entry, () => this.#resolve(entry)) });
      } else if (recovery.do === 'repeat') {
        over.push(await this.#settled(entry, (signal) => this.#carryOut(entry, signal)));
      } else over.push(await this.#forget(entry));
    }
    return { over, underWay };
  }

  async #forget({ operation, domain }: JournalEntry): Promise<OperationReport> {
    const { journal, clock } = this.#options;
    await journal.end(operation.id);
    const error = {
      code: 'interrupted',
      message: 'its host agent ended meanwhile',
      hint: 'look at the VM, and ask for it again',
    };
    return { operation, domain, outcome: 'interrupted', error, tookMs: 0, at: clock.now() };
  }

  #settled(entry: JournalEntry, run: (signal: AbortSignal) => Promise<TaskResult>): Promise<OperationReport> {
    const { operation, domain } = entry;
    const { signal } = this.#closed;
    return this.#report(operation, domain, this.#options.clock.now(), signal, () => run(signal));
  }

  /** Before it is in the journal, nothing is begun. */
  async #begin(entry: JournalEntry): Promise<JournalEntry> {
    const { journal, removal } = this.#options;
    const { operation, domain } = entry;
    if (operation.task.kind !== 'migrate') {
      await journal.begin(entry);
      return entry;
    }
    const { to } = operation.task;
    const target = await removal.arrange(to, operation.jobId, domain);
    try {
      await journal.begin({ ...entry, target });
    } catch (error) {
      removal.callOff(to, operation.jobId);
      throw error;
    }
    return { ...entry, target };
  }

  async #carryOut(entry: JournalEntry, signal: AbortSignal): Promise<TaskResult> {
    const { hypervisor, turns, onProgress } = this.#options;
    const { operation, domain, target } = entry;
    const { id, jobId, task, deadlineMs } = operation;
    try {
      const result = await turns.take(domain, () =>
        this.#within(deadlineMs, `operation ${id}`, signal, (bounded) =>
          carryOut(task, {
            hypervisor,
            domain,
            signal: bounded,
            deadlineMs,
            target,
            onProgress: this.#seldom((progress) => onProgress({ id, jobId, progress })),
          }),
        ),
      );
      if (cameBack(result)?.unsettled) void this.#resolve(entry).catch(() => {});
      else await this.#settle(entry, cameBack(result) === undefined);
      return result;
    } catch (error) {
      // libvirt of one side cannot be asked: nothing may be done with the VM before it is known who runs it.
      if (task.kind === 'migrate' && error instanceof HypervisorUnavailable)
        return await this.#resolve(entry);
      await this.#settle(entry, false);
      throw error;
    }
  }

  /** Every new phase is told, and what goes on within one a few times a second. */
  #seldom(tell: (progress: OperationProgress['progress']) => void): typeof tell {
    const { clock } = this.#options;
    let phase: string | undefined;
    let toldAt = 0;
    return (progress) => {
      const now = clock.now();
      if (progress.phase === phase && now - toldAt < PROGRESS_MS) return;
      phase = progress.phase;
      toldAt = now;
      tell(progress);
    };
  }

  /** Asks both sides until they answer. */
  async #resolve(entry: JournalEntry): Promise<TaskResult> {
    const { migration } = this.#options.hypervisor;
    const { domain, target } = entry;
    const whose = await this.#persevere(() => migration.resolve(domain, target!));
    await this.#settle(entry, whose === 'there');
    if (whose === 'there') return {};
    const message = whose === 'here' ? 'it runs on where it was' : 'its VM runs on neither side';
    throw new GridError('interrupted', `the migration was interrupted; ${message}`);
  }

  /** The journal forgets it once the other side of a migration knows how it ended. */
  async #settle({ operation, domain }: JournalEntry, done: boolean): Promise<void> {
    const { journal, removal } = this.#options;
    const { id, jobId, task } = operation;
    if (task.kind === 'migrate' && !done) removal.callOff(task.to, jobId);
    if (task.kind === 'migrate' && done) {
      await this.#persevere(() => removal.handOver(task.to, jobId, domain));
    }
    void this.#persevere(() => journal.end(id)).catch(() => {});
  }

  /** Waits out what is away for a while. */
  #persevere<T>(run: () => Promise<T>): Promise<T> {
    const { signal } = this.#closed;
    return pRetry(run, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 250,
      maxTimeout: 5_000,
      signal,
      shouldRetry: ({ error }) => !signal.aborted && error instanceof GridError && error.retryable,
    });
  }

  async #within<T>(
    ms: number | undefined,
    what: string,
    signal: AbortSignal,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    if (ms === undefined) return await run(signal);
    const { clock } = this.#options;
    const late = new AbortController();
    const timer = clock.setTimeout(() => late.abort(new DeadlineExceeded(what, ms)), ms);
    try {
      return await run(AbortSignal.any([signal, late.signal]));
    } finally {
      clock.clearTimeout(timer);
    }
  }

  async #report(
    operation: Operation,
    domain: string,
    beganAt: number,
    signal: AbortSignal,
    run: () => Promise<TaskResult>,
  ): Promise<OperationReport> {
    const { clock } = this.#options;
    const ended = (rest: Pick<OperationReport, 'outcome' | 'result' | 'error'>): OperationReport => {
      const at = clock.now();
      return { operation, domain, ...rest, tookMs: at - beganAt, at };
    };
    try {
      const result = await run();
      const returned = cameBack(result);
      if (returned === undefined) return ended({ outcome: 'done', result });
      const why = returned.why ?? 'it could not be moved';
      const error: WireError = {
        code: 'migration-returned',
        message: `it runs on at ${returned.from}: ${why}`,
      };
      return ended({ outcome: signal.aborted ? 'cancelled' : 'failed', result, error });
    } catch (error) {
      return ended({ outcome: signal.aborted ? 'cancelled' : 'failed', error: toWireError(error) });
    }
  }
}
