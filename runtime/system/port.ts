/** The actor system as its users see it: definitions in, typed references out. */
import type { EmittedFrom, InputFrom, SnapshotFrom } from 'xstate';
import type { Address } from '../address.ts';
import type {
  AnyActorDefinition,
  CellReport,
  InspectionRecord,
  MessageOf,
  RepliesOf,
  ReplyTo,
  ViewOf,
} from '../cell/mod.ts';
import type { Clock } from '../clock.ts';
import type { ClusterOptions, MemberReport } from '../cluster/mod.ts';
import type { CommandLog, CourierStats } from '../commands/mod.ts';
import type { GridError } from '../errors.ts';
import type { KeyValue } from '../store/mod.ts';
import type { ActorTelemetry } from '../telemetry/mod.ts';
import type { Mux, Transport } from '../transport/mod.ts';

export interface ActorSystemOptions {
  readonly transport: Transport;
  /** Where durable actors are kept; without a `cluster`, one system only may own a kind in it. */
  readonly store: KeyValue;
  /** Name of this node, `[A-Za-z0-9_-]{1,64}`. */
  readonly node: string;
  readonly clock?: Clock;
  /** Makes this node a member of a cluster, which `join` enters: its actors are divided among the members. */
  readonly cluster?: ClusterOptions;
  /**
   * This node is a client of a cluster: what is not registered here lives there, and a call to an actor that nobody owns
   * right now is sent again until its deadline; else it is refused with `NoResponders`. Default false; members do so always.
   */
  readonly awaitOwner?: boolean;
  /** Where durable commands are kept; `join` starts to deliver them. */
  readonly commands?: CommandLog;
  /** For the ids of this start of the node, [0, 1). Default: of the system. */
  readonly random?: () => number;
  /** Told of what a cluster has trouble with, a lost lease above all. Default: nobody. */
  readonly onTrouble?: (error: GridError) => void;
  /** What is measured. Default: spans and metrics of what is registered with `@opentelemetry/api`; else nothing. */
  readonly telemetry?: ActorTelemetry;
  /** Told of every failure of an actor. Default: nobody. */
  readonly onFailure?: (report: FailureReport) => void;
}

export interface AskOptions {
  /** Default 5000. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** Id of the message or request that brings this one about; shown by inspection. */
  readonly cause?: string;
  /** W3C traceparent of what this message is sent in. Default: of the effect that sends it before it first waits. */
  readonly trace?: string;
}

export interface CommandOptions extends AskOptions {
  /** Of this command among those to its actor, at most 128 characters: given twice, it counts once. */
  readonly name?: string;
  /**
   * Not to be handled before, ms since the epoch, at most ten years away; in the past means at once. The log keeps it until
   * then. The same `name` for another time moves it, while it waits. Default at once.
   */
  readonly at?: number;
  /** Instead of `at`: ms from now. */
  readonly afterMs?: number;
}

export interface WatchOptions {
  /** For the first item. Default 5000. */
  readonly deadlineMs?: number;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
}

/** A way to an actor, wherever it lives. */
export interface ActorRef<TDefinition extends AnyActorDefinition = AnyActorDefinition> {
  readonly address: Address;
  /**
   * Resolves when the actor's mailbox has the message; rejects with `MailboxFull`, `NoSuchActor`, ...
   * May be left unawaited: a refusal then goes to `onFailure` and never crashes the process.
   */
  tell(message: MessageOf<TDefinition>, options?: AskOptions): Promise<void>;
  /** Resolves with the definition's reply once the message is handled and its outcome stored. */
  ask<TMessage extends MessageOf<TDefinition>>(
    message: TMessage,
    options?: AskOptions,
  ): Promise<ReplyTo<RepliesOf<TDefinition>, TMessage['type']>>;
  /**
   * Resolves when the message is stored for good: from then on it is handled once, in the order of the commands to this
   * actor, however often nodes and servers die; one that fails for good becomes a dead letter. The system needs `commands`.
   * Rejects when it may not be stored: give the same `name` again to be sure that it counts once.
   */
  command(message: MessageOf<TDefinition>, options?: CommandOptions): Promise<void>;
  /**
   * Takes back the command of this name, which was given for later: true if it still waited for its time. One that is due
   * at this very moment may be handled all the same. When it rejects, it is taken back or not.
   */
  cancelCommand(name: string): Promise<boolean>;
  /**
   * The definition's `view` of the actor as it is now, and again after each change, once that is stored; a change that
   * the view does not show is not told. A reader that is behind gets the newest state next: states in between are left
   * out, and none comes after a newer one. Follows the actor to other nodes, and waits for as long as nobody owns it.
   *
   * Ends after the actor's final state, when it is removed (a volatile one: when its node ends), when `signal` fires or
   * the loop is left. Throws for the first item what `ask` throws (`NoSuchActor`, `NoResponders`, `DeadlineExceeded`,
   * ...); later only what does not pass, as `ActorFailed`. Does not keep the actor in memory, nor wake it when it rests.
   */
  watch(options?: WatchOptions): AsyncIterable<ViewOf<TDefinition>>;
}

