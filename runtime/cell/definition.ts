/** What an actor is: its kind, statechart, messages, replies, and how its state is kept. */
import type { AnyStateMachine, ContextFrom, InputFrom, SnapshotFrom, StateValueFrom } from 'xstate';
import type { ZodType } from 'zod';
import { addressOf } from '../address.ts';
import { InvalidDefinition } from '../errors.ts';
import type { Placement } from '../place.ts';
import type { MachineState } from './machine-state.ts';

export interface ActorMessage {
  readonly type: string;
}

/** What of a snapshot a migration may change. */
export interface StoredState {
  /** XState's state value. */
  readonly value: unknown;
  readonly context: unknown;
}

export interface RestartPolicy {
  /** Failures within `withinMs` after which the actor is stopped, and the failure escalated. Default 5 in 60 000 ms. */
  readonly limit: number;
  readonly withinMs: number;
  /** Before the second restart within that time; it doubles with each. The first is at once. Default 100, at most 10 000. */
  readonly backOffMs: number;
  readonly longestBackOffMs: number;
}

/** One function per message type that has an answer; the others are answered with nothing once stored. */
type Replies<TMachine extends AnyStateMachine, TMessage extends ActorMessage> = {
  readonly [T in TMessage['type']]?: (
    snapshot: SnapshotFrom<TMachine>,
    message: Extract<TMessage, { type: T }>,
  ) => unknown;
};

export interface DefinitionOptions<
  TMachine extends AnyStateMachine,
  TMessage extends ActorMessage,
  TReplies extends Replies<TMachine, TMessage>,
  TView = ViewByDefault<TMachine>,
> {
  /** `[a-z][a-z0-9-]{0,31}` */
  readonly kind: string;
  /** A flat XState v5 machine: effects leave it by `emit(...)`; no `invoke`, no spawned children. */
  readonly machine: TMachine;
  /** Checks every message that comes in, usually a discriminated union on `type`. */
  readonly message: ZodType<TMessage>;
  /** Answers to `ask`, from the snapshot after the message. They also answer for an actor that has finished. */
  readonly replies?: TReplies & Replies<TMachine, TMessage>;
  /** What watchers see, also of an actor that has finished: a plain value. Default: the snapshot's `{ value, context }`. */
  readonly view?: (snapshot: SnapshotFrom<TMachine>) => TView;
  /** Of the shape of states and context, counted up when it changes. Default 1. */
  readonly snapshotVersion?: number;
  /**
   * From version n to n + 1, by n: what was stored in an older shape, in the next one. An actor whose snapshot has no way
   * to the present version, or comes from a later one, is parked: not restored, not lost.
   */
  readonly migrations?: Readonly<Record<number, (stored: StoredState) => StoredState>>;
  /** Messages that may wait; more are refused with `MailboxFull`. Default 1024. */
  readonly mailboxBound?: number;
  /**
   * `durable` (default): the snapshot is in the store before effects are carried out and replies sent.
   * `volatile`: never stored, gone with the process.
   */
  readonly durability?: 'durable' | 'volatile';
  /** What of the context must be on disk: when given, only a change of it or of the state value is stored. */
  readonly durable?: (context: ContextFrom<TMachine>) => unknown;
  /**
   * Where an actor starts, when that depends on its input: the effects of a start are then those of `onResume`, and the
   * machine takes no step. Default: the machine's own initial state, with the effects of entering it.
   */
  readonly start?: (input: InputFrom<TMachine>) => {
    readonly value: StateValueFrom<TMachine>;
    readonly context: ContextFrom<TMachine>;
  };
  /** When a failed actor is restarted, and when it is stopped instead. */
  readonly restarts?: Partial<RestartPolicy>;
  /**
   * The actor leaves memory, and comes back with its next message, once it had nothing to do for `afterMs` and no
   * effect of it is running; a delayed transition (`after`) brings it back in time. `when` limits that to some snapshots.
   * Only for durable actors without a projection. Default: it stays in memory.
   */
  readonly passivation?: {
    readonly afterMs: number;
    readonly when?: (snapshot: SnapshotFrom<TMachine>) => boolean;
  };
  /** Which node of a cluster an actor lives on. Default: by its key, over the nodes of the group `main`. */
  readonly placement?: Placement;
}

interface ViewByDefault<TMachine extends AnyStateMachine> {
  readonly value: StateValueFrom<TMachine>;
  readonly context: ContextFrom<TMachine>;
}

/** Made by {@link defineActor}. */
export interface ActorDefinition<
  TMachine extends AnyStateMachine = AnyStateMachine,
  TMessage extends ActorMessage = ActorMessage,
  TReplies = unknown,
  TView = unknown,
