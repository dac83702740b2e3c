/** Reads one partition from JetStream, in order whatever happens to messages, connection and server. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ConsumerInfo, ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { type GridError, StoreUnavailable, TransportClosed, TransportSuspended } from '../errors.ts';
import { CommandsTakenOver } from './errors.ts';
import { isGone, isNoConsumer, isNotUnique, type NatsCalls } from './nats-calls.ts';
import { addressIn, COMMAND_ID, consumerConfig, type StreamNames } from './nats-streams.ts';
import { type CommandReader, DEFAULT_IN_FLIGHT, type ReadOptions } from './port.ts';

export interface NatsReaderOptions extends ReadOptions {
  readonly calls: NatsCalls;
  readonly names: StreamNames;
  /** Identity of the log. */
  readonly log: string;
  readonly partition: number;
}

export async function openNatsReader(options: NatsReaderOptions): Promise<CommandReader> {
  const reader = new NatsReader(options);
  await reader.open();
  return reader;
}

/** How many times another reader that opens at the same moment is evicted. */
const MOST_EVICTIONS = 20;
const CLOSE_WITHIN_MS = 1_000;
/** Of a consumer that has nothing to send; two that do not come are missed. */
const HEARTBEAT_MS = 2_000;

interface Taken {
  /** As it came last: by it the server is told. */
  message: JsMsg;
  /** Since it was settled. */
  confirmed?: () => void;
  settled?: Promise<void>;
}

/**
 * A consumer delivers in order only what it delivers for the first time: what is lost on its way comes again later.
 * So with every gap, when it falls silent, and with every new connection, it is replaced by a new one, which begins with
 * the first message that is not acknowledged; what was handed over before is known by its sequence. A reader whose
 * consumer was deleted by somebody else has been replaced.
 */
class NatsReader implements CommandReader {
  readonly #options: NatsReaderOptions;
  readonly #inFlight: number;
  /** By sequence: handed over, and not known to the server as settled. */
  readonly #taken = new Map<number, Taken>();
  /** Last sequence that was handed over. */
  #reached = 0;
  #consumer = '';
  #messages: ConsumerMessages | undefined;
  /** Deliveries of the present consumer. */
  #deliveries = 0;
  /** Of them, those of what was stored when it was made. */
  #left = 0;
  /** Settled, but not confirmed when the consumer was made; in order. */
  #unsure: number[] = [];
  #replacing = false;
  #ended = false;
  #ignoreStatus: () => void = () => {};

  constructor(options: NatsReaderOptions) {
    this.#options = options;
    this.#inFlight = options.inFlight ?? DEFAULT_IN_FLIGHT;
  }

