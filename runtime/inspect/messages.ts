/** What inspection is asked and answers: schemas of requests, shapes of answers, subjects. */
import { z } from 'zod';
import { type Address, parseAddress } from '../address.ts';
import type { WireError } from '../errors.ts';
import type { ActorDescription, CellReport, InspectionRecord } from '../system/mod.ts';
import type { Cut } from './plain.ts';

/** Answered by every node. */
export const NODES_SUBJECT = 'shadowgrid.inspect.nodes';
export const inspectSubject = (node: string, what: 'actors' | 'actor' | 'chart' | 'send' | 'watch') =>
  `shadowgrid.inspect.${node}.${what}`;

export interface NodeView {
  readonly node: string;
  readonly kinds: readonly KindView[];
}

interface KindView {
  readonly kind: string;
  readonly durability: 'durable' | 'volatile';
  /** Actors in memory. */
  readonly live: number;
  /** Of its chart. */
  readonly chart: string;
}

/** One line of a list of actors. */
export interface ActorRow {
  readonly address: Address;
  readonly standing: ActorDescription['standing'];
  /** State value of the machine. */
  readonly state?: unknown;
  /** Only of what is in memory, as in {@link ActorView}. */
  readonly cell?: CellReport;
  readonly error?: WireError;
}

export interface ActorPage {
  readonly actors: readonly ActorRow[];
  /** There is more: ask for what comes `after` it. */
  readonly next?: Address;
}

export interface ActorView extends ActorRow {
  readonly node: string;
  readonly durability: 'durable' | 'volatile';
  /** How often it may fail before it is stopped instead of restarted. */
  readonly restarts: { readonly limit: number; readonly withinMs: number };
  /** Delayed transitions, by the delay's name or length in ms, and when each is due, ms since the epoch. */
  readonly timers: readonly { readonly after: string; readonly dueAt: number }[];
  /** Plain values only. */
  readonly context?: unknown;
  /** What of the context is not shown. */
  readonly cut: readonly Cut[];
  /** Hash of its chart. */
  readonly chart: string;
}

/** Records that had to go because the watcher takes them slower than they come. */
export interface DroppedRecord {
  readonly kind: 'dropped';
  readonly count: number;
  /** Of the oldest of them, ms since the epoch. */
  readonly t: number;
}

export type WatchRecord = InspectionRecord | DroppedRecord;

/** The first is empty: from then on nothing is missed. A record of what was dropped stands where it is missing. */
export interface WatchBatch {
  readonly node: string;
  readonly records: readonly WatchRecord[];
}

const KINDS = ['created', 'received', 'transition', 'stored', 'effect', 'failed', 'stopped'] as const;
const address = z.string().refine(isAddress, 'not an address, which is KIND/KEY');

export const actorsRequest = z.strictObject({
  kind: z.string().optional(),
  /** Default 200. */
  limit: z.int().min(1).max(1000).optional(),
  after: address.optional(),
});
export const actorRequest = z.strictObject({ address });
export const chartRequest = z.strictObject({ kind: z.string() });
export const sendRequest = z.strictObject({
  address,
  message: z.looseObject({ type: z.string() }),
  /** As a durable command, which is answered when it is stored; `name`: given twice, it counts once. */
  durable: z.strictObject({ name: z.string().min(1).max(128).optional() }).optional(),
  /** Until the actor has answered. Default 5000. */
  deadlineMs: z.int().min(1).max(600_000).optional(),
});
export const watchRequest = z.strictObject({
  /** Kinds of records. Default all. */
  kinds: z.array(z.enum(KINDS)).min(1).optional(),
  /** `KIND/KEY`, or `KIND/*`. Default all. */
  addresses: z.array(z.string().refine(isPattern, 'KIND/KEY or KIND/*')).min(1).max(256).optional(),
  /** Types of messages and effects, codes of errors. Default all. */
  types: z.array(z.string()).min(1).max(256).optional(),
  /** Share of the sequences to show, 0 to 1: all records of one cause are shown, or none. Default 1. */
  sample: z.number().min(0).max(1).optional(),
  /** Records that may wait for the watcher; beyond it the oldest are dropped. Default 4096. */
  bound: z.int().min(1).max(65_536).optional(),
});

export type WatchQuery = z.infer<typeof watchRequest>;

function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch {
    return false;
  }
}

function isPattern(text: string): boolean {
  return isAddress(text.endsWith('/*') ? `${text.slice(0, -1)}any` : text);
}
