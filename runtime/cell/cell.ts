/** One live actor: takes one message at a time, stores what came of it, then lets effects and the answer out. */
import type { Address } from '../address.ts';
import {
  ActorExists,
  ActorFailed,
  ActorStopped,
  Cancelled,
  GridError,
  MailboxFull,
  NotOwner,
  RevisionConflict,
} from '../errors.ts';
import type { KeyValueEntry } from '../store/mod.ts';
import type { Handling } from '../telemetry/mod.ts';
import { Incarnation } from './incarnation.ts';
import type { CellReport, InspectionKind } from './inspection.ts';
import { type Effect, Interpreter, type PendingTimer } from './interpreter.ts';
import type { MachineState } from './machine-state.ts';
import { Persistence } from './persistence.ts';
import { decodeRecord, reviveSnapshot } from './record.ts';
import { Restarts } from './restarts.ts';
import type { CellEnd, CellOptions, Delivery, Occasion } from './wiring.ts';

/** Work for the pump: a message, a delayed transition that is due, or a failed effect. */
type Work =
  | { readonly delivery: Delivery }
  | { readonly timer: string }
  | { readonly failure: unknown; readonly incarnation: Incarnation; readonly handling: Handling | undefined };

export class Cell {
  readonly #options: CellOptions;
  readonly #persistence: Persistence | undefined;
  readonly #queue: Work[] = [];
  #waiting = 0;
  #interpreter: Interpreter | undefined;
  /** The machine's snapshot after the last settled step. */
  #settled: MachineState | undefined;
  #incarnation = new Incarnation();
  #input: unknown;
  #phase: 'starting' | 'live' | 'draining' | 'ended' = 'starting';
  #pumping: Promise<void> | undefined;
  #taking = false;
  /** Since it failed for the first time. */
  #restarts: Restarts | undefined;
  /** Effects that have not come to their end. */
  #running = 0;
  #rest: unknown;
  /** Id of the message that is being handled, or that brought its creation about. */
  #cause: string | undefined;
  #handling: Handling | undefined;
  #dueAt: number | undefined;

  constructor(options: CellOptions) {
    this.#options = options;
    if (options.definition.durability === 'durable') {
      this.#persistence = new Persistence(options);
    }
  }

  get address(): Address {
    return this.#options.address;
  }

  get key(): string {
    return this.#options.key;
  }

  /** Messages in its mailbox. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Of a passivated actor: when its next delayed transition is due, ms since the epoch; undefined if none is. */
  get dueAt(): number | undefined {
    return this.#dueAt;
  }

  get generation(): number | undefined {
    return this.#options.tenure?.generation;
  }