  async open(): Promise<void> {
    const { calls, partition } = this.#options;
    const info = await calls.call(`open partition ${partition} of the commands`, async () => {
      const name = this.#newName();
      for (let tries = 1; ; tries++) {
        await this.#evict();
        try {
          return await this.#create(name);
        } catch (error) {
          if (!isNotUnique(error) || tries === MOST_EVICTIONS) throw error;
        }
      }
    });
    this.#ignoreStatus = calls.transport.onStatus((status) => {
      if (status === 'connected') void this.#replace();
    });
    await this.#read(info);
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    const { calls, names } = this.#options;
    if (calls.transport.status === 'connected') {
      const settling = [...this.#taken.values()].flatMap(({ settled }) => settled ?? []);
      await Promise.race([Promise.all(settling), pause(CLOSE_WITHIN_MS, undefined, { ref: false })]);
    }
    const consumer = this.#consumer;
    if (!this.#stop()) return;
    await calls
      .call('close', () => calls.manager.consumers.delete(names.commands, consumer))
      .catch(() => undefined);
  }

  async #evict(): Promise<void> {
    const { calls, names } = this.#options;
    const { consumers } = calls.manager;
    for await (const { name } of consumers.list(names.commands)) {
      if (!name.startsWith(this.#prefix())) continue;
      await consumers.delete(names.commands, name).catch((error) => {
        if (!isNoConsumer(error)) throw error;
      });
    }
  }

  #prefix(): string {
    return `partition-${this.#options.partition}-`;
  }

  #newName(): string {
    return this.#prefix() + crypto.randomUUID();
  }

  /** Again with the same name does no harm. */
  #create(name: string): Promise<ConsumerInfo> {
    const { calls, names, partition } = this.#options;
    const config = consumerConfig(names, { name, partition, inFlight: this.#inFlight });
    return calls.manager.consumers.add(names.commands, config);
  }

  async #read(info: ConsumerInfo): Promise<void> {
    this.#consumer = info.name;
    this.#deliveries = 0;
    if (this.#ended) return;
    const { consumers } = this.#options.calls.client;
    const messages = await consumers.getConsumerFromInfo(info).consume({
      max_messages: this.#inFlight,
      expires: 30_000,
      idle_heartbeat: HEARTBEAT_MS,
      abort_on_missing_resource: true,
      callback: (message) => {
        if (info.name === this.#consumer) this.#receive(message);
      },
    });
    this.#messages = messages;
    const isOver = () => {
      if (info.name === this.#consumer) void this.#replace();
    };
    void messages.closed().then(isOver, isOver);
    void this.#heed(messages, isOver);
  }

  /**
   * The consumer's leader has changed or its server is away: what it had sent comes again only after `ACK_WAIT_MS`, and
   * the client, which asks again by itself, waits for `expires` when it is not answered at once.
   */
  async #heed(messages: ConsumerMessages, isOver: () => void): Promise<void> {
    for await (const { type } of messages.status()) if (type === 'heartbeats_missed') isOver();
  }

  #receive(message: JsMsg): void {
    if (this.#ended || this.#replacing) return;
    const { streamSequence: seq, deliverySequence } = message.info;
    this.#deliveries += 1;
    if (deliverySequence !== this.#deliveries) {
      void this.#replace();
      return;
    }
    this.#confirmBefore(seq);
    const known = this.#taken.get(seq);
    if (known !== undefined) {
      known.message = message;
      if (known.settled !== undefined) void this.#confirm(seq, known);
      return;
    }
    // Handed over before and confirmed as settled, and yet it came: the server has forgotten.
    if (seq <= this.#reached) {
      message.ack();
      return;
    }
    this.#reached = seq;
    const taken: Taken = { message };
    this.#taken.set(seq, taken);
    this.#options.take({
      log: this.#options.log,
      seq,
      to: addressIn(message.subject),
      id: message.headers?.get(COMMAND_ID) || message.headers?.get('Nats-Msg-Id') || String(seq),
      data: message.data,
      settle: () => this.#settle(seq, taken),
    });
  }

  #settle(seq: number, taken: Taken): Promise<void> {
    if (this.#ended) return Promise.resolve();
    taken.settled ??= new Promise((resolve) => {
      taken.confirmed = resolve;
      void this.#confirm(seq, taken);
    });
    return taken.settled;
  }

  /** If it fails, the message comes again, and is confirmed then. */
  async #confirm(seq: number, taken: Taken): Promise<void> {
    const confirmed = await taken.message.ackAck().catch(() => false);
    if (!confirmed) return;
    this.#taken.delete(seq);
    taken.confirmed?.();
  }

  /** Deletes the consumer and makes another, however long that takes; or finds out that the partition is not ours. */
  async #replace(): Promise<void> {
    if (this.#replacing || this.#ended) return;
    this.#replacing = true;
    const { calls, names, partition } = this.#options;
    const old = this.#consumer;
    this.#consumer = this.#newName();
    this.#messages?.stop();
    let deleted: 'no' | 'perhaps' | 'yes' = 'no';
    for (let tries = 0; !this.#ended; tries++) {
      try {
        if (deleted !== 'yes') {
          await calls.call('delete a consumer', () => calls.manager.consumers.delete(names.commands, old));
          deleted = 'yes';
        }
        const info = await calls.call('make a consumer', () => this.#create(this.#consumer));
        this.#replacing = false;
        this.#left = info.num_pending;
        this.#unsure = [...this.#taken].flatMap(([seq, { settled }]) => (settled === undefined ? [] : seq));
        await this.#read(info);
        if (info.num_pending === 0) this.#confirmBefore(0);
        return;
      } catch (error) {
        if (isGone(error)) return this.#end(new StoreUnavailable('the log of commands is gone', error));
        if (isNotUnique(error)) return this.#end(new CommandsTakenOver(partition));
        if (isNoConsumer(error)) {
          if (deleted === 'no') return this.#end(new CommandsTakenOver(partition));
          deleted = 'yes';
          continue;
        }
        if (error instanceof TransportClosed) return this.#end(error);
        // Suspended at once means that nothing was sent; after anything else it may be deleted all the same.
        if (deleted === 'no' && !(error instanceof TransportSuspended)) deleted = 'perhaps';
        await pause(Math.min(2_000, 50 * 2 ** Math.min(tries, 6)), undefined, { ref: false });
      }
    }
  }

  /**
   * What was settled and comes no more is confirmed: the new consumer delivers in order what is left, `#left` messages
   * at first.
   */
  #confirmBefore(seq: number): void {
    const all = this.#deliveries >= this.#left;
    for (let first = this.#unsure[0]; first !== undefined && (all || first < seq); first = this.#unsure[0]) {
      this.#unsure.shift();
      const taken = this.#taken.get(first);
      if (taken === undefined || first === seq) continue;
      this.#taken.delete(first);
      taken.confirmed?.();
    }
    if (this.#unsure[0] === seq) this.#unsure.shift();
  }

  #end(reason: GridError): void {
    if (this.#stop()) this.#options.onEnd(reason);
  }

  #stop(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#ignoreStatus();
    this.#messages?.stop();
    for (const { confirmed } of this.#taken.values()) confirmed?.();
    this.#taken.clear();
    return true;
  }
}
