/** The CommandLog port: commands that outlive every process, in order, until they are settled. Drivers: JetStream, memory. */
import type { Address } from '../address.ts';
import type { GridError, WireError } from '../errors.ts';
import { stableHash } from '../shard.ts';

/** A log of commands in partitions: all commands of an address are in one, in the order in which they were stored. */
export interface CommandLog {
  /** Fixed when the log is made. */
  readonly partitions: number;
  /**
   * Resolves when stored; the same `id` again within two minutes is not stored twice, and resolves too.
   * Rejects with `TransportSuspended` or `TransportClosed` (nothing stored), `StoreUnavailable` (stored or not),
   * `PayloadTooLarge`. With `at` it waits in the log until then: the same `id` for another time moves it.
   * Should a server or a reader die as it comes, it may come a second time, with the same `id`.
   */
  append(command: NewCommand): Promise<void>;
  /**
   * Takes back a command that waits for its time: true if it was still waiting. One that is due at this very moment may
   * be handed over all the same. Rejects as `append` does, and it is taken back or not.
   */
  cancel(command: Pick<NewCommand, 'id' | 'to'>): Promise<boolean>;
  /**
   * Hands over what is unsettled in a partition, from the first on, in order. Whoever read it before gets nothing any
   * more, and what it settles counts for nothing.
   */
  open(partition: number, options: ReadOptions): Promise<CommandReader>;
  /** Keeps what could not be carried out; the same command again within two minutes is kept once. Does not settle it. */
  bury(burial: Burial): Promise<void>;
  /** Oldest first. */
  deadLetters(query?: DeadLetterQuery): Promise<DeadLetterPage>;
  deadLetter(seq: number): Promise<DeadLetter | undefined>;
  /** Idempotent. */
  removeDeadLetter(seq: number): Promise<void>;
}

export interface NewCommand {
  /** Given by the sender, who repeats it when it tries again; at most 128 characters. */
  readonly id: string;
  readonly to: Address;
  /** An encoded envelope; less than the transport's largest payload by {@link ROOM_FOR_REASON}. */
  readonly data: Uint8Array;
  /** Not to be handed over before, ms since the epoch; in the past means at once. Default at once. */
  readonly at?: number;
}

/** A command as it stands in the log. */
export interface StoredCommand {
  /** Identity of the log: sequences begin anew with another one. */
  readonly log: string;
  /** Grows along a partition, with gaps. */
  readonly seq: number;
  /** `kind/key` as the log has it; not checked. */
  readonly to: string;
  readonly id: string;
  readonly data: Uint8Array;
}

export interface TakenCommand extends StoredCommand {
  /** It is done with. Resolves when the log knows, or when the reader has ended. */
  settle(): Promise<void>;
}

export interface ReadOptions {
  /** In order, each command once; must not throw. */
  readonly take: (command: TakenCommand) => void;
  /** The reader has ended by itself: `CommandsTakenOver`, or the log is gone. Nothing is handed over any more. */
  readonly onEnd: (reason: GridError) => void;
  /** Commands handed over and not settled, at most; those behind them wait. Default 256. */
  readonly inFlight?: number;
}

/** Survives lost connections and restarts of the server. */
export interface CommandReader {
  /** Nothing is handed over any more; what is not settled stays for the next reader. Idempotent. */
  close(): Promise<void>;
}

export interface Burial {
  readonly command: StoredCommand;
  readonly error: WireError;
  /** Times it was handed to its actor. */
  readonly attempts: number;
  /** When it was tried first and last, ms since the epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
}

export interface DeadLetter extends Burial {
  /** Its own, among dead letters. */
  readonly seq: number;
}

export interface DeadLetterQuery {
  /** Of actors of this kind. Default all. */
  readonly kind?: string;
  /** Default 100. */
  readonly limit?: number;
  /** Only those with a greater sequence. */
  readonly after?: number;
}

export interface DeadLetterPage {
  readonly letters: readonly DeadLetter[];
  /** There is more: ask for what comes `after` it. */
  readonly next?: number;
}

/** Bytes of a payload that a command leaves free, so that it fits into a dead letter with the reason. */
export const ROOM_FOR_REASON = 16 * 1024;

/** For how long a log knows the ids of commands, ms. */
export const DUPLICATE_WINDOW_MS = 120_000;

export const DEFAULT_PARTITIONS = 8;
export const DEFAULT_IN_FLIGHT = 256;
export const DEFAULT_PAGE = 100;

/** 0 to `partitions` - 1. */
export function partitionOf(to: Address, partitions: number): number {
  return stableHash(to) % partitions;
}