  /** A new actor: stored when this resolves. Throws `ActorExists`, `ActorFailed`, or what the store throws. */
  async create(input: unknown, cause?: string): Promise<void> {
    const { definition, address } = this.#options;
    this.#input = input;
    this.#cause = cause;
    try {
      const first = definition.start(input);
      const interpreter = this.#interpret();
      const effects = first === undefined ? interpreter.start(input) : [];
      if (first !== undefined) interpreter.resume(first, []);
      const { state } = interpreter;
      if (state.status === 'error') throw new ActorFailed(address, state.error);
      await this.#persistence?.create(interpreter);
      this.#inspect('created', { to: state.value });
      this.#settle(state, effects, undefined);
      if (first !== undefined) this.#resume();
    } catch (error) {
      // What waits was sent to the one that exists, and may be sent again.
      this.#end(
        'stopped',
        error instanceof ActorExists ? new ActorStopped(address, error) : (error as GridError),
      );
      throw error;
    }
    this.#cause = undefined;
    this.#begin();
  }

  /**
   * An actor that was stored: `interrupted`, so that its effects are resumed, or `at rest` with none due.
   * Throws `SnapshotIncompatible`.
   */
  restore(entry: KeyValueEntry, left: 'interrupted' | 'at rest'): void {
    try {
      this.#revive(entry);
      if (left === 'interrupted') this.#resume();
    } catch (error) {
      this.#end('stopped', error as GridError);
      throw error;
    }
    this.#begin();
  }

  /** As of the last settled step, with what is stored behind it. */
  get snapshot(): unknown {
    return this.#settled;
  }

  /** Its delayed transitions. */
  get timers(): readonly PendingTimer[] {
    return this.#interpreter?.pending() ?? [];
  }

  /** How it is now, for people who look at it. */
  report(): CellReport {
    const { mailboxBound } = this.#options.definition;
    return {
      phase: this.#phase,
      mailbox: { depth: this.#waiting, bound: mailboxBound },
      failures: this.#restarts?.recent() ?? [],
      effects: this.#running,
    };
  }

  /** Throws `MailboxFull` or `ActorStopped`; later outcomes go to the delivery's own callbacks. */
  deliver(delivery: Delivery): void {
    const { definition, address, hooks } = this.#options;
    if (this.#phase === 'draining' || this.#phase === 'ended') throw new ActorStopped(address);
    if (this.#waiting >= definition.mailboxBound) {
      const full = new MailboxFull(address, definition.mailboxBound);
      hooks.onRefused(this, full);
      throw full;
    }
    this.#waiting += 1;
    if (hooks.inspecting)
      hooks.inspect(this, 'received', { type: delivery.message.type, cause: delivery.id });
    this.#enqueue({ delivery });
  }

  /** Takes no more messages, finishes those it has, stores what it knows. Does not wait for a store that is away. */
  async stop(): Promise<void> {
    if (this.#phase === 'ended') return;
    this.#phase = 'draining';
    this.#restarts?.hurry();
    this.#persistence?.giveUp();
    this.#pump();
    while (this.#pumping !== undefined) await this.#pumping;
    if (this.#interpreter === undefined || this.#isEnded()) return;
    if (this.#options.definition.hasProjection) {
      await this.#persistence?.save(this.#interpreter, { force: true }).catch(() => undefined);
    }
    this.#end('stopped');
  }

  /** Ends at once, whatever it was about: it is another node's, or may be any moment. */
  abandon(error: GridError): void {
    this.#restarts?.hurry();
    this.#persistence?.giveUp();
    this.#end('stopped', error);
  }

  #begin(): void {
    if (this.#phase === 'starting') this.#phase = 'live';
    this.#pump();
    this.#maybeRest();
  }

  #isEnded(): boolean {
    return this.#phase === 'ended';
  }

  #enqueue(work: Work): void {
    this.#stayAwake();
    this.#queue.push(work);
    if (this.#phase !== 'starting') this.#pump();
  }

  /** Takes work in its order; without a promise where nothing is to be waited for, which is most of the time. */
  #pump(): void {
    if (this.#taking) return;
    this.#taking = true;
    while (this.#pumping === undefined && !this.#isEnded()) {
      const work = this.#queue.shift();
      if (work === undefined) break;
      this.#pumping = this.#take(work)?.finally(() => {
        this.#pumping = undefined;
        this.#cause = undefined;
        this.#handled();
        this.#pump();
      });
      if (this.#pumping === undefined) {
        this.#cause = undefined;
        this.#handled();
      }
    }
    this.#taking = false;
    this.#maybeRest();
  }

  /** With nothing to do and nothing going on, an actor leaves memory when its definition says so. */
  #maybeRest(): void {
    const { definition, clock } = this.#options;
    const { passivation } = definition;
    const idle = this.#phase === 'live' && this.#queue.length === 0 && this.#pumping === undefined;
    if (passivation === undefined || !idle || this.#running > 0 || !passivation.when(this.#settled)) return;
    this.#stayAwake();
    this.#rest = clock.setTimeout(() => {
      const due = this.#interpreter?.pending().map((timer) => timer.dueAt) ?? [];
      if (due.length > 0) this.#dueAt = Math.min(...due);
      this.#end('passivated');
    }, passivation.afterMs);
  }

  #stayAwake(): void {
    if (this.#rest === undefined) return;
    this.#options.clock.clearTimeout(this.#rest);
    this.#rest = undefined;
  }

  #take(work: Work): Promise<void> | undefined {
    if (!this.#owned()) {
      this.#queue.unshift(work);
      this.abandon(new NotOwner(this.address));
      return undefined;
    }
    if ('failure' in work) {
      return work.incarnation === this.#incarnation ? this.#fail(work.failure, work.handling) : undefined;
    }
    const { hooks } = this.#options;
    if ('timer' in work) {
      this.#handling = hooks.handling(this, 'after');
      return this.#step(this.#interpreter!.fire(work.timer), undefined);
    }
    const { delivery } = work;
    this.#waiting -= 1;
    this.#cause = delivery.id;
    this.#handling = hooks.handling(this, delivery.message.type, delivery.trace, delivery.mode);
    if (delivery.command !== undefined && this.#persistence?.applied(delivery.command)) {
      this.#answer(delivery);
      return undefined;
    }
    return this.#step(this.#interpreter!.send(delivery.message), delivery);
  }

  /** What one message, or one delayed transition, brought about: all the way through. */
  #step(effects: readonly Effect[], delivery: Delivery | undefined): Promise<void> | undefined {
    const { address } = this.#options;
    const interpreter = this.#interpreter!;
    const { state } = interpreter;
    if (state.status === 'error') {
      delivery?.reject?.(new ActorFailed(address, state.error));
      return this.#fail(state.error);
    }
    const unstored = delivery?.command !== undefined || !this.#persistence?.holds(interpreter);
    if (this.#persistence !== undefined && unstored) {
      return this.#store(this.#persistence, interpreter, effects, delivery);
    }
    this.#finish(state, effects, delivery);
    return undefined;
  }

  async #store(
    persistence: Persistence,
    interpreter: Interpreter,
    effects: readonly Effect[],
    delivery: Delivery | undefined,
  ): Promise<void> {
    const { address } = this.#options;
    const { state } = interpreter;
    try {
      if (await persistence.save(interpreter, { command: delivery?.command })) this.#inspect('stored', {});
    } catch (error) {
      const lost =
        error instanceof RevisionConflict ||
        (error instanceof GridError && error.retryable) ||
        error instanceof Cancelled;
      delivery?.reject?.(lost ? new ActorStopped(address, error) : new ActorFailed(address, error));
      return lost ? this.#disown(error) : this.#fail(error);
    }
    if (this.#owned()) return this.#finish(state, effects, delivery);
    // It is stored, and the next owner carries its effects out.
    this.#settled = state;
    if (delivery !== undefined) this.#answer(delivery);
    this.abandon(new NotOwner(address));
  }

  #owned(): boolean {
    return this.#options.tenure?.holds() !== false;
  }

  #finish(state: MachineState, effects: readonly Effect[], delivery: Delivery | undefined): void {
    this.#settle(state, effects, delivery);
    if (delivery !== undefined) this.#answer(delivery);
  }

  #answer({ message, command, resolve, reject }: Delivery): void {
    const { definition, address } = this.#options;
    try {
      resolve?.(command === undefined ? definition.answer(this.#settled, message) : undefined);
    } catch (error) {
      reject?.(new ActorFailed(address, error));
    }
  }

  /** What was stored takes effect. */
  #settle(state: MachineState, effects: readonly Effect[], delivery: Delivery | undefined): void {
    const before = this.#settled;
    this.#settled = state;
    if (before !== undefined && before !== state && before.value !== state.value) {
      this.#inspect('transition', { type: delivery?.message.type, from: before.value, to: state.value });
    }
    if (before !== state) this.#guard(this.#incarnation, () => this.#options.hooks.onChange(this));
    const done = state.status !== 'active';
    // What ran for the actor so far ends with it; its last effects do not.
    const current = this.#incarnation;
    if (done) current.end();
    const occasion: Occasion = {
      snapshot: state,
      incarnation: done ? new Incarnation() : current,
      cause: this.#cause,
      trace: this.#handling?.trace,
    };
    for (const effect of effects) {
      this.#inspect('effect', { type: effect.type });
      this.#guard(current, () => this.#options.hooks.onEffect(this, effect, occasion));
    }
    if (done) this.#end('finished');
  }

  /** Runs an effect; its failure, now or later, is the actor's. */
  #guard(incarnation: Incarnation, run: () => void | Promise<void>): void {
    const handling = this.#handling;
    const failed = (failure: unknown) => {
      const { hooks, address } = this.#options;
      if (this.#isEnded())
        hooks.onFailure(this, new ActorFailed(address, failure), 'stopped', handling?.trace);
      else this.#enqueue({ failure, incarnation, handling });
    };
    try {
      const running = run();
      if (!(running instanceof Promise)) return;
      this.#running += 1;
      running.catch(failed).finally(() => {
        this.#running -= 1;
        this.#maybeRest();
      });
    } catch (error) {
      failed(error);
    }
  }

  /** Restarts from what is stored (a volatile actor: from its input), or stops when that happened too often. */
  async #fail(cause: unknown, handling = this.#handling): Promise<void> {
    const { address, definition, clock, hooks } = this.#options;
    const error = new ActorFailed(address, cause);
    this.#restarts ??= new Restarts(definition.restarts, clock);
    const trace = handling?.trace;
    this.#handled(error);
    this.#inspect('failed', { type: error.code });
    this.#abandon();
    if (!this.#restarts.note()) {
      hooks.onFailure(this, error, 'stopped', trace);
      return this.#end('failed', error);
    }
    if (this.#phase === 'live') await this.#restarts.backOff();
    if (this.#isEnded()) return;
    try {
      if (this.#persistence !== undefined) {
        this.#revive(await this.#persistence.load());
        this.#resume();
      } else {
        const interpreter = this.#interpret();
        const effects = interpreter.start(this.#input);
        if (interpreter.state.status === 'error') throw new ActorFailed(address, interpreter.state.error);
        this.#settle(interpreter.state, effects, undefined);
      }
      hooks.onFailure(this, error, 'restarted', trace);
    } catch (restartError) {
      hooks.onFailure(this, restartError as GridError, 'stopped', trace);
      this.#end('failed', restartError as GridError);
    }
  }

  #revive(entry: KeyValueEntry): void {
    const { definition, address } = this.#options;
    const record = decodeRecord(address, entry.value);
    const state = reviveSnapshot(definition, address, record);
    const interpreter = this.#interpret();
    interpreter.resume(state, record.timers ?? []);
    this.#persistence?.adopt(entry, record, interpreter);
    this.#settled = state;
  }

  #resume(): void {
    const incarnation = this.#incarnation;
    const occasion = { snapshot: this.#settled, incarnation, cause: undefined, trace: undefined };
    this.#guard(incarnation, () => this.#options.hooks.onResume(this, occasion));
  }

  /** Someone else wrote our snapshot, or the store is away while we stop. */
  #disown(error: GridError): void {
    const trace = this.#handling?.trace;
    this.#handled(error);
    const { hooks, address } = this.#options;
    const taken = error instanceof RevisionConflict;
    if (taken) hooks.onFailure(this, error, 'stopped', trace);
    // Messages that still wait were not handled: in a cluster they find the owner.
    this.#end('stopped', taken ? new NotOwner(address) : new ActorStopped(address, error));
  }

  /** Ends what is measured of a message: once, with the error if there was one. */
  #handled(error?: GridError): void {
    this.#handling?.end(error);
    this.#handling = undefined;
  }

  #interpret(): Interpreter {
    const { definition, clock } = this.#options;
    this.#incarnation = new Incarnation();
    const interpreter = new Interpreter({
      machine: definition.machine,
      clock,
      onDue: (timer) => this.#interpreter === interpreter && this.#enqueue({ timer }),
    });
    this.#interpreter = interpreter;
    return interpreter;
  }

  #abandon(): void {
    this.#incarnation.end();
    this.#interpreter?.stop();
    this.#interpreter = undefined;
  }

  #end(reason: CellEnd, error?: GridError): void {
    if (this.#isEnded()) return;
    this.#phase = 'ended';
    this.#stayAwake();
    this.#abandon();
    const { hooks, address } = this.#options;
    for (const work of this.#queue.splice(0)) {
      if ('delivery' in work) this.#refuse(work.delivery, reason, error ?? new ActorStopped(address));
    }
    this.#inspect('stopped', { type: reason });
    hooks.onEnd(this, reason, error);
  }

  /** A finished actor still answers; any other end refuses what waits. */
  #refuse(delivery: Delivery, reason: CellEnd, error: GridError): void {
    if (reason === 'finished') this.#answer(delivery);
    else delivery.reject?.(error);
  }

  #inspect(
    kind: InspectionKind,
    details: { readonly type?: string | undefined; readonly from?: unknown; readonly to?: unknown },
  ): void {
    const { hooks } = this.#options;
    if (!hooks.inspecting) return;
    const { type, from, to } = details;
    hooks.inspect(this, kind, {
      ...(type !== undefined && { type }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(this.#cause !== undefined && { cause: this.#cause }),
    });
  }
}
