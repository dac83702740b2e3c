/** The state stream: frames of a VM's inner state on a steady clock, within a budget, made only for a reader that reads. */
import type { Clock } from '../../../runtime/mod.ts';
import { DomainNotFound, HypervisorError } from '../errors.ts';
import { CostBudget } from './budget.ts';
import { Look, STATE_PARTS } from './look.ts';
import type {
  StateFrame,
  StatePart,
  StateSource,
  StateStream,
  StateStreamOptions,
  StateStreamReport,
} from './state.ts';

const DEFAULTS = {
  intervalMs: 200,
  budgetMsPerSecond: 50,
  parts: STATE_PARTS,
  pagesPerFrame: 4,
  dirtyRateSeconds: 1,
  buffer: 1,
} satisfies StateStreamOptions;

/** Takes over `source`. Nothing is asked of it before the first `next()`. Throws `invalid-field`, naming the option. */
export function openStateStream(
  source: StateSource,
  clock: Clock,
  options: StateStreamOptions = {},
): StateStream {
  const settings = { ...DEFAULTS, ...options };
  for (const field of [
    'intervalMs',
    'budgetMsPerSecond',
    'pagesPerFrame',
    'dirtyRateSeconds',
    'buffer',
  ] as const) {
    if (settings[field] > 0) continue;
    const hint = `a number above 0, for example ${DEFAULTS[field]}`;
    throw new HypervisorError(
      `state stream: ${field} cannot be ${settings[field]}`,
      { field, hint },
      'invalid-field',
    );
  }
  return new PacedStateStream(source, clock, settings);
}

class PacedStateStream implements StateStream {
  readonly #source: StateSource;
  readonly #clock: Clock;
  readonly #settings: Required<Omit<StateStreamOptions, 'signal'>>;
  readonly #budget: CostBudget<StatePart>;
  readonly #look: Look;
  readonly #end = new AbortController();
  readonly #frames: StateFrame[] = [];
  readonly #readers: PromiseWithResolvers<IteratorResult<StateFrame>>[] = [];
  readonly #began: number;
  #running: Promise<void> | undefined;
  #error: unknown;
  #wake: () => void = () => {};
  #sequence = 0;
  #dropped = 0;
  #droppedForReader = 0;
  #droppedForBudget = 0;

  constructor(
    source: StateSource,
    clock: Clock,
    settings: Required<Omit<StateStreamOptions, 'signal'>> & Pick<StateStreamOptions, 'signal'>,
  ) {
    this.#source = source;
    this.#clock = clock;
    this.#settings = settings;
    this.#began = this.#elapsed();
    this.#budget = new CostBudget(settings.budgetMsPerSecond, () => this.#elapsed());
    this.#look = new Look({ ...settings, source, budget: this.#budget });
    if (settings.signal?.aborted) this.#end.abort();
    else
      settings.signal?.addEventListener('abort', () => this.#finish(), {
        once: true,
        signal: this.#end.signal,
      });
  }

  get report(): StateStreamReport {
    const costMs = this.#budget.spentMs;
    const seconds = (this.#elapsed() - this.#began) / 1000;
    return {
      frames: this.#sequence,
      droppedForReader: this.#droppedForReader,
      droppedForBudget: this.#droppedForBudget,
      partsLeftOut: { ...this.#look.leftOut },
      costMs,
      costMsPerSecond: seconds > 0 ? costMs / seconds : 0,
    };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<StateFrame>> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return { done: false, value: frame };
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      throw error;
    }
    if (this.#end.signal.aborted) return this.return();
    this.#running ??= this.#run();
    const reader = Promise.withResolvers<IteratorResult<StateFrame>>();
    this.#readers.push(reader);
    return reader.promise;
  }

  async return(): Promise<IteratorResult<StateFrame>> {
    this.#frames.length = 0;
    this.#finish();
    this.#running ??= this.#run();
    await this.#running;
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #run(): Promise<void> {
    try {
      for (let due = this.#elapsed(); !this.#end.signal.aborted; due = await this.#wait(due))
        await this.#tick();
    } catch (error) {
      if (!(error instanceof DomainNotFound)) this.#fail(error);
    } finally {
      this.#finish();
      await this.#source[Symbol.asyncDispose]();
    }
  }

  async #tick(): Promise<void> {
    if (this.#frames.length >= this.#settings.buffer) {
      this.#droppedForReader++;
      this.#dropped++;
      return;
    }
    const t = this.#clock.now();
    const before = this.#budget.spentMs;
    const looked = await this.#look.take();
    if (looked === undefined) {
      this.#droppedForBudget++;
      this.#dropped++;
      return;
    }
    const { domain } = this.#source;
    const costMs = this.#budget.spentMs - before;
    const sequence = ++this.#sequence;
    this.#hand({ domain, t, sequence, dropped: this.#dropped, costMs, ...looked });
    this.#dropped = 0;
  }

  #hand(frame: StateFrame): void {
    const reader = this.#readers.shift();
    if (reader === undefined) this.#frames.push(frame);
    else reader.resolve({ done: false, value: frame });
  }

  /** Waits for the tick after `due`; those that a long look has missed are dropped. Returns when it is due. */
  async #wait(due: number): Promise<number> {
    const { intervalMs } = this.#settings;
    const missed = Math.max(0, Math.ceil((this.#elapsed() - due) / intervalMs) - 1);
    this.#droppedForBudget += missed;
    this.#dropped += missed;
    const next = due + (missed + 1) * intervalMs;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = this.#clock.setTimeout(resolve, next - this.#elapsed());
    if (!this.#end.signal.aborted) await promise;
    this.#clock.clearTimeout(timer);
    return next;
  }

  #fail(error: unknown): void {
    const reader = this.#readers.shift();
    if (reader === undefined) this.#error = error;
    else reader.reject(error);
  }

  #finish(): void {
    this.#end.abort();
    this.#wake();
    for (const reader of this.#readers.splice(0)) reader.resolve({ done: true, value: undefined });
  }

  #elapsed(): number {
    return this.#clock.elapsed?.() ?? this.#clock.now();
  }
}
