/** The in-memory driver of the CommandLog port, for tests and simulations; outlives the systems that use it. */
import { type Clock, systemClock } from '../clock.ts';
import { PayloadTooLarge } from '../errors.ts';
import { CommandsTakenOver, NoSuchPartition } from './errors.ts';
import { MemoryWaiting } from './memory-waiting.ts';
import {
  type Burial,
  type CommandLog,
  type CommandReader,
  DEFAULT_IN_FLIGHT,
  DEFAULT_PAGE,
  DEFAULT_PARTITIONS,
  type DeadLetter,
  type DeadLetterPage,
  type DeadLetterQuery,
  DUPLICATE_WINDOW_MS,
  type NewCommand,
  partitionOf,
  type ReadOptions,
  ROOM_FOR_REASON,
  type StoredCommand,
} from './port.ts';

export interface MemoryCommandLogOptions {
  /** Default 8. */
  readonly partitions?: number;
  /** Of the time for which ids are known, and of commands for later. Default the machine's. */
  readonly clock?: Clock;
  /** Default `memory`. */
  readonly identity?: string;
}

export function memoryCommandLog(options: MemoryCommandLogOptions = {}): CommandLog {
  return new MemoryCommandLog(options);
}

/** As a server of NATS has it. */
const MAX_PAYLOAD = 1024 * 1024;

class MemoryCommandLog implements CommandLog {
  readonly partitions: number;
  readonly #clock: Clock;
  readonly #identity: string;
  readonly #parts: Part[];
  readonly #ids: RecentIds;
  readonly #buried: RecentIds;
  readonly #letters = new Map<number, DeadLetter>();
  readonly #waiting: MemoryWaiting;
  #lastSeq = 0;
  #lastLetter = 0;

  constructor(options: MemoryCommandLogOptions) {
    this.partitions = options.partitions ?? DEFAULT_PARTITIONS;
    this.#clock = options.clock ?? systemClock;
    this.#identity = options.identity ?? 'memory';
    this.#parts = Array.from({ length: this.partitions }, () => ({ stored: new Map(), reader: undefined }));
    this.#ids = new RecentIds(this.#clock);
    this.#buried = new RecentIds(this.#clock);
    this.#waiting = new MemoryWaiting(this.#clock, (command) => this.#store(command));
  }

  async append({ id, to, data, at = 0 }: NewCommand): Promise<void> {
    const limit = MAX_PAYLOAD - ROOM_FOR_REASON;
    if (data.length > limit) throw new PayloadTooLarge(data.length, limit);
    const command = { id, to, data: data.slice() };
    if (at <= this.#clock.now()) this.#store(command);
    else this.#waiting.add(command, at);
  }

  async cancel({ id, to }: Pick<NewCommand, 'id' | 'to'>): Promise<boolean> {
    return this.#waiting.cancel(id, to);
  }

  #store({ id, to, data }: NewCommand): void {
    this.#waiting.cancel(id, to);
    if (!this.#ids.add(id)) return;
    this.#lastSeq += 1;
    const part = this.#part(partitionOf(to, this.partitions));
    const seq = this.#lastSeq;
    part.stored.set(seq, { log: this.#identity, seq, to, id, data });
    part.reader?.wake();
  }

  async open(partition: number, options: ReadOptions): Promise<CommandReader> {
    const part = this.#part(partition);
    part.reader?.end(new CommandsTakenOver(partition));
    part.reader = new MemoryReader(part, options);
    part.reader.wake();
    return part.reader;
  }

  async bury(burial: Burial): Promise<void> {
    if (!this.#buried.add(`${burial.command.log}-${burial.command.seq}`)) return;
    const { log, seq, to, id, data } = burial.command;
    this.#lastLetter += 1;
    const letter = { ...burial, command: { log, seq, to, id, data: data.slice() }, seq: this.#lastLetter };
    this.#letters.set(letter.seq, letter);
  }

  async deadLetters({
    kind,
    limit = DEFAULT_PAGE,
    after = 0,
  }: DeadLetterQuery = {}): Promise<DeadLetterPage> {
    const found = [...this.#letters.values()].filter(
      ({ seq, command }) => seq > after && (kind === undefined || command.to.startsWith(`${kind}/`)),
    );
    const letters = found.slice(0, limit);
    const last = letters.at(-1);
    return { letters, ...(found.length > limit && last !== undefined && { next: last.seq }) };
  }

  async deadLetter(seq: number): Promise<DeadLetter | undefined> {
    return this.#letters.get(seq);
  }

  async removeDeadLetter(seq: number): Promise<void> {
    this.#letters.delete(seq);
  }

  #part(partition: number): Part {
    const part = this.#parts[partition];
    if (part === undefined) throw new NoSuchPartition(partition, this.partitions);
    return part;
  }
}

interface Part {
  /** What is not settled, by sequence, in order. */
  readonly stored: Map<number, StoredCommand>;
  reader: MemoryReader | undefined;
}

class MemoryReader implements CommandReader {
  readonly #part: Part;
  readonly #options: ReadOptions;
  readonly #bound: number;
  #inFlight = 0;
  #reached = 0;
  #awake = false;

  constructor(part: Part, options: ReadOptions) {
    this.#part = part;
    this.#options = options;
    this.#bound = options.inFlight ?? DEFAULT_IN_FLIGHT;
  }

  async close(): Promise<void> {
    if (this.#isCurrent()) this.#part.reader = undefined;
  }

  end(reason: CommandsTakenOver): void {
    this.#part.reader = undefined;
    queueMicrotask(() => this.#options.onEnd(reason));
  }

  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    queueMicrotask(() => {
      this.#awake = false;
      this.#handOver();
    });
  }

  #handOver(): void {
    for (const [seq, command] of this.#part.stored) {
      if (!this.#isCurrent() || this.#inFlight >= this.#bound) return;
      if (seq <= this.#reached) continue;
      this.#reached = seq;
      this.#inFlight += 1;
      this.#options.take({ ...command, settle: async () => this.#settle(seq) });
    }
  }

  #settle(seq: number): void {
    if (!this.#isCurrent() || !this.#part.stored.delete(seq)) return;
    this.#inFlight -= 1;
    this.wake();
  }

  #isCurrent(): boolean {
    return this.#part.reader === this;
  }
}

/** Ids of the last two minutes. */
class RecentIds {
  readonly #clock: Clock;
  /** When each was added; oldest first. */
  readonly #addedAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** False when it is there already. */
  add(id: string): boolean {
    const now = this.#clock.now();
    for (const [old, addedAt] of this.#addedAt) {
      if (now - addedAt < DUPLICATE_WINDOW_MS) break;
      this.#addedAt.delete(old);
    }
    if (this.#addedAt.has(id)) return false;
    this.#addedAt.set(id, now);
    return true;
  }
}
