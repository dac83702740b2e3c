/** The JetStream driver of the CommandLog port: a work-queue stream of commands, a stream of dead letters. */
import { type Clock, systemClock } from '../clock.ts';

import { type GridError, PayloadTooLarge } from '../errors.ts';
import type { NatsTransport } from '../transport/mod.ts';
import { NoSuchPartition } from './errors.ts';
import { NatsCalls } from './nats-calls.ts';
import { decodeDeadLetter, encodeBurial } from './nats-dead-letters.ts';
import { startNatsMover } from './nats-mover.ts';
import { openNatsReader } from './nats-reader.ts';
import { addressIn, type OpenStreams, openStreams, type StreamNames, streamNames } from './nats-streams.ts';
import { NatsWaiting } from './nats-waiting.ts';
import {
  type Burial,
  type CommandLog,
  type CommandReader,
  DEFAULT_PAGE,
  DEFAULT_PARTITIONS,
  type DeadLetter,
  type DeadLetterPage,
  type DeadLetterQuery,
  type NewCommand,
  partitionOf,
  type ReadOptions,
  ROOM_FOR_REASON,
} from './port.ts';

export interface NatsCommandLogOptions {
  /** Streams `NAMESPACE-commands` and `NAMESPACE-dead-letters`. Default `shadowgrid`. */
  readonly namespace?: string;
  /** Default 8; fixed when the stream is made. */
  readonly partitions?: number;
  /** Servers that keep a copy. Default 1. */
  readonly replicas?: number;
  /** Of commands for later, where the server has no schedules. Default the machine's. */
  readonly clock?: Clock;
}

/**
 * Opens the log, making its streams if need be. Throws `PartitionsMismatch` when it has another number of partitions,
 * and `StoreUnavailable` when the server has no JetStream.
 */
export async function natsCommandLog(
  transport: NatsTransport,
  options: NatsCommandLogOptions = {},
): Promise<CommandLog> {
  const {
    namespace = 'shadowgrid',
    partitions = DEFAULT_PARTITIONS,
    replicas = 1,
    clock = systemClock,
  } = options;
  const calls = await NatsCalls.on(transport);
  const names = streamNames(namespace);
  const streams = await calls.call(`stream ${names.commands} cannot be opened`, () =>
    openStreams(calls, names, { partitions, replicas }),
  );
  return new NatsCommandLog({ calls, names, partitions, streams, clock });
}

interface Wiring {
  readonly calls: NatsCalls;
  readonly names: StreamNames;
  readonly partitions: number;
  readonly streams: OpenStreams;
  readonly clock: Clock;
}

class NatsCommandLog implements CommandLog {
  readonly partitions: number;
  readonly #calls: NatsCalls;
  readonly #names: StreamNames;
  readonly #streams: OpenStreams;
  readonly #clock: Clock;
  readonly #scheduled: NatsWaiting;
  readonly #later: NatsWaiting;

  constructor({ calls, names, partitions, streams, clock }: Wiring) {
    this.partitions = partitions;
    this.#calls = calls;
    this.#names = names;
    this.#streams = streams;
    this.#clock = clock;
    this.#scheduled = new NatsWaiting({ calls, names, where: 'scheduled', clock });
    this.#later = new NatsWaiting({ calls, names, where: 'later', clock });
  }

  async append(command: NewCommand): Promise<void> {
    const { id, to, data, at } = command;
    const limit = this.#calls.transport.maxPayload - ROOM_FOR_REASON;
    if (data.length > limit) throw new PayloadTooLarge(data.length, limit);
    const partition = partitionOf(to, this.partitions);
    if (at !== undefined) {
      const waiting = this.#streams.schedules ? this.#scheduled : this.#later;
      return await waiting.add(partition, command, at);
    }
    const subject = this.#names.commandSubject(partition, to);
    await this.#publish(`append a command to ${to}`, subject, data, id);
  }

  async cancel(command: Pick<NewCommand, 'id' | 'to'>): Promise<boolean> {
    const { schedules, later } = this.#streams;
    const partition = partitionOf(command.to, this.partitions);
    const scheduled = schedules && (await this.#scheduled.cancel(partition, command));
    return (later && (await this.#later.cancel(partition, command))) || scheduled;
  }

  async open(partition: number, options: ReadOptions): Promise<CommandReader> {
    if (!Number.isInteger(partition) || partition < 0 || partition >= this.partitions) {
      throw new NoSuchPartition(partition, this.partitions);
    }
    const { identity, later } = this.#streams;
    const here = { calls: this.#calls, names: this.#names, partition };
    const mover = later ? startNatsMover({ ...here, clock: this.#clock }) : undefined;
    const onEnd = (reason: GridError) => {
      mover?.stop();
      options.onEnd(reason);
    };
    try {
      const reader = await openNatsReader({ ...here, ...options, log: identity, onEnd });
      return {
        close: async () => {
          mover?.stop();
          await reader.close();
        },
      };
    } catch (error) {
      mover?.stop();
      throw error;
    }
  }

  async bury(burial: Burial): Promise<void> {
    const { to, log, seq } = burial.command;
    const subject = this.#names.deadLetterSubject(to);
    await this.#publish(`bury a command to ${to}`, subject, encodeBurial(burial), `${log}-${seq}`);
  }

  async deadLetters({
    kind = '*',
    limit = DEFAULT_PAGE,
    after = 0,
  }: DeadLetterQuery = {}): Promise<DeadLetterPage> {
    const subject = this.#names.deadLetterSubject(`${kind}/*`);
    const letters: DeadLetter[] = [];
    for (let seq = after + 1; ; ) {
      const letter = await this.#get({ seq, next_by_subj: subject });
      if (letter === undefined) return { letters };
      const last = letters.at(-1);
      if (letters.length >= limit && last !== undefined) return { letters, next: last.seq };
      letters.push(letter);
      seq = letter.seq + 1;
    }
  }

  deadLetter(seq: number): Promise<DeadLetter | undefined> {
    return this.#get({ seq });
  }

  async removeDeadLetter(seq: number): Promise<void> {
    if ((await this.#get({ seq })) === undefined) return;
    await this.#calls.call(`remove dead letter ${seq}`, () =>
      this.#calls.manager.streams.deleteMessage(this.#names.deadLetters, seq, false),
    );
  }

  #publish(what: string, subject: string, data: Uint8Array, msgID: string): Promise<unknown> {
    return this.#calls.call(what, () => this.#calls.client.publish(subject, data, { msgID }));
  }

  async #get(query: {
    readonly seq: number;
    readonly next_by_subj?: string;
  }): Promise<DeadLetter | undefined> {
    const { streams } = this.#calls.manager;
    const found = await this.#calls.call(`get dead letter ${query.seq}`, () =>
      streams.getMessage(this.#names.deadLetters, query),
    );
    if (found === null) return undefined;
    return decodeDeadLetter(found.seq, addressIn(found.subject), found.data);
  }
}
