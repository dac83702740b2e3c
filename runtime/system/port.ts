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
} from '../cell/mod.ts';
import type { Clock } from '../clock.ts';
import type { GridError } from '../errors.ts';
import type { KeyValue } from '../store/mod.ts';
import type { Mux, Transport } from '../transport/mod.ts';

export interface ActorSystemOptions {
  readonly transport: Transport;
  /** Where durable actors are kept; one system only may own a kind in it (placement comes later). */
  readonly store: KeyValue;
  /** Name of this node, `[A-Za-z0-9_-]{1,64}`. */
  readonly node: string;
  readonly clock?: Clock;
  /** Told of every failure of an actor. Default: nobody. */
  readonly onFailure?: (report: FailureReport) => void;
}

export interface AskOptions {
  /** Default 5000. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** Id of the message or request that brings this one about; shown by inspection. */
  readonly cause?: string;
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
  /** Id of the message that brought the effect about. */
  readonly cause?: string;
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
  /** Called after an actor came back from the store; XState's own `after` timers do not come back. */
  onResume?(
    snapshot: SnapshotFrom<TDefinition['machine']>,
    context: ActorContext<TDefinition>,
  ): void | Promise<void>;
}

export interface FailureReport {
  readonly address: Address;
  readonly error: GridError;
  /** `restarted` from the stored snapshot; `stopped` for good; `undelivered`: a message nobody took. */
  readonly outcome: 'restarted' | 'stopped' | 'undelivered';
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
  /** Creates an actor; resolves when it is stored. `ActorExists` when there is, or ever was, one at this key. */
  spawn<TDefinition extends AnyActorDefinition>(
    definition: TDefinition,
    key: string,
    ...input: InputArguments<TDefinition>
  ): Promise<ActorRef<TDefinition>>;
  /** Brings every stored, unfinished actor of a kind back to life. Call once after `register`. */
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
  /** Takes no more messages, lets mailboxes drain into the store, then unsubscribes. The transport stays open. */
  stop(): Promise<void>;
}

type InputArguments<TDefinition extends AnyActorDefinition> =
  undefined extends InputFrom<TDefinition['machine']>
    ? [input?: InputFrom<TDefinition['machine']>]
    : [input: InputFrom<TDefinition['machine']>];