/** What effects are given. */
export interface ActorContext<TDefinition extends AnyActorDefinition = AnyActorDefinition> {
  readonly self: ActorRef<TDefinition>;
  readonly key: string;
  readonly system: ActorSystem;
  /** As stored before the effect. */
  readonly snapshot: SnapshotFrom<TDefinition['machine']>;
  /** Fires when this incarnation of the actor stops (final state, failure, system stop). */
  readonly signal: AbortSignal;
  /**
   * In a cluster: greater with every owner that the actor's slot gets. A fencing token: what effects write elsewhere is
   * safe from an earlier owner's where the other side refuses a lower one than it has seen.
   */
  readonly generation?: number;
  /** Id of the message that brought the effect about. */
  readonly cause?: string;
  /** W3C traceparent of that message. */
  readonly trace?: string;
}

/** How a kind acts on the world. Effects are at least once: after a crash `onResume` issues what is still due. */
export interface ActorBehaviour<TDefinition extends AnyActorDefinition = AnyActorDefinition> {
  /** Called with the first snapshot of a new actor and with each that follows, once stored and before its effects. */
  onChange?(
    snapshot: SnapshotFrom<TDefinition['machine']>,
    context: { readonly key: string; readonly system: ActorSystem },
  ): void;
  /**
   * Called for each `emit(...)` after the snapshot is stored. Not awaited: report outcomes by `context.self.tell`.
   * A throw or rejection is a failure of the actor: it restarts from its stored snapshot and is resumed.
   */
  onEffect?(
    effect: EmittedFrom<TDefinition['machine']>,
    context: ActorContext<TDefinition>,
  ): void | Promise<void>;
  /**
   * Called when an actor failed more often than `restarts` allows and has been stopped: tell whoever looks after it here.
   * It stays stored, and refuses messages with its last failure until its node, or another that it moves to, starts it anew.
   */
  onEscalate?(
    error: GridError,
    context: { readonly key: string; readonly system: ActorSystem },
  ): void | Promise<void>;
  /** Called after an actor came back from the store; XState's own `after` timers do not come back. */
  onResume?(
    snapshot: SnapshotFrom<TDefinition['machine']>,
    context: ActorContext<TDefinition>,
  ): void | Promise<void>;
}

export interface FailureReport {
  readonly address: Address;
  readonly error: GridError;
  /**
   * `restarted` from the stored snapshot; `stopped` for good; `undelivered`: a message nobody took. Of a durable command:
   * `retried` before long, or `buried` among the dead letters.
   */
  readonly outcome: 'restarted' | 'stopped' | 'undelivered' | 'retried' | 'buried';
  /** W3C traceparent of the message that brought it about. */
  readonly trace?: string;
}

export interface ResumeReport {
  /** Keys of actors that live again. */
  readonly resumed: readonly string[];
  /** Keys of actors that had reached a final state; they stay stored and answer questions. */
  readonly finished: readonly string[];
  /** Actors whose snapshot cannot be restored; they stay stored. */
  readonly parked: readonly { readonly key: string; readonly error: GridError }[];
}

export interface StoredActor<TDefinition extends AnyActorDefinition = AnyActorDefinition> {
  readonly key: string;
  readonly snapshot: SnapshotFrom<TDefinition['machine']>;
}

