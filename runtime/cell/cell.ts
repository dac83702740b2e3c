/** One live actor: takes one message at a time, stores what came of it, then lets effects and the answer out. */
import { type AnyStateMachine, createActor, type Actor as XStateActor } from 'xstate';
import type { Address } from '../address.ts';
import type { Clock } from '../clock.ts';
import { ActorFailed, ActorStopped, Cancelled, GridError, MailboxFull, RevisionConflict } from '../errors.ts';
import type { KeyValue, KeyValueEntry } from '../store/mod.ts';
import type { ActorMessage, AnyActorDefinition } from './definition.ts';
import { Incarnation } from './incarnation.ts';
import type { InspectionKind, InspectionRecord } from './inspection.ts';
import { type MachineState, Persistence } from './persistence.ts';
import { decodeRecord, reviveActor } from './record.ts';

/** What an effect, or the resumption of an actor, is carried out with. */
export interface Occasion {
  readonly snapshot: unknown;
  readonly incarnation: Incarnation;
  /** Id of the message that brought it about. */
  readonly cause: string | undefined;
}

/** `passivated`: out of memory until its next message. */
export type CellEnd = 'finished' | 'failed' | 'stopped' | 'passivated';

/** What the system does for the cells of a kind. */
export interface CellHooks {
  /** The cell's snapshot is another one now, and stored. */
  onChange(cell: Cell): void;
  onEffect(cell: Cell, effect: { readonly type: string }, occasion: Occasion): void | Promise<void>;
  onResume(cell: Cell, occasion: Occasion): void | Promise<void>;
  onFailure(cell: Cell, error: GridError, outcome: 'restarted' | 'stopped'): void;
  /** The cell is over: in a final state, failed for good, stopped on request or as not the owner, or at rest. */
  onEnd(cell: Cell, reason: CellEnd, error?: GridError): void;
  /** False while nobody watches: records are not even made. */
  readonly inspecting: boolean;
  inspect(
    cell: Cell,
    kind: InspectionKind,
    details: Pick<InspectionRecord, 'type' | 'from' | 'to' | 'cause'>,
  ): void;
}

export interface CellOptions {
  readonly definition: AnyActorDefinition;
  readonly address: Address;
  readonly key: string;
  readonly store: KeyValue;
  readonly clock: Clock;
  readonly writer: string;
  readonly hooks: CellHooks;
}

export interface Delivery {
  readonly message: ActorMessage;
  readonly id: string;
  readonly resolve?: (answer: unknown) => void;
  readonly reject?: (error: GridError) => void;
}

/** Work for the pump: a message, a transition that a timer of the machine made, or a failed effect. */
type Work =
  | { readonly delivery: Delivery }
  | 'settle'
  | { readonly failure: unknown; readonly incarnation: Incarnation };

export class Cell {
  readonly #options: CellOptions;
  readonly #persistence: Persistence | undefined;
  readonly #queue: Work[] = [];
  #waiting = 0;
  #actor: XStateActor<AnyStateMachine> | undefined;
  /** The machine's snapshot after the last settled step. */
  #settled: MachineState | undefined;
  #effects: { readonly type: string }[] = [];
  #incarnation = new Incarnation();
  #input: unknown;
  #phase: 'starting' | 'live' | 'draining' | 'ended' = 'starting';
  #pumping: Promise<void> | undefined;
  #stepping = false;
  #failures: number[] = [];
  /** Effects that have not come to their end. */
  #running = 0;
  #rest: unknown;

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

