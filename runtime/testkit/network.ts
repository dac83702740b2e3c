/** The simulated broker: takes what the nodes' connections bring, and sends it on to those who listen. */

import type { TransportMessage } from '../transport/mod.ts';
import type { Session } from './connection.ts';
import { Interest } from './interest.ts';
import type { Random } from './random.ts';

/** How likely a message is lost or comes twice on its way to one receiver; core NATS promises at most once. */
export interface MessageFaults {
  readonly drop: number;
  readonly duplicate: number;
}

/** A subscription as the broker has it. */
export interface Listener {
  readonly filter: string;
  readonly queue: string | undefined;
  readonly session: Session;
  /** Runs in the node's process. */
  readonly deliver: (message: TransportMessage) => void;
}

export class SimulatedNetwork {
  readonly #random: Random;
  readonly #interest = new Interest<Listener>();
  readonly #sessions = new Map<Session, Set<Listener>>();
  faults: MessageFaults = { drop: 0, duplicate: 0 };

  constructor(random: Random) {
    this.#random = random;
  }

  subscribe(listener: Listener): void {
    this.#interest.add(listener);
    const { session } = listener;
    const others = this.#sessions.get(session);
    if (others !== undefined) {
      others.add(listener);
      return;
    }
    this.#sessions.set(session, new Set([listener]));
    session.onEnd(() => {
      for (const one of this.#sessions.get(session) ?? []) this.#interest.delete(one);
      this.#sessions.delete(session);
    });
  }

  unsubscribe(listener: Listener): void {
    this.#interest.delete(listener);
    this.#sessions.get(listener.session)?.delete(listener);
  }

  /** To every subscriber, and to one of each queue group; to whoever waits for an answer when there is none of either. */
  route(message: TransportMessage): void {
    let heard = false;
    let groups: Map<string, Listener[]> | undefined;
    this.#interest.each(message.subject, (listener) => {
      heard = true;
      if (listener.queue === undefined) {
        this.#send(listener, message);
        return;
      }
      groups ??= new Map();
      const group = groups.get(listener.queue);
      if (group === undefined) groups.set(listener.queue, [listener]);
      else group.push(listener);
    });
    for (const group of groups?.values() ?? []) this.#send(this.#random.pick(group), message);
    if (!heard && message.reply !== undefined) {
      this.route({ subject: message.reply, data: new Uint8Array(), noResponders: true });
    }
  }

  #send(listener: Listener, message: TransportMessage): void {
    const { drop, duplicate } = this.faults;
    if (this.#random.chance(drop)) return;
    const deliver = () => listener.deliver(message);
    listener.session.down.send(deliver);
    if (this.#random.chance(duplicate)) listener.session.down.send(deliver);
  }
}
