/** The actors of one node: finds or wakes the one a message is for, here or elsewhere, and lets it act. */
import { type Address, actorSubject, addressOf } from '../address.ts';
import { setAlarm } from '../alarm.ts';
import {
  type ActorMessage,
  type AnyActorDefinition,
  actorKey,
  Cell,
  type CellHooks,
  decodeRecord,
  type InspectionRecord,
  type Occasion,
  reviveSnapshot,
  storeKey,
} from '../cell/mod.ts';
import { type Clock, systemClock } from '../clock.ts';
import { checkEnvelope, type Envelope, malformed } from '../envelope.ts';
import {
  ActorExists,
  Cancelled,
  DeadlineExceeded,
  GridError,
  MalformedMessage,
  NoSuchActor,
  TransportClosed,
  UnknownKind,
} from '../errors.ts';
import type { KeyValueEntry } from '../store/mod.ts';
import { createMux, type Mux, type Subscription } from '../transport/mod.ts';
import type {
  ActorBehaviour,
  ActorContext,
  ActorDescription,
  ActorRef,
  ActorSystem,
  ActorSystemOptions,
  AskOptions,
  FailureReport,
  ResumeReport,
} from './port.ts';

export function createActorSystem(options: ActorSystemOptions): ActorSystem {
  return new NodeSystem(options) as ActorSystem;
}

interface Registration {
  readonly definition: AnyActorDefinition;
  readonly hooks: CellHooks;
  readonly subscription: Subscription;
}

/** A resting actor whose delayed transition is due while the store is away is woken this much later, ms. */
const WAKE_AGAIN = 1_000;

/** A live cell, or the snapshot of an actor that has finished. */
type Found = Cell | { readonly finished: unknown };

