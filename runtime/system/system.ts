/** The actors of one node: finds or wakes the one a message is for, here or elsewhere, and lets it act. */
import { type Address, actorSubject, addressOf, parseAddress } from '../address.ts';
import {
  type ActorMessage,
  type AnyActorDefinition,
  actorKey,
  Cell,
  type CommandPosition,
  decodeRecord,
  type InspectionRecord,
  reviveSnapshot,
  storeFilter,
  storeKey,
} from '../cell/mod.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { MemberReport } from '../cluster/mod.ts';
import type { CommandLog, CourierStats } from '../commands/mod.ts';
import { checkEnvelope, type Envelope, malformed } from '../envelope.ts';
import {
  ActorExists,
  asGridError,
  DeadlineExceeded,
  type GridError,
  InvalidDefinition,
  MalformedMessage,
  TransportClosed,
  UnknownKind,
} from '../errors.ts';
import { type Place, placeOf } from '../place.ts';
import { ActorTelemetry } from '../telemetry/mod.ts';
import { createMux, type Mux, type Subscription } from '../transport/mod.ts';
import { cellHooks, type Stage } from './behaviour.ts';
import { Couriers } from './couriers.ts';
import { giveCommand, positionOf, takeBackCommand } from './durable.ts';
import { type FollowWiring, followActor, lookFrom } from './following.ts';
import { untilOwned, withinDeadline } from './patience.ts';
import { type Found, type Kind, Population, type Resident } from './population.ts';
import type {
  ActorBehaviour,
  ActorDescription,
  ActorRef,
  ActorSystem,
  ActorSystemOptions,
  AskOptions,
  CommandOptions,
  FailureReport,
  ResumeReport,
  WatchOptions,
} from './port.ts';
import { Tenancy } from './tenancy.ts';
import { Watching, watchSubject } from './watching.ts';

export function createActorSystem(options: ActorSystemOptions): ActorSystem {
  return new NodeSystem(options) as ActorSystem;
}

/** What a message asks of an actor's node: to take it, or to make or unmake the actor. */
type Mode = Envelope['mode'];

/** A message under way to an actor. */
interface Errand {
  readonly definition: AnyActorDefinition;
  readonly address: Address;
  readonly key: string;
  readonly place: Place;
  readonly mode: Mode;
  readonly message: ActorMessage;
  readonly id: string;
  readonly cause: string | undefined;
  readonly trace?: string | undefined;
  readonly command?: CommandPosition | undefined;
}

class NodeSystem {
  readonly node: string;
  readonly mux: Mux;
  readonly #options: ActorSystemOptions;
  readonly #clock: Clock;
  /** Unique for this start of this node. */
  readonly #incarnation: string;
  readonly #kinds = new Map<string, Kind>();
  readonly #subscriptions: Subscription[] = [];
  readonly #population: Population;
  readonly #stage: Stage;
  readonly #telemetry: ActorTelemetry;
  readonly #tenancy: Tenancy | undefined;
  readonly #couriers: Couriers | undefined;
  readonly #watching: Watching;
  readonly #watchers = new Set<(record: InspectionRecord) => void>();
  #serial = 0;
  #stopping: Promise<void> | undefined;

