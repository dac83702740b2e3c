/** Takes the commands of one partition to their actors: in order per address, again until it works or is hopeless. */
import type { Clock } from '../clock.ts';
import { decodeEnvelope, type Envelope } from '../envelope.ts';
import { GridError, MalformedMessage, toWireError } from '../errors.ts';
import type { CommandLog, CommandReader, TakenCommand } from './port.ts';

export interface CourierOptions {
  readonly log: CommandLog;
  readonly partition: number;
  /**
   * Resolves when the actor has applied the command and its snapshot is stored. Rejects within some time of its own: what
   * is retryable is tried again for ever, anything else `attempts` times. `id` is the sender's name for the command.
   */
  readonly deliver: (
    envelope: Envelope,
    position: { readonly log: string; readonly seq: number; readonly id: string },
  ) => Promise<void>;
  readonly clock: Clock;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
  /** Definitive failures after which a command is buried. Default 5. */
  readonly attempts?: number;
  /** Commands under way, those that wait for another of their address included. Default 256. */
  readonly inFlight?: number;
  /** Another courier has the partition now, or the log is gone: this one has stopped. */
  readonly onEnd?: (reason: GridError) => void;
  /** A command was buried, or will be tried again. Must not throw. */
  readonly onFailure?: (failure: DeliveryFailure) => void;
}

export interface DeliveryFailure {
  readonly to: string;
  readonly id: string;
  readonly seq: number;
  readonly error: GridError;
  /** So far. */
  readonly attempts: number;
  readonly buried: boolean;
}

export interface CourierStats {
  /** Since the start: commands applied, failed attempts that are made again, dead letters. */
  readonly delivered: number;
  readonly retried: number;
  readonly buried: number;
  /** Now: commands taken from the log and neither delivered nor buried. */
  readonly waiting: number;
}

export interface Courier {
  readonly stats: CourierStats;
  /** Nothing more is delivered; resolves when every delivery under way has resolved or rejected. Idempotent. */
  stop(): Promise<void>;
}

/** Resolves when it reads the partition. */
export async function startCourier(options: CourierOptions): Promise<Courier> {
  const courier = new PartitionCourier(options);
  await courier.start();
  return courier;
}

const FIRST_BACK_OFF_MS = 50;
const LONGEST_BACK_OFF_MS = 30_000;

class PartitionCourier implements Courier {
  readonly #options: CourierOptions;
  readonly #attempts: number;
  /** Commands of an address, the one under way first. */
  readonly #queues = new Map<string, TakenCommand[]>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #pauses = new Set<() => void>();
  readonly #stats = { delivered: 0, retried: 0, buried: 0, waiting: 0 };
  #reader: CommandReader | undefined;
  #stopped = false;

  constructor(options: CourierOptions) {
    this.#options = options;
    this.#attempts = options.attempts ?? 5;
  }

  get stats(): CourierStats {
    return { ...this.#stats };
  }

  async start(): Promise<void> {
    const { log, partition, inFlight, onEnd } = this.#options;
    this.#reader = await log.open(partition, {
      take: (command) => this.#take(command),
      onEnd: (reason) => {
        void this.stop();
        onEnd?.(reason);
      },
      ...(inFlight !== undefined && { inFlight }),
    });
    if (this.#stopped) await this.#reader.close();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const wake of this.#pauses) wake();
    await Promise.all(this.#underWay);
    await this.#reader?.close();
  }

  #take(command: TakenCommand): void {
    if (this.#stopped) return;
    this.#stats.waiting += 1;
    const queue = this.#queues.get(command.to);
    if (queue !== undefined) {
      queue.push(command);
      return;
    }
    const fresh = [command];
    this.#queues.set(command.to, fresh);
    this.#follow(this.#work(command.to, fresh));
  }

  async #work(to: string, queue: TakenCommand[]): Promise<void> {
    for (let command = queue[0]; command !== undefined; command = queue[0]) {
      const done = await this.#carryOut(command);
      this.#stats.waiting -= 1;
      if (!done) break;
      // The next one need not wait: what was applied is known to the actor, whatever becomes of this.
      void command.settle();
      queue.shift();
    }
    this.#stats.waiting -= Math.max(0, queue.length - 1);
    this.#queues.delete(to);
  }

  /** False when the courier was stopped before it was delivered or buried. */
  async #carryOut(command: TakenCommand): Promise<boolean> {
    const { clock, deliver } = this.#options;
    const firstAt = clock.now();
    let failures = 0;
    for (let attempts = 1; !this.#stopped; attempts++) {
      try {
        const envelope = envelopeOf(command);
        const { log, seq, id } = command;
        await deliver(envelope, { log, seq, id });
        this.#stats.delivered += 1;
        return true;
      } catch (thrown) {
        const error = gridError(thrown);
        if (!error.retryable && !OURS.has(error.code)) failures += 1;
        const hopeless = error instanceof MalformedCommand || failures >= this.#attempts;
        this.#report(command, error, attempts, hopeless);
        if (hopeless) return await this.#bury(command, error, { attempts, firstAt, lastAt: clock.now() });
        this.#stats.retried += 1;
        await this.#pause(attempts);
      }
    }
    return false;
  }

  /** Until it is stored: an address waits rather than lose a command. */
  async #bury(
    command: TakenCommand,
    error: GridError,
    when: { readonly attempts: number; readonly firstAt: number; readonly lastAt: number },
  ): Promise<boolean> {
    for (let tries = 1; !this.#stopped; tries++) {
      try {
        await this.#options.log.bury({ command, error: toWireError(error), ...when });
        this.#stats.buried += 1;
        return true;
      } catch (thrown) {
        this.#report(command, gridError(thrown), when.attempts, false);
        await this.#pause(tries);
      }
    }
    return false;
  }

  /** Before try `attempt + 1`; half of it is jitter, so that what failed together does not come back together. */
  #pause(attempt: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    const { clock, random } = this.#options;
    const longest = Math.min(LONGEST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.min(attempt - 1, 16));
    return new Promise((resolve) => {
      const wake = () => {
        clock.clearTimeout(timer);
        this.#pauses.delete(wake);
        resolve();
      };
      const timer = clock.setTimeout(wake, longest * (0.5 + random() / 2));
      this.#pauses.add(wake);
    });
  }

  #report({ to, id, seq }: TakenCommand, error: GridError, attempts: number, buried: boolean): void {
    this.#options.onFailure?.({ to, id, seq, error, attempts, buried });
  }

  #follow(work: Promise<void>): void {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }
}

/** Failures of this side as it closes, which say nothing about the command. */
const OURS: ReadonlySet<string> = new Set(['cancelled', 'transport-closed']);

/** The command itself is not what an actor could be given: no other attempt would end otherwise. */
class MalformedCommand extends MalformedMessage {}

function envelopeOf({ data, to }: TakenCommand): Envelope {
  let envelope: Envelope;
  try {
    envelope = decodeEnvelope(data);
  } catch (cause) {
    const { message, field, hint } = toWireError(cause);
    throw new MalformedCommand(message, {
      ...(field !== undefined && { field }),
      ...(hint !== undefined && { hint }),
      cause,
    });
  }
  if (envelope.to === to) return envelope;
  throw new MalformedCommand(`a command to ${envelope.to} is stored as one to ${to}`, {
    field: 'to',
    hint: to,
  });
}

/** What is not ours could be anything, and is as definitive as it gets. */
function gridError(thrown: unknown): GridError {
  if (thrown instanceof GridError) return thrown;
  const { code, message } = toWireError(thrown);
  return new GridError(code, message, { cause: thrown });
}