class NodeSystem {
  readonly node: string;
  readonly mux: Mux;
  readonly #options: ActorSystemOptions;
  readonly #clock: Clock;
  /** Unique for this start of this node. */
  readonly #incarnation: string;
  readonly #kinds = new Map<string, Registration>();
  readonly #cells = new Map<Address, Cell>();
  readonly #waking = new Map<Address, Promise<Found>>();
  /** Actors that left memory at rest: stored, and no effect of theirs is due. */
  readonly #resting = new Set<Address>();
  /** Timers that wake resting actors for their delayed transitions. */
  readonly #alarms = new Map<Address, () => void>();
  /** Actors that failed too often: asked again, they fail at once until the system restarts. */
  readonly #halted = new Map<Address, GridError>();
  readonly #watchers = new Set<(record: InspectionRecord) => void>();
  #serial = 0;
  /** Of the effect that is being carried out right now. */
  #cause: string | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: ActorSystemOptions) {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(options.node)) {
      throw new MalformedMessage('node name is malformed', {
        field: 'node',
        hint: '1 to 64 of A-Z, a-z, 0-9, _ and -',
      });
    }
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.node = options.node;
    this.#incarnation = `${options.node}-${crypto.randomUUID().slice(0, 8)}`;
    this.mux = createMux(options.transport, {
      clock: this.#clock,
      direct: `shadowgrid.node.${this.#incarnation}`,
    });
  }

  register(definition: AnyActorDefinition, behaviour: ActorBehaviour = {}): void {
    this.#refuseWhenStopping();
    const { kind } = definition;
    if (this.#kinds.has(kind)) throw new ActorExists(`${kind}/*`);
    const subscription = this.mux.serve(
      `shadowgrid.actor.${kind}.*`,
      (body, { subject }) => this.#receive(body, subject),
      { direct: true },
    );
    this.#kinds.set(kind, { definition, hooks: this.#hooks(definition, behaviour), subscription });
  }

  async spawn(definition: AnyActorDefinition, key: string, input?: unknown): Promise<ActorRef> {
    this.#refuseWhenStopping();
    const address = addressOf(definition.kind, key);
    const taken = this.#cells.has(address) || this.#waking.has(address) || this.#resting.has(address);
    if (taken) throw new ActorExists(address);
    await this.#newCell(this.#registration(definition.kind), address, key).create(input, this.#cause);
    return this.ref(definition, key);
  }

  async resume(definition: AnyActorDefinition): Promise<ResumeReport> {
    const registration = this.#registration(definition.kind);
    const resumed: string[] = [];
    const finished: string[] = [];
    const parked: { key: string; error: GridError }[] = [];
    for (const entry of await this.#options.store.entries(storeKey(definition.kind, '*'))) {
      const key = actorKey(entry.key);
      const address = addressOf(definition.kind, key);
      if (this.#cells.has(address) || this.#resting.has(address)) continue;
      try {
        const found = this.#revive(registration, address, key, entry);
        (found instanceof Cell ? resumed : finished).push(key);
      } catch (error) {
        parked.push({ key, error: error as GridError });
      }
    }
    return { resumed, finished, parked };
  }

  ref(definition: AnyActorDefinition, key: string): ActorRef {
    const address = addressOf(definition.kind, key);
    return {
      address,
      tell: (message, options = {}) => {
        const told = this.#send(definition, address, key, message, 'tell', options) as Promise<void>;
        told.catch((error) => this.#report({ address, error: asGridError(error), outcome: 'undelivered' }));
        return told;
      },
      ask: (message, options = {}) =>
        this.#send(definition, address, key, message, 'ask', options) as Promise<never>,
    };
  }

  snapshot(definition: AnyActorDefinition, key: string): unknown {
    return this.#cells.get(addressOf(definition.kind, key))?.snapshot;
  }

  actors(definition: AnyActorDefinition): string[] {
    const prefix = `${definition.kind}/`;
    return [...this.#cells.keys()]
      .filter((address) => address.startsWith(prefix))
      .map((a) => a.slice(prefix.length));
  }

  async stored(definition: AnyActorDefinition): Promise<{ key: string; snapshot: unknown }[]> {
    const found = new Map<string, unknown>();
    if (definition.durability === 'durable') {
      for (const entry of await this.#options.store.entries(storeKey(definition.kind, '*'))) {
        const key = actorKey(entry.key);
        const address = addressOf(definition.kind, key);
        if (this.#cells.has(address)) continue;
        try {
          found.set(key, reviveSnapshot(definition, address, decodeRecord(address, entry.value)));
        } catch {
          // Parked: `resume` has reported it.
        }
      }
    }
    for (const key of this.actors(definition)) found.set(key, this.snapshot(definition, key));
    return [...found]
      .filter(([, snapshot]) => snapshot !== undefined)
      .map(([key, snapshot]) => ({ key, snapshot }));
  }

  definitions(): AnyActorDefinition[] {
    return [...this.#kinds.values()].map(({ definition }) => definition);
  }

  async keys(definition: AnyActorDefinition): Promise<string[]> {
    const keys = new Set(this.actors(definition));
    if (definition.durability === 'durable') {
      for (const stored of await this.#options.store.keys(storeKey(definition.kind, '*'))) {
        keys.add(actorKey(stored));
      }
    }
    return [...keys].sort();
  }

  async describe(definition: AnyActorDefinition, key: string): Promise<ActorDescription | undefined> {
    const address = addressOf(definition.kind, key);
    const cell = this.#cells.get(address);
    if (cell !== undefined) {
      const snapshot = cell.snapshot as ActorDescription['snapshot'];
      return { address, standing: 'live', snapshot, timers: cell.timers, cell: cell.report() };
    }
    const error = this.#halted.get(address);
    const halted = error && { address, standing: 'halted' as const, snapshot: undefined, timers: [], error };
    if (definition.durability === 'volatile') return halted;
    const entry = await this.#options.store.get(storeKey(definition.kind, key));
    if (entry === undefined) return halted;
    try {
      const record = decodeRecord(address, entry.value);
      const snapshot = reviveSnapshot(definition, address, record);
      if (halted !== undefined) return { ...halted, snapshot };
      const standing = record.status === 'done' ? 'finished' : 'resting';
      return { address, standing, snapshot, timers: record.timers ?? [] };
    } catch (unreadable) {
      return { address, standing: 'parked', snapshot: undefined, timers: [], error: asGridError(unreadable) };
    }
  }

  async remove(definition: AnyActorDefinition, key: string): Promise<void> {
    const address = addressOf(definition.kind, key);
    await this.#cells.get(address)?.stop();
    this.#halted.delete(address);
    this.#arise(address);
    if (definition.durability === 'durable') await this.#options.store.delete(storeKey(definition.kind, key));
  }

  inspect(listener: (record: InspectionRecord) => void): () => void {
    this.#watchers.add(listener);
    return () => void this.#watchers.delete(listener);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    for (const { subscription } of this.#kinds.values()) subscription.unsubscribe();
    await Promise.allSettled(this.#waking.values());
    await Promise.all([...this.#cells.values()].map((cell) => cell.stop()));
    for (const address of [...this.#alarms.keys()]) this.#arise(address);
    await this.mux.close();
  }

  /** A message from another node. A promise only where there is something to wait for. */
  #receive(body: unknown, subject: string): unknown {
    const envelope = checkEnvelope(body);
    if (actorSubject(envelope.to) !== subject) {
      throw new MalformedMessage(`envelope: to: ${envelope.to} is not who ${subject} reaches`, {
        field: 'to',
      });
    }
    const { deadline } = envelope;
    if (deadline !== undefined && deadline < this.#clock.now()) {
      throw new DeadlineExceeded(`message ${envelope.id} to ${envelope.to}`, 0);
    }
    const slash = envelope.to.indexOf('/');
    const kind = envelope.to.slice(0, slash);
    const key = envelope.to.slice(slash + 1);
    const message = { ...envelope.body, type: envelope.type };
    return this.#deliver(
      this.#registration(kind),
      envelope.to,
      key,
      message,
      envelope.mode,
      envelope.cause ?? envelope.id,
    );
  }

  /** A message from this node, to an actor here or elsewhere. */
  #send(
    definition: AnyActorDefinition,
    address: Address,
    key: string,
    message: ActorMessage,
    mode: 'ask' | 'tell',
    options: AskOptions,
  ): Promise<unknown> {
    const id = this.#nextId();
    // What an effect sends before it first waits for something is brought about by what brought the effect about.
    const { deadlineMs = 5_000, signal, cause = this.#cause } = options;
    const registration = this.#kinds.get(definition.kind);
    if (registration !== undefined) {
      const deliver = async () => this.#deliver(registration, address, key, message, mode, cause ?? id);
      const delivered = deliver();
      return mode === 'tell' ? delivered : this.#within(delivered, address, deadlineMs, signal);
    }
    const { type, ...body } = message;
    const envelope: Envelope = {
      v: 1,
      id,
      to: address,
      from: this.node,
      type,
      body,
      mode,
      deadline: this.#clock.now() + deadlineMs,
      ...(cause !== undefined && { cause }),
    };
    return this.mux.request(actorSubject(address), envelope, {
      deadlineMs,
      ...(signal !== undefined && { signal }),
    });
  }

  #deliver(
    registration: Registration,
    address: Address,
    key: string,
    message: ActorMessage,
    mode: 'ask' | 'tell',
    id: string,
  ): unknown {
    const { definition } = registration;
    const checked = definition.message.safeParse(message);
    if (!checked.success) throw malformed(`message to ${address}`, checked.error);
    const take = (found: Found) => {
      if (!(found instanceof Cell))
        return mode === 'tell' ? undefined : definition.answer(found.finished, checked.data);
      if (mode === 'tell') return found.deliver({ message: checked.data, id });
      return new Promise((resolve, reject) => found.deliver({ message: checked.data, id, resolve, reject }));
    };
    const cell = this.#cells.get(address);
    return cell === undefined ? this.#wake(registration, address, key).then(take) : take(cell);
  }

  /** The actor, from the store, by its first message. */
  #wake(registration: Registration, address: Address, key: string): Promise<Found> {
    const halted = this.#halted.get(address);
    if (halted !== undefined) return Promise.reject(halted);
    if (registration.definition.durability === 'volatile') return Promise.reject(new NoSuchActor(address));
    const running = this.#waking.get(address);
    if (running !== undefined) return running;
    this.#refuseWhenStopping();
    const waking = (async () => {
      const entry = await this.#options.store.get(storeKey(registration.definition.kind, key));
      if (entry === undefined) throw new NoSuchActor(address);
      return this.#cells.get(address) ?? this.#revive(registration, address, key, entry);
    })().finally(() => this.#waking.delete(address));
    this.#waking.set(address, waking);
    return waking;
  }

  #revive(registration: Registration, address: Address, key: string, entry: KeyValueEntry): Found {
    const record = decodeRecord(address, entry.value);
    if (record.status === 'done') {
      return { finished: reviveSnapshot(registration.definition, address, record) };
    }
    const cell = this.#newCell(registration, address, key);
    cell.restore(entry, this.#arise(address) ? 'at rest' : 'interrupted');
    return cell;
  }

  #layToRest({ address, key, dueAt }: Cell, kind: string): void {
    this.#resting.add(address);
    if (dueAt !== undefined) this.#wakeAt(dueAt, kind, address, key);
  }

  #wakeAt(at: number, kind: string, address: Address, key: string): void {
    const wake = () => {
      if (this.#stopping !== undefined || !this.#resting.has(address)) return;
      this.#wake(this.#registration(kind), address, key).catch((error) => {
        if (asGridError(error).retryable)
          return this.#wakeAt(this.#clock.now() + WAKE_AGAIN, kind, address, key);
        this.#report({ address, error: asGridError(error), outcome: 'undelivered' });
      });
    };
    this.#alarms.set(address, setAlarm(this.#clock, at, wake));
  }

  /** True if the actor was at rest. */
  #arise(address: Address): boolean {
    this.#alarms.get(address)?.();
    this.#alarms.delete(address);
    return this.#resting.delete(address);
  }

  #newCell({ definition, hooks }: Registration, address: Address, key: string): Cell {
    const { store } = this.#options;
    const writer = this.#incarnation;
    const cell = new Cell({ definition, address, key, store, clock: this.#clock, writer, hooks });
    this.#cells.set(address, cell);
    return cell;
  }

  #hooks(definition: AnyActorDefinition, behaviour: ActorBehaviour): CellHooks {
    const system = this as unknown as ActorSystem;
    const watchers = this.#watchers;
    const contextOf = ({ key }: Cell, { snapshot, incarnation, cause }: Occasion): ActorContext => ({
      self: this.ref(definition, key),
      key,
      system,
      snapshot: snapshot as never,
      get signal() {
        return incarnation.signal;
      },
      ...(cause !== undefined && { cause }),
    });
    return {
      onChange: ({ key, snapshot }) => behaviour.onChange?.(snapshot as never, { key, system }),
      onEffect: (cell, effect, occasion) => {
        // Another actor's effect may be what this one runs within.
        const outer = this.#cause;
        this.#cause = occasion.cause;
        try {
          return behaviour.onEffect?.(effect as never, contextOf(cell, occasion));
        } finally {
          this.#cause = outer;
        }
      },
      onResume: (cell, occasion) =>
        behaviour.onResume?.(occasion.snapshot as never, contextOf(cell, occasion)),
      onFailure: ({ address }, error, outcome) => this.#report({ address, error, outcome }),
      onEnd: (cell, reason, error) => {
        const { address } = cell;
        if (this.#cells.get(address) === cell) this.#cells.delete(address);
        if (reason === 'passivated') this.#layToRest(cell, definition.kind);
        if (reason === 'failed' && error !== undefined) this.#halted.set(address, error);
      },
      get inspecting() {
        return watchers.size > 0;
      },
      inspect: ({ address }, kind, details) => {
        const record = { id: this.#nextId(), address, t: this.#clock.now(), kind, ...details };
        for (const watcher of watchers) watcher(record);
      },
    };
  }

  #within<T>(promise: Promise<T>, address: Address, deadlineMs: number, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const abort = () => settle(() => reject(new Cancelled(`ask ${address}`, signal?.reason)));
      const timer = this.#clock.setTimeout(
        () => settle(() => reject(new DeadlineExceeded(`ask ${address}`, deadlineMs))),
        deadlineMs,
      );
      const settle = (outcome: () => void) => {
        this.#clock.clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        outcome();
      };
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      promise.then(
        (value) => settle(() => resolve(value)),
        (error) => settle(() => reject(error)),
      );
    });
  }

  #registration(kind: string): Registration {
    const registration = this.#kinds.get(kind);
    if (registration === undefined) throw new UnknownKind(kind);
    return registration;
  }

  #refuseWhenStopping(): void {
    if (this.#stopping !== undefined) throw new TransportClosed(`node ${this.node}`);
  }

  #report(report: FailureReport): void {
    this.#options.onFailure?.(report);
  }

  #nextId(): string {
    this.#serial += 1;
    return `${this.#incarnation}-${this.#serial.toString(36)}`;
  }
}

function asGridError(error: unknown): GridError {
  return error instanceof GridError ? error : new GridError('internal', String(error), { cause: error });
}
