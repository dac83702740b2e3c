/** The actors of one node: finds or wakes the one a message is for, here or elsewhere, and lets it act. */
import { type Address, addressOf, parseAddress } from '../address.ts';
import { type ActorMessage, type AnyActorDefinition, type InspectionRecord, storeKey } from '../cell/mod.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { MemberReport } from '../cluster/mod.ts';
import type { CommandLog, CourierStats } from '../commands/mod.ts';
import {
  ActorExists,
  asGridError,
  InvalidDefinition,
  MalformedMessage,
  TransportClosed,
  UnknownKind,
} from '../errors.ts';
import { placeOf } from '../place.ts';
import { ActorTelemetry } from '../telemetry/mod.ts';
import { createMux, type Mux, type Subscription } from '../transport/mod.ts';
import { cellHooks, type Stage } from './behaviour.ts';
import { Census } from './census.ts';
import { Couriers } from './couriers.ts';
import { giveCommand, takeBackCommand } from './durable.ts';
import { type FollowWiring, followActor, lookFrom } from './following.ts';
import { type Kind, Population } from './population.ts';
import type {
  ActorBehaviour,
  ActorDescription,
  ActorRef,
  ActorSystem,
  ActorSystemOptions,
  CommandOptions,
  FailureReport,
  ResumeReport,
  WatchOptions,
} from './port.ts';
import { Post } from './post.ts';
import { Tenancy } from './tenancy.ts';
import { Watching, watchSubject } from './watching.ts';

export function createActorSystem(options: ActorSystemOptions): ActorSystem {
  return new NodeSystem(options) as ActorSystem;
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
  readonly #post: Post;
  readonly #census: Census;
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
    this.#census = new Census({ store, population: this.#population, kind: (name) => this.#kind(name) });
    this.#post = new Post({
      node,
      clock,
      mux: this.mux,
      population: this.#population,
      stage: this.#stage,
      tenancy: () => this.#tenancy,
      awaitOwner: options.awaitOwner === true,
      knows: (kind) => this.#kinds.has(kind),
      kind: (name) => this.#kind(name),
      remove: (definition, address, key) => this.#remove(definition, address, key),
    });
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
        receive: (body, subject, direct) => this.#post.receive(body, subject, direct),
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
      (body, { subject, direct }) => this.#post.receive(body, subject, direct),
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
      await this.#post.send(definition, key, { type: 'spawn', input } as ActorMessage, 'spawn', {});
    }
    return this.ref(definition, key);
  }

  async resume(definition: AnyActorDefinition): Promise<ResumeReport> {
    if (this.#tenancy !== undefined) return { resumed: [], finished: [], parked: [] };
    return await this.#census.resume(definition);
  }

  ref(definition: AnyActorDefinition, key: string): ActorRef {
    const address = addressOf(definition.kind, key);
    return {
      address,
      tell: (message, options = {}) => {
        const told = this.#post.send(definition, key, message, 'tell', options) as Promise<void>;
        told.catch((error) => this.#report({ address, error: asGridError(error), outcome: 'undelivered' }));
        return told;
      },
      ask: (message, options = {}) =>
        this.#post.send(definition, key, message, 'ask', options) as Promise<never>,
      command: (message, options = {}) => this.#command(definition, address, message, options),
      cancelCommand: async (name) => takeBackCommand(this.#commandLog(definition), address, name),
      watch: (options = {}) => this.#watch(definition, key, options),
    };
  }

  snapshot(definition: AnyActorDefinition, key: string): unknown {
    return this.#population.cell(addressOf(definition.kind, key))?.snapshot;
  }

  actors(definition: AnyActorDefinition): string[] {
    return this.#census.actors(definition);
  }

  stored(definition: AnyActorDefinition): Promise<{ key: string; snapshot: unknown }[]> {
    return this.#census.stored(definition);
  }

  keys(definition: AnyActorDefinition): Promise<string[]> {
    return this.#census.keys(definition);
  }

  describe(definition: AnyActorDefinition, key: string): Promise<ActorDescription | undefined> {
    return this.#census.describe(definition, key);
  }

  definitions(): AnyActorDefinition[] {
    return [...this.#kinds.values()].map(({ definition }) => definition);
  }

  async remove(definition: AnyActorDefinition, key: string): Promise<void> {
    const address = addressOf(definition.kind, key);
    if (this.#tenancy === undefined) await this.#remove(definition, address, key);
    else await this.#post.send(definition, key, { type: 'remove' }, 'remove', {});
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

  /** Into the log of durable commands, from which a courier takes it. */
  async #command(
    definition: AnyActorDefinition,
    address: Address,
    message: ActorMessage,
    { name, ...options }: CommandOptions,
  ): Promise<void> {
    const commands = this.#commandLog(definition);
    const id = this.#nextId();
    const { cause = this.#stage.cause, trace = this.#stage.trace } = options;
    const fields = {
      from: this.node,
      ...(trace !== undefined && { trace }),
      ...(name !== undefined && { name }),
      ...(cause !== undefined && { cause }),
    };
    await giveCommand(commands, definition, address, { id, message, ...fields }, options, this.#clock);
    this.#telemetry.command(definition.kind, 'accepted');
  }

  #commandLog({ kind }: AnyActorDefinition): CommandLog {
    const { commands } = this.#options;
    if (commands === undefined) throw new InvalidDefinition(kind, 'commands', NO_LOG);
    return commands;
  }

  #engage(log: CommandLog): Couriers {
    const { random = Math.random, onTrouble } = this.#options;
    return new Couriers({
      log,
      clock: this.#clock,
      random,
      deliver: async (envelope, position) => {
        const { kind, key } = parseAddress(envelope.to);
        const { cause = envelope.id, trace, command } = envelope;
        const { log: from, seq } = position;
        const place = { log: from, seq, name: command?.name };
        const known = this.#kinds.get(kind);
        if (known === undefined) await this.#post.forward(envelope, place);
        else {
          const message = { ...envelope.body, type: envelope.type };
          const options = { cause, ...(trace !== undefined && { trace }) };
          await this.#post.send(known.definition, key, message, 'command', options, place);
        }
        this.#telemetry.command(kind, 'done');
      },
      onFailure: ({ to, error, buried }) => {
        const outcome = buried ? 'buried' : 'retried';
        this.#telemetry.command(to.slice(0, to.indexOf('/')), outcome);
        this.#report({ address: to as Address, error, outcome });
      },
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