  constructor(options: ActorSystemOptions) {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(options.node)) {
      throw new MalformedMessage('node name is malformed', {
        field: 'node',
        hint: '1 to 64 of A-Z, a-z, 0-9, _ and -',
      });
    }
    const { transport, store, clock = systemClock, node, random, cluster } = options;
    this.#options = options;
    this.#clock = clock;
    this.node = node;
    this.#incarnation = `${node}-${randomId(random)}`;
    this.mux = createMux(transport, {
      clock,
      id: randomId(random) + randomId(random),
      direct: `shadowgrid.node.${this.#incarnation}`,
    });
    this.#population = new Population({
      store,
      clock,
      writer: this.#incarnation,
      onUnwoken: (address, error) => this.#report({ address, error, outcome: 'undelivered' }),
    });
    this.#watching = new Watching({
      node,
      store,
      clock,
      incarnation: this.#incarnation,
      population: this.#population,
      kind: (name) => this.#kind(name),
      tenancy: () => this.#tenancy,
    });
    this.#telemetry = options.telemetry ?? new ActorTelemetry({ node });
    this.#telemetry.observeActors(() => this.#population.cells());
    if (cluster !== undefined) this.#telemetry.observeLease(() => this.leaseMargin);
    this.#stage = {
      telemetry: this.#telemetry,
      trace: undefined,
      system: this as unknown as ActorSystem,
      watchers: this.#watchers,
      cause: undefined,
      ref: (definition, key) => this.ref(definition, key),
      report: (report) => this.#report(report),
      now: () => clock.now(),
      nextId: () => this.#nextId(),
      changed: (actor) => this.#watching.changed(actor),
      left: (cell, reason, error) => {
        this.#population.left(cell, reason, error);
        if (error !== undefined) this.#watching.ended(cell, reason, error);
      },
    };
    if (options.commands !== undefined) this.#couriers = this.#engage(options.commands);
    if (cluster !== undefined) {
      this.#tenancy = new Tenancy({
        ...options,
        cluster,
        clock,
        incarnation: this.#incarnation,
        mux: this.mux,
        kinds: this.#kinds,
        population: this.#population,
        couriers: this.#couriers,
        watching: this.#watching,
        receive: (body, subject, direct) => this.#receive(body, subject, direct),
      });
    }
  }

  register(definition: AnyActorDefinition, behaviour: ActorBehaviour = {}): void {
    this.#refuseWhenStopping();
    const { kind } = definition;
    if (this.#kinds.has(kind)) throw new ActorExists(`${kind}/*`);
    this.#tenancy?.refuseWhenJoined(kind);
    this.#kinds.set(kind, { definition, hooks: cellHooks(definition, behaviour, this.#stage) });
    if (this.#tenancy !== undefined) return;
    const served = this.mux.serve(
      `shadowgrid.actor.${kind}.*.*`,
      (body, { subject, direct }) => this.#receive(body, subject, direct),
      { direct: true },
    );
    const watched = this.mux.serve(`shadowgrid.watch.${kind}.*.*`, (body, { subject }) =>
      this.#watching.receive(body, subject),
    );
    this.#subscriptions.push(served, watched);
  }

  async join(): Promise<void> {
    this.#refuseWhenStopping();
    if (this.#tenancy !== undefined) return await this.#tenancy.join();
    for (let i = 0; i < (this.#couriers?.partitions ?? 0); i++)
      this.#couriers?.start(i, { holds: () => true });
  }

  get members(): MemberReport[] {
    return this.#tenancy?.cluster?.members() ?? [];
  }

  get leaseMargin(): number | undefined {
    return this.#tenancy?.cluster?.leaseMargin;
  }

  get commandStats(): CourierStats | undefined {
    return this.#couriers?.stats;
  }

  get settled(): boolean {
    return this.#tenancy?.cluster?.settled ?? true;
  }

  owns(definition: AnyActorDefinition, key: string): boolean {
    if (this.#tenancy === undefined) return this.#kinds.has(definition.kind);
    const { slot } = placeOf(definition.placement, addressOf(definition.kind, key));
    return this.#tenancy.tenure(slot)?.holds() === true;
  }

  async spawn(definition: AnyActorDefinition, key: string, input?: unknown): Promise<ActorRef> {
    this.#refuseWhenStopping();
    const address = addressOf(definition.kind, key);
    const abroad = this.#options.awaitOwner === true && !this.#kinds.has(definition.kind);
    if (this.#tenancy === undefined && !abroad) {
      const resident = { kind: this.#kind(definition.kind), address, key, tenure: undefined };
      await this.#population.create(resident, input, this.#stage.cause);
    } else {
      await this.#send(definition, key, { type: 'spawn', input } as ActorMessage, 'spawn', {});
    }
    return this.ref(definition, key);
  }

  async resume(definition: AnyActorDefinition): Promise<ResumeReport> {
    const kind = this.#kind(definition.kind);
    const resumed: string[] = [];
    const finished: string[] = [];
    const parked: { key: string; error: GridError }[] = [];
    if (this.#tenancy !== undefined) return { resumed, finished, parked };
    for (const entry of await this.#options.store.entries(storeFilter(definition.kind))) {
      const key = actorKey(entry.key);
      const address = addressOf(definition.kind, key);
      if (this.#population.has(address)) continue;
      try {
        const found = this.#population.revive({ kind, address, key, tenure: undefined }, entry);
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
        const told = this.#send(definition, key, message, 'tell', options) as Promise<void>;
        told.catch((error) => this.#report({ address, error: asGridError(error), outcome: 'undelivered' }));
        return told;
      },
      ask: (message, options = {}) => this.#send(definition, key, message, 'ask', options) as Promise<never>,
      command: (message, options = {}) => this.#command(definition, address, message, options),
      cancelCommand: async (name) => takeBackCommand(this.#commandLog(definition), address, name),
      watch: (options = {}) => this.#watch(definition, key, options),
    };
  }

  snapshot(definition: AnyActorDefinition, key: string): unknown {
    return this.#population.cell(addressOf(definition.kind, key))?.snapshot;
  }

  actors(definition: AnyActorDefinition): string[] {
    const prefix = `${definition.kind}/`;
    return [...this.#population.addresses()]
      .filter((address) => address.startsWith(prefix))
      .map((a) => a.slice(prefix.length));
  }

  async stored(definition: AnyActorDefinition): Promise<{ key: string; snapshot: unknown }[]> {
    const found = new Map<string, unknown>();
    if (definition.durability === 'durable') {
      for (const entry of await this.#options.store.entries(storeFilter(definition.kind))) {
        const key = actorKey(entry.key);
        const address = addressOf(definition.kind, key);
        if (this.#population.cell(address) !== undefined) continue;
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
      for (const stored of await this.#options.store.keys(storeFilter(definition.kind))) {
        keys.add(actorKey(stored));
      }
    }
    return [...keys].sort();
  }

  async describe(definition: AnyActorDefinition, key: string): Promise<ActorDescription | undefined> {
    const address = addressOf(definition.kind, key);
    const cell = this.#population.cell(address);
    if (cell !== undefined) {
      const snapshot = cell.snapshot as ActorDescription['snapshot'];
      return { address, standing: 'live', snapshot, timers: cell.timers, cell: cell.report() };
    }
    const error = this.#population.halted(address);
    const halted = error && { address, standing: 'halted' as const, snapshot: undefined, timers: [], error };
    if (definition.durability === 'volatile') return halted;
    const entry = await this.#options.store.get(storeKey(definition, key));
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
    if (this.#tenancy === undefined) await this.#remove(definition, address, key);
    else await this.#send(definition, key, { type: 'remove' }, 'remove', {});
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
    await this.#tenancy?.leave();
    await this.#couriers?.stopAll();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    await this.#population.stop();
    this.#watching.close();
    this.#telemetry.close();
    await this.mux.close();
  }

  async #remove(definition: AnyActorDefinition, address: Address, key: string): Promise<void> {
    await this.#population.evict(address);
    if (definition.durability === 'durable') await this.#options.store.delete(storeKey(definition, key));
    this.#watching.removed(address);
  }

  #watch(definition: AnyActorDefinition, key: string, options: WatchOptions): AsyncIterable<unknown> {
    const { kind } = definition;
    const address = addressOf(kind, key);
    const { slot, token } = placeOf(definition.placement, address);
    const tenancy = this.#tenancy;
    const look: FollowWiring['look'] = async (seen, waitMs, signal) => {
      const here = tenancy === undefined ? this.#kinds.has(kind) : tenancy.lives(slot);
      if (!here) {
        const subject = watchSubject(address, token);
        return await lookFrom(this.#options.transport, this.mux, subject, seen, waitMs, signal);
      }
      const resident = { kind: this.#kind(kind), address, key, tenure: tenancy?.tenure(slot) };
      return await this.#watching.look(resident, seen, waitMs, signal);
    };
    const patient = tenancy !== undefined || this.#options.awaitOwner === true;
    return followActor({ clock: this.#clock, patient, look }, options);
  }

  /** A message from another node. A promise only where there is something to wait for. */
  #receive(body: unknown, subject: string, direct: boolean): unknown {
    const envelope = checkEnvelope(body);
    const { id, to, type, mode, deadline, cause, trace } = envelope;
    const command = mode === 'command' ? positionOf(envelope) : undefined;
    const slash = to.indexOf('/');
    const { definition } = this.#kind(to.slice(0, slash));
    const place = placeOf(definition.placement, to);
    if (actorSubject(to, place.token) !== subject) {
      throw new MalformedMessage(`envelope: to: ${to} is not who ${subject} reaches`, { field: 'to' });
    }
    if (deadline !== undefined && deadline < this.#clock.now()) {
      throw new DeadlineExceeded(`message ${id} to ${to}`, 0);
    }
    const unanswered = this.#tenancy?.turnAway(place.slot, to, direct);
    if (unanswered !== undefined) return unanswered;
    const message = { ...envelope.body, type };
    const key = to.slice(slash + 1);
    return this.#take({
      definition,
      address: to,
      key,
      place,
      mode,
      message,
      id: cause ?? id,
      cause,
      trace,
      command,
    });
  }

  /** Into the log of durable commands, from which a courier takes it. */
  async #command(
    definition: AnyActorDefinition,
    address: Address,
    message: ActorMessage,
    { name, ...options }: CommandOptions,
  ): Promise<void> {
    const commands = this.#commandLog(definition);
    const id = this.#nextId();
    const cause = options.cause ?? this.#stage.cause;
    const fields = {
      from: this.node,
      ...(name !== undefined && { name }),
      ...(cause !== undefined && { cause }),
    };
    await giveCommand(commands, definition, address, { id, message, ...fields }, options, this.#clock);
  }

  #commandLog({ kind }: AnyActorDefinition): CommandLog {
    const { commands } = this.#options;
    if (commands === undefined) throw new InvalidDefinition(kind, 'commands', NO_LOG);
    return commands;
  }

  /** A message from this node, to an actor here or elsewhere. `command`: where it stands in its log. */
  #send(
    definition: AnyActorDefinition,
    key: string,
    message: ActorMessage,
    mode: Mode,
    options: AskOptions,
    command?: CommandPosition,
  ): Promise<unknown> {
    const address = addressOf(definition.kind, key);
    const id = this.#nextId();
    // What an effect sends before it first waits for something is brought about by what brought the effect about.
    const { deadlineMs = 5_000, signal, cause = this.#stage.cause, trace = this.#stage.trace } = options;
    const place = placeOf(definition.placement, address);
    const errand: Errand = {
      definition,
      address,
      key,
      place,
      mode,
      message,
      id: cause ?? id,
      cause,
      trace,
      command,
    };
    const tenancy = this.#tenancy;
    if (tenancy === undefined && this.#kinds.has(definition.kind))
      return this.#here(errand, deadlineMs, signal);
    const attempt = (leftMs: number) =>
      tenancy?.lives(place.slot)
        ? this.#here(errand, leftMs, signal)
        : this.#elsewhere(errand, id, leftMs, signal);
    const patient = tenancy !== undefined || this.#options.awaitOwner === true;
    return patient ? untilOwned(attempt, this.#clock, deadlineMs, signal) : attempt(deadlineMs);
  }

  #here(errand: Errand, deadlineMs: number, signal?: AbortSignal): Promise<unknown> {
    const taking = async () => this.#take(errand);
    const taken = taking();
    return errand.mode === 'tell'
      ? taken
      : withinDeadline(taken, this.#clock, errand.address, deadlineMs, signal);
  }

  #elsewhere(errand: Errand, id: string, deadlineMs: number, signal?: AbortSignal): Promise<unknown> {
    const { address, place, mode, cause, trace, command } = errand;
    const { type, ...body } = errand.message;
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
      ...(trace !== undefined && { trace }),
      ...(command !== undefined && { command }),
    };
    return this.mux.request(actorSubject(address, place.token), envelope, {
      deadlineMs,
      ...(signal !== undefined && { signal }),
    });
  }

  /** By this node, which owns the actor's place. A promise only where there is something to wait for. */
  #take(errand: Errand): unknown {
    const { definition, address, key, place, mode, message } = errand;
    const kind = this.#kind(definition.kind);
    const resident = { kind, address, key, tenure: this.#tenancy?.tenure(place.slot) };
    if (mode === 'spawn') {
      return this.#population.create(resident, (message as { input?: unknown }).input, errand.cause);
    }
    if (mode === 'remove') return this.#remove(definition, address, key);
    return this.#deliver(resident, errand);
  }

  #deliver(resident: Resident, { mode, message, id, trace, command }: Errand): unknown {
    const { address, kind } = resident;
    const { definition } = kind;
    const checked = definition.message.safeParse(message);
    if (!checked.success) throw malformed(`message to ${address}`, checked.error);
    const take = (found: Found) => {
      if (!(found instanceof Cell))
        return mode === 'ask' ? definition.answer(found.finished, checked.data) : undefined;
      if (mode === 'tell') return found.deliver({ message: checked.data, id, mode, trace });
      return new Promise((resolve, reject) =>
        found.deliver({ message: checked.data, id, mode, trace, command, resolve, reject }),
      );
    };
    const cell = this.#population.cell(address);
    return cell === undefined ? this.#population.wake(resident).then(take) : take(cell);
  }

  #engage(log: CommandLog): Couriers {
    const { random = Math.random, onTrouble } = this.#options;
    return new Couriers({
      log,
      clock: this.#clock,
      random,
      deliver: async (envelope, position) => {
        const { kind, key } = parseAddress(envelope.to);
        const { name } = envelope.command ?? {};
        const { cause = envelope.id } = envelope;
        const message = { ...envelope.body, type: envelope.type };
        const { log: from, seq } = position;
        const place = { log: from, seq, ...(name !== undefined && { name }) };
        await this.#send(this.#kind(kind).definition, key, message, 'command', { cause }, place);
      },
      onFailure: ({ to, error, buried }) =>
        this.#report({ address: to as Address, error, outcome: buried ? 'buried' : 'retried' }),
      onTrouble: (error) => onTrouble?.(error),
    });
  }

  #kind(name: string): Kind {
    const kind = this.#kinds.get(name);
    if (kind === undefined) throw new UnknownKind(name);
    return kind;
  }

  #refuseWhenStopping(): void {
    if (this.#stopping !== undefined) throw new TransportClosed(`node ${this.node}`);
  }

  #report(report: FailureReport): void {
    this.#telemetry.failed(report);
    this.#options.onFailure?.(report);
  }

  #nextId(): string {
    this.#serial += 1;
    return `${this.#incarnation}-${this.#serial.toString(36)}`;
  }
}

const NO_LOG = 'durable commands need a system with a command log: createActorSystem({ commands })';

/** Eight letters and digits. */
function randomId(random: (() => number) | undefined): string {
  if (random === undefined) return crypto.randomUUID().slice(0, 8);
  return Math.floor(random() * 36 ** 8)
    .toString(36)
    .padStart(8, '0');
}
