/** Signs of life over core NATS: they raise suspicion only, and sooner than a lease ends; nothing is taken for it. */
import type { Clock } from '../clock.ts';
import type { Subscription, Transport } from '../transport/mod.ts';
import { elapsed } from './time.ts';

export interface HeartbeatOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly node: string;
  readonly everyMs: number;
  readonly onChange: () => void;
}

const SUBJECT = 'shadowgrid.heartbeat';
/** Missed in a row before a node is suspected. */
const MISSED = 3.5;
const NOTHING = new Uint8Array();

export class Heartbeats {
  readonly #options: HeartbeatOptions;
  readonly #heard = new Map<string, number>();
  readonly #suspects = new Set<string>();
  readonly #subscription: Subscription;
  #timer: unknown;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    const { transport } = options;
    this.#subscription = transport.subscribe(`${SUBJECT}.*`, ({ subject }) =>
      this.#hear(subject.slice(SUBJECT.length + 1)),
    );
    this.#beat();
  }

  isSuspect(node: string): boolean {
    return this.#suspects.has(node);
  }

  stop(): void {
    this.#subscription.unsubscribe();
    this.#options.clock.clearTimeout(this.#timer);
  }

  #hear(node: string): void {
    this.#heard.set(node, elapsed(this.#options.clock));
    if (this.#suspects.delete(node)) this.#options.onChange();
  }

  #beat(): void {
    const { transport, clock, node, everyMs } = this.#options;
    if (transport.status === 'connected') {
      transport.publish(`${SUBJECT}.${node}`, NOTHING);
      this.#look();
    } else {
      // Nobody is heard by those who are deaf.
      for (const name of this.#heard.keys()) this.#heard.set(name, elapsed(clock));
    }
    this.#timer = clock.setTimeout(() => this.#beat(), everyMs);
  }

  #look(): void {
    const { clock, everyMs, onChange } = this.#options;
    const overdue = elapsed(clock) - MISSED * everyMs;
    const before = this.#suspects.size;
    for (const [name, at] of this.#heard) if (at < overdue) this.#suspects.add(name);
    if (this.#suspects.size > before) onChange();
  }
}
