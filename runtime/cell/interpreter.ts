/**
 * Runs one flat XState machine through its logic interface. XState's own `createActor` would add a system, a mailbox and
 * some forty closures to each actor, all of which the cell has its own of, and timers that end with the process.
 */
import type { AnyActorScope, AnyStateMachine, EventObject } from 'xstate';
import { z } from 'zod';
import { setAlarm } from '../alarm.ts';
import type { Clock } from '../clock.ts';
import type { MachineState } from './machine-state.ts';
import { takeStationary } from './stationary.ts';

export interface Effect {
  readonly type: string;
}

/** A delayed transition (`after`, `raise` with a delay) as plain values, so that it outlives the process. */
export interface PendingTimer {
  /** XState's, by which leaving the state cancels it. */
  readonly id: string;
  readonly event: EventObject;
  /** Milliseconds since the epoch. */
  readonly dueAt: number;
}

export const pendingTimer = z.object({
  id: z.string(),
  event: z.looseObject({ type: z.string() }),
  dueAt: z.number(),
});

export interface InterpreterOptions {
  readonly machine: AnyStateMachine;
  readonly clock: Clock;
  /** A delayed transition is due: `fire` it in its turn. */
  readonly onDue: (timerId: string) => void;
}

interface Timer extends PendingTimer {
  readonly cancel: () => void;
}

export class Interpreter {
  readonly #options: InterpreterOptions;
  #state: MachineState | undefined;
  /** Most actors never have one. */
  #timers: Map<string, Timer> | undefined;

  constructor(options: InterpreterOptions) {
    this.#options = options;
  }

  /** Where `status` is `error`, `error` is what was thrown. */
  get state(): MachineState {
    return this.#state!;
  }

  /** Enters the machine's initial state; what it emitted. */
  start(input: unknown): readonly Effect[] {
    return this.#run((scope) => this.#options.machine.getInitialSnapshot(scope, input));
  }

  /** Goes on from a snapshot. Its timers are set again; those that are overdue are due at once. */
  resume(state: MachineState, timers: readonly PendingTimer[]): void {
    this.#state = state;
    for (const { id, event, dueAt } of timers) this.#set(id, event, dueAt);
  }

  /** Takes one event all the way; what it emitted. */
  send(event: EventObject): readonly Effect[] {
    const { machine } = this.#options;
    return this.#run(
      (scope) =>
        takeStationary(machine, this.#state!, event, scope) ??
        machine.transition(this.#state as never, event, scope),
    );
  }

  /** Takes a delayed transition that is due; nothing if it was cancelled meanwhile. */
  fire(timerId: string): readonly Effect[] {
    const timer = this.#timers?.get(timerId);
    if (timer === undefined) return [];
    this.#timers?.delete(timerId);
    return this.send(timer.event);
  }

  pending(): readonly PendingTimer[] {
    if (this.#timers === undefined) return [];
    return [...this.#timers.values()].map(({ id, event, dueAt }) => ({ id, event, dueAt }));
  }

  /** The snapshot as plain values. */
  persisted(): unknown {
    return this.#options.machine.getPersistedSnapshot(this.#state as never);
  }

  /** Clears its timers. */
  stop(): void {
    for (const { cancel } of this.#timers?.values() ?? []) cancel();
    this.#timers = undefined;
  }

  #run(step: (scope: AnyActorScope) => unknown): readonly Effect[] {
    const outer = current;
    const own: Run = { interpreter: this, deferred: [], effects: [] };
    current = own;
    try {
      this.#state = step(Interpreter.#scope) as MachineState;
      // What is deferred may defer more.
      for (const deferred of own.deferred) deferred();
    } catch (error) {
      this.#state = { ...this.#state!, status: 'error', error };
    } finally {
      current = outer;
    }
    return own.effects;
  }

  #set(id: string, event: EventObject, dueAt: number): void {
    const { clock, onDue } = this.#options;
    this.#cancel(id);
    this.#timers ??= new Map();
    const cancel = setAlarm(clock, dueAt, () => onDue(id));
    this.#timers.set(id, { id, event, dueAt, cancel });
  }

  #cancel(id: string): void {
    this.#timers?.get(id)?.cancel();
    this.#timers?.delete(id);
  }

  /** What a machine may ask of the actor that runs it; shared, because a transition is one synchronous step. */
  static readonly #scope = {
    self: { id: 'actor', sessionId: 'actor' },
    id: 'actor',
    sessionId: 'actor',
    logger: console.log,
    defer: (run: () => void) => void current?.deferred.push(run),
    emit: (event: Effect) => void current?.effects.push(event),
    stopChild: () => {},
    actionExecutor: ({ exec, info, params }: Action) => exec?.(info, params),
    system: {
      scheduler: {
        schedule: (_source: unknown, _target: unknown, event: EventObject, delay: number, id?: string) => {
          const actor = current?.interpreter;
          if (actor === undefined) return;
          actor.#set(id ?? crypto.randomUUID(), event, actor.#options.clock.now() + delay);
        },
        cancel: (_source: unknown, id: string) => {
          const actor = current?.interpreter;
          if (actor !== undefined) actor.#cancel(id);
        },
        cancelAll: () => current?.interpreter.stop(),
      },
      _sendInspectionEvent: () => {},
    },
    // No children, no parent, no inspection of XState's own: definitions are flat.
  } as unknown as AnyActorScope;
}

/** A snapshot of the machine from its persisted form. Throws what XState throws of a state that does not exist. */
export function restoreState(machine: AnyStateMachine, persisted: unknown): MachineState {
  return machine.restoreSnapshot(persisted as never, { self: undefined } as unknown as AnyActorScope);
}

interface Run {
  readonly interpreter: Interpreter;
  readonly deferred: (() => void)[];
  readonly effects: Effect[];
}

interface Action {
  readonly exec?: (info: unknown, params: unknown) => void;
  readonly info: unknown;
  readonly params: unknown;
}

/** The step that is being taken. */
let current: Run | undefined;
