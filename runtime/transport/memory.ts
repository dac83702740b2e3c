/** The in-memory driver: a bus in this process that several transports share, for tests and simulations. */
import { PayloadTooLarge, TransportClosed, TransportSuspended } from '../errors.ts';
import { matches } from '../subject.ts';
import type { Subscription, Transport, TransportMessage, TransportStatus } from './port.ts';

/** The broker. Deterministic: delivery in order of publication, in microtasks; queue groups take turns. */
export class MemoryBus {
  readonly maxPayload: number;
  readonly #members = new Set<Member>();
  readonly #turns = new Map<string, number>();

  constructor(options: { readonly maxPayload?: number } = {}) {
    this.maxPayload = options.maxPayload ?? 1024 * 1024;
  }

  connect(): MemoryTransport {
    return new MemoryTransport(this);
  }

  /** Only for its transports. */
  add(member: Member): Subscription {
    this.#members.add(member);
    const unsubscribe = () => void this.#members.delete(member);
    const drain = async () => {
      member.draining = true;
      await Promise.resolve();
      unsubscribe();
    };
    return { unsubscribe, drain };
  }

  /** Only for its transports. */
  route(message: TransportMessage): void {
    const groups = new Map<string, Member[]>();
    let heard = false;
    for (const member of this.#members) {
      if (!member.owner.online || member.draining || !matches(member.filter, message.subject)) continue;
      heard = true;
      if (member.queue === undefined) this.#deliver(member, message);
      else groups.set(member.queue, [...(groups.get(member.queue) ?? []), member]);
    }
    for (const [queue, members] of groups) {
      const turn = this.#turns.get(queue) ?? 0;
      this.#turns.set(queue, turn + 1);
      this.#deliver(members[turn % members.length]!, message);
    }
    if (!heard && message.reply !== undefined) {
      this.route({ subject: message.reply, data: new Uint8Array(), noResponders: true });
    }
  }

  #deliver(member: Member, message: TransportMessage): void {
    queueMicrotask(() => {
      if (this.#members.has(member) && member.owner.online) member.handler(message);
    });
  }
}

interface Member {
  readonly owner: { readonly online: boolean };
  readonly filter: string;
  readonly queue: string | undefined;
  readonly handler: (message: TransportMessage) => void;
  draining: boolean;
}

/** One connection to a {@link MemoryBus}. */
export class MemoryTransport implements Transport {
  readonly inboxPrefix = '_INBOX';
  readonly #bus: MemoryBus;
  readonly #listeners = new Set<(status: TransportStatus) => void>();
  readonly #subscriptions = new Set<Subscription>();
  #status: TransportStatus = 'connected';

  constructor(bus: MemoryBus) {
    this.#bus = bus;
  }

  get status(): TransportStatus {
    return this.#status;
  }

  get maxPayload(): number {
    return this.#bus.maxPayload;
  }

  get online(): boolean {
    return this.#status === 'connected';
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  publish(subject: string, data: Uint8Array, options: { readonly reply?: string } = {}): void {
    if (this.#status === 'closed') throw new TransportClosed(`publish to ${subject}`);
    if (this.#status === 'suspended') throw new TransportSuspended(`publish to ${subject}`);
    if (data.length > this.maxPayload) throw new PayloadTooLarge(data.length, this.maxPayload);
    this.#bus.route({
      subject,
      data: data.slice(),
      ...(options.reply !== undefined && { reply: options.reply }),
    });
  }

  subscribe(
    subject: string,
    handler: (message: TransportMessage) => void,
    options: { readonly queue?: string } = {},
  ): Subscription {
    if (this.#status === 'closed') throw new TransportClosed(`subscribe to ${subject}`);
    const { queue } = options;
    const joined = this.#bus.add({ owner: this, filter: subject, queue, handler, draining: false });
    const subscription = {
      unsubscribe: () => {
        this.#subscriptions.delete(subscription);
        joined.unsubscribe();
      },
      drain: async () => {
        await joined.drain();
        this.#subscriptions.delete(subscription);
      },
    };
    this.#subscriptions.add(subscription);
    return subscription;
  }

  async flush(): Promise<void> {
    if (this.#status === 'closed') throw new TransportClosed('flush');
    if (this.#status === 'suspended') throw new TransportSuspended('flush');
    await new Promise<void>((resolve) => queueMicrotask(resolve));
  }

  /** Loses the connection, as when the server is killed. */
  suspend(): void {
    this.#change('suspended');
  }

  /** Gets it back. */
  restore(): void {
    this.#change('connected');
  }

  async close(): Promise<void> {
    this.#change('closed');
    for (const subscription of [...this.#subscriptions]) subscription.unsubscribe();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #change(status: TransportStatus): void {
    if (this.#status === status || this.#status === 'closed') return;
    this.#status = status;
    for (const listener of [...this.#listeners]) listener(status);
  }
}
