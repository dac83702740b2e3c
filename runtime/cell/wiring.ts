/** What a cell is wired to: who made it, what it tells, and what it is given to do. */
import type { Address } from '../address.ts';
import type { Clock } from '../clock.ts';
import type { Envelope } from '../envelope.ts';
import type { GridError } from '../errors.ts';
import type { KeyValue } from '../store/mod.ts';
import type { Handling } from '../telemetry/mod.ts';
import type { CommandPosition } from './command-mark.ts';
import type { ActorMessage, AnyActorDefinition } from './definition.ts';
import type { Incarnation } from './incarnation.ts';
import type { InspectionKind, InspectionRecord } from './inspection.ts';

/** What an effect, or the resumption of an actor, is carried out with. */
export interface Occasion {
  readonly snapshot: unknown;
  readonly incarnation: Incarnation;
  /** Id of the message that brought it about. */
  readonly cause: string | undefined;
  /** W3C traceparent of that message. */
  readonly trace: string | undefined;
}

/** `passivated`: out of memory until its next message. */
export type CellEnd = 'finished' | 'failed' | 'stopped' | 'passivated';

/** An actor in memory, as the system sees it. */
export interface LiveActor {
  readonly address: Address;
  readonly key: string;
  /** As of the last settled step. */
  readonly snapshot: unknown;
  /** Of a passivated actor: when its next delayed transition is due, ms since the epoch. */
  readonly dueAt: number | undefined;
  /** In a cluster: counts the owners of its slot. */
  readonly generation: number | undefined;
}

/** What the system does for the actors of a kind. */
export interface CellHooks {
  /** The cell's snapshot is another one now, and stored. */
  onChange(actor: LiveActor): void;
  onEffect(actor: LiveActor, effect: { readonly type: string }, occasion: Occasion): void | Promise<void>;
  onResume(actor: LiveActor, occasion: Occasion): void | Promise<void>;
  onFailure(
    actor: LiveActor,
    error: GridError,
    outcome: 'restarted' | 'stopped',
    trace: string | undefined,
  ): void;
  /** A message's turn has come, or that of a delayed transition. */
  handling(actor: LiveActor, type: string, trace?: string, mode?: Envelope['mode']): Handling;
  /** A message was not taken. */
  onRefused(actor: LiveActor, error: GridError): void;
  /** The cell is over: in a final state, failed for good, stopped on request or as not the owner, or at rest. */
  onEnd(actor: LiveActor, reason: CellEnd, error?: GridError): void;
  /** False while nobody watches: records are not even made. */
  readonly inspecting: boolean;
  inspect(
    actor: LiveActor,
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
  /** Incarnation of the system. */
  readonly writer: string;
  readonly hooks: CellHooks;
  /** In a cluster. */
  readonly tenure?: Tenure | undefined;
}

/** A node's right to run the actors of a slot. */
export interface Tenure {
  /** Counts the owners of the slot. */
  readonly generation: number;
  /** False from the moment on at which another node may own the slot. */
  holds(): boolean;
}

export interface Delivery {
  readonly message: ActorMessage;
  readonly id: string;
  readonly mode?: Envelope['mode'];
  /** W3C traceparent of what it was sent in. */
  readonly trace?: string | undefined;
  /** Of a durable command: applied once, however often it comes. */
  readonly command?: CommandPosition | undefined;
  readonly resolve?: (answer: unknown) => void;
  readonly reject?: (error: GridError) => void;
}
