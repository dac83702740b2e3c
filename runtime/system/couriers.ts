/** The couriers of a node: one for each partition of durable commands that it has; started again when they end. */
import type { Clock } from '../clock.ts';
import {
  type CommandLog,
  type Courier,
  type CourierOptions,
  type CourierStats,
  startCourier,
} from '../commands/mod.ts';
import { asGridError, type GridError } from '../errors.ts';
import { pause } from '../persevere.ts';

export interface CouriersOptions {
  readonly log: CommandLog;
  readonly clock: Clock;
  readonly random: () => number;
  readonly deliver: CourierOptions['deliver'];
  readonly onFailure: NonNullable<CourierOptions['onFailure']>;
  readonly onTrouble: (error: GridError) => void;
}

/** Says for how long the partition is this node's. */
interface Right {
  holds(): boolean;
}

interface Post {
  readonly over: AbortController;
  courier: Courier | undefined;
  /** Everything of it has ended. */
  ended: Promise<void>;
}

/** Before a courier that ended is started again, ms. */
const AGAIN = 500;

export class Couriers {
  readonly #options: CouriersOptions;
  readonly #posts = new Map<number, Post>();

  constructor(options: CouriersOptions) {
    this.#options = options;
  }

  get partitions(): number {
    return this.#options.log.partitions;
  }

  /** Of those here, in all. */
  get stats(): CourierStats {
    const sum = { delivered: 0, retried: 0, buried: 0, waiting: 0 };
    for (const { courier } of this.#posts.values()) {
      if (courier === undefined) continue;
      sum.delivered += courier.stats.delivered;
      sum.retried += courier.stats.retried;
      sum.buried += courier.stats.buried;
      sum.waiting += courier.stats.waiting;
    }
    return sum;
  }

  start(partition: number, right: Right): void {
    const before = this.#posts.get(partition);
    before?.over.abort();
    const post: Post = { over: new AbortController(), courier: undefined, ended: Promise.resolve() };
    post.ended = Promise.resolve(before?.ended).then(() => this.#run(partition, post, right));
    this.#posts.set(partition, post);
  }

  /** Resolves when nothing of it is under way. */
  async stop(partition: number): Promise<void> {
    const post = this.#posts.get(partition);
    post?.over.abort();
    await post?.ended;
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#posts.keys()].map((partition) => this.stop(partition)));
  }

  async #run(partition: number, post: Post, right: Right): Promise<void> {
    const { onTrouble, clock } = this.#options;
    const { signal } = post.over;
    while (!signal.aborted && right.holds()) {
      try {
        await this.#serve(partition, post, right);
      } catch (error) {
        onTrouble(asGridError(error));
      }
      await pause(clock, AGAIN, signal);
    }
  }

  /** Until the courier ends by itself, or is told to. */
  async #serve(partition: number, post: Post, right: Right): Promise<void> {
    const { log, clock, random, deliver, onFailure } = this.#options;
    const { signal } = post.over;
    const ended = Promise.withResolvers<void>();
    const end = () => ended.resolve();
    const courier = await startCourier({
      log,
      partition,
      clock,
      random,
      onFailure,
      deliver: async (envelope, position) => {
        // A courier that another has replaced does no harm, but no good either.
        if (!right.holds()) end();
        return deliver(envelope, position).catch((error) => {
          // Of this node, not of the command.
          if (asGridError(error).code === 'transport-closed') end();
          throw error;
        });
      },
      onEnd: end,
    });
    post.courier = courier;
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    await ended.promise;
    signal.removeEventListener('abort', end);
    await courier.stop();
  }
}
