/** Where the server has no schedules: moves the commands of one partition into the log when their time comes. */
import type { StoredMsg } from '@nats-io/jetstream';
import type { Clock } from '../clock.ts';
import { TransportClosed } from '../errors.ts';
import { pause } from '../persevere.ts';
import type { NatsCalls } from './nats-calls.ts';
import { COMMAND_AT, COMMAND_ID, type StreamNames } from './nats-streams.ts';

export interface NatsMoverOptions {
  readonly calls: NatsCalls;
  readonly names: StreamNames;
  readonly partition: number;
  readonly clock: Clock;
}

export interface NatsMover {
  stop(): void;
}

export function startNatsMover(options: NatsMoverOptions): NatsMover {
  const mover = new Mover(options);
  void mover.run();
  return mover;
}

/** How often new commands are looked for, ms. */
const LOOK_MS = 500;
/** New commands that are read before those due get their turn. */
const MOST_AT_ONCE = 256;

/**
 * Asks instead of consuming: nothing to keep alive or to make anew, whatever becomes of server and connection. Of two
 * that move the same command, or one that dies in between, the log takes it once.
 */
class Mover implements NatsMover {
  readonly #options: NatsMoverOptions;
  readonly #over = new AbortController();
  /** By sequence: when it is due. Those that were taken back or moved are found out when they are due. */
  readonly #waiting = new Map<number, number>();
  #reached = 0;
  readonly #ignoreStatus: () => void;

  constructor(options: NatsMoverOptions) {
    this.#options = options;
    // A server that lost the last it stored gives its sequences again.
    this.#ignoreStatus = options.calls.transport.onStatus((status) => {
      if (status === 'connected') this.#reached = 0;
    });
  }

  stop(): void {
    this.#over.abort();
    this.#ignoreStatus();
  }

  async run(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) await pause(this.#options.clock, await this.#round(), signal);
  }

  /** Ms until the next one. */
  async #round(): Promise<number> {
    const { clock } = this.#options;
    try {
      const all = await this.#look();
      await this.#moveDue();
      if (!all) return 0;
    } catch (error) {
      if (error instanceof TransportClosed) this.stop();
      return LOOK_MS;
    }
    let next = LOOK_MS;
    for (const at of this.#waiting.values()) next = Math.min(next, at - clock.now());
    return Math.max(0, next);
  }

  /** False when there may be more. */
  async #look(): Promise<boolean> {
    const { names, partition } = this.#options;
    const subjects = names.waitingSubjects('later', partition);
    for (let count = 0; count < MOST_AT_ONCE && !this.#over.signal.aborted; count++) {
      const found = await this.#get({ seq: this.#reached + 1, next_by_subj: subjects });
      if (found === undefined) return true;
      this.#reached = found.seq;
      this.#waiting.set(found.seq, Number(found.header.get(COMMAND_AT)));
    }
    return false;
  }

  /** By time; of the same time, as they were given. */
  async #moveDue(): Promise<void> {
    const now = this.#options.clock.now();
    const due = [...this.#waiting].filter(([, at]) => at <= now);
    due.sort(([seq, at], [otherSeq, otherAt]) => at - otherAt || seq - otherSeq);
    for (const [seq] of due) {
      if (this.#over.signal.aborted) return;
      const found = await this.#get({ seq });
      if (found !== undefined) await this.#move(found);
      this.#waiting.delete(seq);
    }
  }

  async #move({ seq, subject, header, data }: StoredMsg): Promise<void> {
    const { calls, names, partition } = this.#options;
    const to = subject.split('.').slice(-3, -1).join('/');
    const target = names.commandSubject(partition, to);
    const msgID = header.get(COMMAND_ID);
    await calls.call(`append a command to ${to}`, () => calls.client.publish(target, data, { msgID }));
    // Erased: what is only deleted, nats-server 2.9 has again after a SIGKILL.
    await calls.call(`remove waiting command ${seq}`, () =>
      calls.manager.streams.deleteMessage(names.later, seq, true),
    );
  }

  async #get(query: { readonly seq: number; readonly next_by_subj?: string }) {
    const { calls, names } = this.#options;
    const found = await calls.call('look for commands that are due', () =>
      calls.manager.streams.getMessage(names.later, query),
    );
    return found ?? undefined;
  }
}