  /** A new actor: stored when this resolves. Throws `ActorExists`, `ActorFailed`, or what the store throws. */
  async create(input: unknown): Promise<void> {
    const { definition, address, clock, hooks } = this.#options;
    this.#input = input;
    try {
      this.#stepping = true;
      const snapshot = definition.start(input);
      const first = snapshot === undefined ? { input } : { snapshot };
      const actor = this.#follow(createActor(definition.machine, { ...first, clock }));
      this.#stepping = false;
      const state = stateOf(actor);
      if (state.status === 'error') throw new ActorFailed(address, errorOf(actor));
      const effects = this.#takeEffects();
      await this.#persistence?.create(state, actor.getPersistedSnapshot());
      if (hooks.inspecting) hooks.inspect(this, 'created', { to: state.value });
      this.#settle(state, effects, undefined);
      if (snapshot !== undefined) this.#resume();
    } catch (error) {
      this.#end('stopped', error as GridError);
      throw error;
    }
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

  /** Throws `MailboxFull` or `ActorStopped`; later outcomes go to the delivery's own callbacks. */
  deliver(delivery: Delivery): void {
    const { definition, address, hooks } = this.#options;
    if (this.#phase === 'draining' || this.#phase === 'ended') throw new ActorStopped(address);
    if (this.#waiting >= definition.mailboxBound) throw new MailboxFull(address, definition.mailboxBound);
    this.#waiting += 1;
    if (hooks.inspecting)
      hooks.inspect(this, 'received', { type: delivery.message.type, cause: delivery.id });
    this.#enqueue({ delivery });
  }

  /** Takes no more messages, finishes those it has, stores what it knows. Does not wait for a store that is away. */
  async stop(): Promise<void> {
    if (this.#phase === 'ended') return;
    this.#phase = 'draining';
    this.#persistence?.giveUp();
    this.#pump();
    await this.#pumping;
    if (this.#actor === undefined || this.#isEnded()) return;
    const actor = this.#actor;
    if (this.#options.definition.hasProjection) {
      await this.#persistence
        ?.save(stateOf(actor), () => actor.getPersistedSnapshot(), { force: true })
        .catch(() => undefined);
    }
    this.#end('stopped');
  }

  #begin(): void {
    if (this.#phase === 'starting') this.#phase = 'live';
    // A timer of the machine may have fired while the first snapshot was being stored.
    if (this.#actor !== undefined && stateOf(this.#actor) !== this.#settled) this.#queue.unshift('settle');
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

  #pump(): void {
    if (this.#pumping !== undefined || this.#queue.length === 0) return;
    this.#pumping = this.#work().finally(() => {
      this.#pumping = undefined;
      if (this.#isEnded()) return;
      this.#pump();
      this.#maybeRest();
    });
  }

  /** With nothing to do and nothing going on, an actor leaves memory when its definition says so. */
  #maybeRest(): void {
    const { definition, clock } = this.#options;
    const { passivation } = definition;
    const idle = this.#phase === 'live' && this.#queue.length === 0 && this.#pumping === undefined;
    if (passivation === undefined || !idle || this.#running > 0 || !passivation.when(this.#settled)) return;
    this.#stayAwake();
    this.#rest = clock.setTimeout(() => this.#end('passivated'), passivation.afterMs);
  }

  #stayAwake(): void {
    if (this.#rest === undefined) return;
    this.#options.clock.clearTimeout(this.#rest);
    this.#rest = undefined;
  }

  async #work(): Promise<void> {
    while (!this.#isEnded()) {
      const work = this.#queue.shift();
      if (work === undefined) return;
      if (work === 'settle') await this.#step(undefined);
      else if ('delivery' in work) {
        this.#waiting -= 1;
        await this.#step(work.delivery);
      } else if (work.incarnation === this.#incarnation) await this.#fail(work.failure);
    }
  }

  /** One message (or one transition made by a timer), all the way through. */
  async #step(delivery: Delivery | undefined): Promise<void> {
    const { address } = this.#options;
    const actor = this.#actor!;
    if (delivery !== undefined) {
      this.#stepping = true;
      actor.send(delivery.message);
      this.#stepping = false;
    }
    const state = stateOf(actor);
    if (state.status === 'error') {
      const cause = errorOf(actor);
      delivery?.reject?.(new ActorFailed(address, cause));
      return this.#fail(cause);
    }
    const effects = this.#takeEffects();
    try {
      if (state !== this.#settled && this.#persistence !== undefined) {
        const stored = await this.#persistence.save(state, () => actor.getPersistedSnapshot());
        if (stored) this.#inspect('stored', {}, delivery);
      }
    } catch (error) {
      const lost =
        error instanceof RevisionConflict ||
        (error instanceof GridError && error.retryable) ||
        error instanceof Cancelled;
      delivery?.reject?.(lost ? new ActorStopped(address, error) : new ActorFailed(address, error));
      return lost ? this.#disown(error) : this.#fail(error);
    }
    this.#settle(state, effects, delivery);
    if (delivery !== undefined) this.#answer(delivery);
  }

  #answer({ message, resolve, reject }: Delivery): void {
    const { definition, address } = this.#options;
    try {
      resolve?.(definition.answer(this.#settled, message));
    } catch (error) {
      reject?.(new ActorFailed(address, error));
    }
  }

  /** What was stored takes effect. */
  #settle(
    state: MachineState,
    effects: readonly { readonly type: string }[],
    delivery: Delivery | undefined,
  ): void {
    const before = this.#settled;
    this.#settled = state;
    if (before !== undefined && before !== state && before.value !== state.value) {
      this.#inspect(
        'transition',
        { type: delivery?.message.type, from: before.value, to: state.value },
        delivery,
      );
    }
    if (before !== state) this.#guard(this.#incarnation, () => this.#options.hooks.onChange(this));
    const done = state.status !== 'active';
    // What ran for the actor so far ends with it; its last effects do not.
    const current = this.#incarnation;
    if (done) current.end();
    const occasion: Occasion = {
      snapshot: state,
      incarnation: done ? new Incarnation() : current,
      cause: delivery?.id,
    };
    for (const effect of effects) {
      this.#inspect('effect', { type: effect.type }, delivery);
      this.#guard(current, () => this.#options.hooks.onEffect(this, effect, occasion));
    }
    if (done) this.#end('finished');
  }

  /** Runs an effect; its failure, now or later, is the actor's. */
  #guard(incarnation: Incarnation, run: () => void | Promise<void>): void {
    const failed = (failure: unknown) => {
      const { hooks, address } = this.#options;
      if (this.#isEnded()) hooks.onFailure(this, new ActorFailed(address, failure), 'stopped');
      else this.#enqueue({ failure, incarnation });
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
  async #fail(cause: unknown): Promise<void> {
    const { address, definition, clock, hooks } = this.#options;
    const error = new ActorFailed(address, cause);
    this.#inspect('failed', { type: error.code }, undefined);
    const { limit, withinMs } = definition.restarts;
    const now = clock.now();
    this.#failures = [...this.#failures.filter((at) => at > now - withinMs), now];
    this.#abandon();
    if (this.#failures.length > limit) {
      hooks.onFailure(this, error, 'stopped');
      return this.#end('failed', error);
    }
    try {
      if (this.#persistence !== undefined) {
        this.#revive(await this.#persistence.load());
        this.#resume();
      } else {
        this.#stepping = true;
        const actor = this.#follow(createActor(definition.machine, { input: this.#input, clock }));
        this.#stepping = false;
        this.#settle(stateOf(actor), this.#takeEffects(), undefined);
      }
      hooks.onFailure(this, error, 'restarted');
    } catch (restartError) {
      hooks.onFailure(this, restartError as GridError, 'stopped');
      this.#end('failed', restartError as GridError);
    }
  }

  #revive(entry: KeyValueEntry): void {
    const { definition, address, clock } = this.#options;
    const record = decodeRecord(address, entry.value);
    const actor = this.#follow(reviveActor(definition, address, record, { clock }));
    const state = stateOf(actor);
    this.#effects = [];
    this.#persistence?.adopt(entry, state, () => actor.getPersistedSnapshot());
    this.#settled = state;
  }

  #resume(): void {
    const incarnation = this.#incarnation;
    const occasion = { snapshot: this.#settled, incarnation, cause: undefined };
    this.#guard(incarnation, () => this.#options.hooks.onResume(this, occasion));
  }

  /** Someone else wrote our snapshot, or the store is away while we stop. */
  #disown(error: GridError): void {
    if (error instanceof RevisionConflict) this.#options.hooks.onFailure(this, error, 'stopped');
    this.#end('stopped', error);
  }

  /** Starts an XState actor and listens to it. */
  #follow(actor: XStateActor<AnyStateMachine>): XStateActor<AnyStateMachine> {
    this.#incarnation = new Incarnation();
    this.#effects = [];
    this.#actor = actor;
    actor.on('*', (effect: { readonly type: string }) => this.#effects.push(effect));
    const noticed = () => {
      // A transition that no message of ours made: one of the machine's own timers.
      if (!this.#stepping && this.#actor === actor && this.#phase !== 'starting') this.#enqueue('settle');
    };
    // Without an observer of errors XState would throw them into the void and end the process.
    let started = false;
    actor.subscribe({ next: () => started && noticed(), error: () => started && noticed() });
    actor.start();
    started = true;
    return actor;
  }

  #takeEffects(): readonly { readonly type: string }[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #abandon(): void {
    this.#incarnation.end();
    const actor = this.#actor;
    this.#actor = undefined;
    actor?.stop();
  }

  #end(reason: CellEnd, error?: GridError): void {
    if (this.#isEnded()) return;
    this.#phase = 'ended';
    this.#stayAwake();
    this.#abandon();
    const { hooks, address } = this.#options;
    for (const work of this.#queue.splice(0)) {
      if (work !== 'settle' && 'delivery' in work)
        this.#refuse(work.delivery, reason, error ?? new ActorStopped(address));
    }
    this.#inspect('stopped', { type: reason }, undefined);
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
    delivery: Delivery | undefined,
  ): void {
    const { hooks } = this.#options;
    if (!hooks.inspecting) return;
    const { type, from, to } = details;
    hooks.inspect(this, kind, {
      ...(type !== undefined && { type }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(delivery !== undefined && { cause: delivery.id }),
    });
  }
}

function stateOf(actor: XStateActor<AnyStateMachine>): MachineState {
  return actor.getSnapshot();
}

function errorOf(actor: XStateActor<AnyStateMachine>): unknown {
  return actor.getSnapshot().error;
}