/** An actor as it is now, wherever it is kept. */
export interface ActorDescription {
  readonly address: Address;
  /**
   * `live`: in memory here. `resting`: stored, comes back with its next message. `finished`: in a final state.
   * `halted`: failed too often. `parked`: what is stored of it cannot be restored.
   */
  readonly standing: 'live' | 'resting' | 'finished' | 'halted' | 'parked';
  /** XState snapshot; undefined where there is none to be had. */
  readonly snapshot: { readonly value: unknown; readonly context: unknown } | undefined;
  /** Delayed transitions: the event that XState makes of each, and when it is due, ms since the epoch. */
  readonly timers: readonly { readonly event: { readonly type: string }; readonly dueAt: number }[];
  /** Only of what is in memory. */
  readonly cell?: CellReport;
  /** Why it is halted or parked. */
  readonly error?: GridError;
}

/** The actors of one node. */
export interface ActorSystem extends AsyncDisposable {
  readonly node: string;
  /** Request/reply on the system's transport, for gateways. */
  readonly mux: Mux;
  /** Makes a kind known here and reachable from other nodes. Once per kind. */
  register<TDefinition extends AnyActorDefinition>(
    definition: TDefinition,
    behaviour?: ActorBehaviour<TDefinition>,
  ): void;
  /**
   * Once everything is registered: starts to deliver durable commands, and enters the cluster, if there is one: resolves
   * when this node holds its lease; the actors of the slots that it gets are resumed by themselves. Waits for an earlier
   * lease of the same name to end.
   */
  join(): Promise<void>;
  /** Members of the cluster as this node knows them; empty without one. */
  readonly members: readonly MemberReport[];
  /** Ms until this node's lease ends unless it is renewed; undefined without a cluster. */
  readonly leaseMargin: number | undefined;
  /** Of the durable commands that this node delivers. */
  readonly commandStats: CourierStats | undefined;
  /** True when, as this node knows, every slot has a live owner and its own run here. */
  readonly settled: boolean;
  /** True while the actor lives on this node, or would. */
  owns(definition: AnyActorDefinition, key: string): boolean;
  /** Creates an actor; resolves when it is stored. `ActorExists` when there is, or ever was, one at this key. */
  spawn<TDefinition extends AnyActorDefinition>(
    definition: TDefinition,
    key: string,
    ...input: InputArguments<TDefinition>
  ): Promise<ActorRef<TDefinition>>;
  /**
   * Brings every stored, unfinished actor of a kind back to life. Call once after `register`; in a cluster it does nothing,
   * since actors come back with their slots.
   */
  resume(definition: AnyActorDefinition): Promise<ResumeReport>;
  ref<TDefinition extends AnyActorDefinition>(definition: TDefinition, key: string): ActorRef<TDefinition>;
  /** Snapshot of an actor that is in memory here. */
  snapshot<TDefinition extends AnyActorDefinition>(
    definition: TDefinition,
    key: string,
  ): SnapshotFrom<TDefinition['machine']> | undefined;
  /** Keys of actors of a kind that are in memory here. */
  actors(definition: AnyActorDefinition): string[];
  /** All actors of a kind, finished ones included: from memory where they live here, else from the store. */
  stored<TDefinition extends AnyActorDefinition>(
    definition: TDefinition,
  ): Promise<StoredActor<TDefinition>[]>;
  /** What is registered here. */
  definitions(): AnyActorDefinition[];
  /** Keys of all actors of a kind, in memory here or stored, sorted. */
  keys(definition: AnyActorDefinition): Promise<string[]>;
  /** One actor as it is, without waking it; undefined where there is none. */
  describe(definition: AnyActorDefinition, key: string): Promise<ActorDescription | undefined>;
  /** Stops the actor if it lives here and removes it from the store. Idempotent. */
  remove(definition: AnyActorDefinition, key: string): Promise<void>;
  /** Told of everything until the returned function is called; costs nothing while nobody listens. */
  inspect(listener: (record: InspectionRecord) => void): () => void;
  /**
   * Takes no more messages, lets mailboxes drain into the store, then unsubscribes; in a cluster it gives its slots to
   * others first, so that no call fails. The transport stays open.
   */
  stop(): Promise<void>;
}

type InputArguments<TDefinition extends AnyActorDefinition> =
  undefined extends InputFrom<TDefinition['machine']>
    ? [input?: InputFrom<TDefinition['machine']>]
    : [input: InputFrom<TDefinition['machine']>];