> {
  readonly kind: string;
  readonly machine: TMachine;
  readonly message: ZodType<TMessage>;
  readonly snapshotVersion: number;
  readonly migrations: Readonly<Record<number, (stored: StoredState) => StoredState>>;
  readonly mailboxBound: number;
  readonly durability: 'durable' | 'volatile';
  readonly restarts: RestartPolicy;
  readonly placement: Placement;
  /** The snapshot a new actor starts with, undefined where the machine makes it. */
  start(input: unknown): MachineState | undefined;
  readonly passivation:
    | { readonly afterMs: number; readonly when: (snapshot: unknown) => boolean }
    | undefined;
  readonly hasProjection: boolean;
  /** The durable part of a context. */
  project(context: unknown): unknown;
  /** The answer to `message`, undefined where there is none. */
  answer(snapshot: unknown, message: ActorMessage): unknown;
  /** What watchers see of a snapshot. */
  view(snapshot: unknown): TView;
  /** Only for types. */
  readonly replies?: TReplies;
}

export type AnyActorDefinition = ActorDefinition;
export type MessageOf<TDefinition> =
  TDefinition extends ActorDefinition<AnyStateMachine, infer TMessage, infer _> ? TMessage : never;
export type RepliesOf<TDefinition> =
  TDefinition extends ActorDefinition<AnyStateMachine, infer _, infer TReplies> ? TReplies : never;
export type ViewOf<TDefinition> =
  TDefinition extends ActorDefinition<AnyStateMachine, infer _Message, infer _Replies, infer TView>
    ? TView
    : never;
/** What `ask` resolves with for a message of type `T`. */
export type ReplyTo<TReplies, T extends string> = T extends keyof TReplies
  ? NonNullable<TReplies[T]> extends (...args: never[]) => infer R
    ? Awaited<R>
    : undefined
  : undefined;

export function defineActor<
  TMachine extends AnyStateMachine,
  TMessage extends ActorMessage,
  const TReplies extends Replies<TMachine, TMessage> = Record<never, never>,
  TView = ViewByDefault<TMachine>,
>(
  options: DefinitionOptions<TMachine, TMessage, TReplies, TView>,
): ActorDefinition<TMachine, TMessage, TReplies, TView> {
  const {
    kind,
    machine,
    message,
    snapshotVersion = 1,
    mailboxBound = 1024,
    durability = 'durable',
  } = options;
  addressOf(kind, 'key');
  if (!Number.isInteger(mailboxBound) || mailboxBound < 1) {
    throw new InvalidDefinition(kind, 'mailboxBound', 'a whole number of messages, at least 1');
  }
  if (!Number.isInteger(snapshotVersion) || snapshotVersion < 0) {
    throw new InvalidDefinition(
      kind,
      'snapshotVersion',
      'a whole number, counted up when the context changes',
    );
  }
  const { placement = { group: 'main' } } = options;
  if (!/^[a-z][a-z0-9-]{0,31}$/.test('group' in placement ? placement.group : placement.pinnedTo)) {
    throw new InvalidDefinition(
      kind,
      'placement',
      'a group or an attribute: a lower-case letter, then a-z, 0-9 and -',
    );
  }
  const { passivation, durable } = options;
  if (passivation !== undefined && (durability === 'volatile' || durable !== undefined)) {
    throw new InvalidDefinition(kind, 'passivation', 'only where the whole snapshot is stored');
  }
  const replies: { [type: string]: ((snapshot: never, message: never) => unknown) | undefined } =
    options.replies ?? {};
  return {
    kind,
    machine,
    message,
    snapshotVersion,
    migrations: options.migrations ?? {},
    mailboxBound,
    durability,
    restarts: { limit: 5, withinMs: 60_000, backOffMs: 100, longestBackOffMs: 10_000, ...options.restarts },
    placement,
    start: (input) => {
      const state = options.start?.(input as InputFrom<TMachine>);
      return state && machine.resolveState(state as Parameters<typeof machine.resolveState>[0]);
    },
    passivation: passivation && {
      afterMs: passivation.afterMs,
      when: (snapshot) => passivation.when?.(snapshot as SnapshotFrom<TMachine>) ?? true,
    },
    hasProjection: durable !== undefined,
    project: (context) => durable?.(context as ContextFrom<TMachine>),
    answer: (snapshot, received) => {
      if (!Object.hasOwn(replies, received.type)) return undefined;
      return replies[received.type]?.(snapshot as never, received as never);
    },
    view: (snapshot) => {
      const shown = snapshot as SnapshotFrom<TMachine>;
      return options.view === undefined ? (viewByDefault(shown) as TView) : options.view(shown);
    },
  };
}

function viewByDefault(snapshot: unknown): unknown {
  const { value, context } = snapshot as MachineState;
  return { value, context };
}
