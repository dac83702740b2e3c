/** Clients that give numbers to ledgers and look at them, and write down what they saw. */
import type { ActorRef } from '../../runtime/mod.ts';
import { monotonicMs } from '../support/cluster-settings.ts';
import type { ledger } from '../support/ledger.ts';
import type { Dice } from './dice.ts';
import type { Given, Seen } from './verdict.ts';

type Ledger = ActorRef<typeof ledger>;

export interface ClientsOptions {
  readonly ledgers: readonly Ledger[];
  readonly dice: Dice;
  /** How many there are. */
  readonly count: number;
  /** Between what a client does and what it does next, ms. */
  readonly pauseMs: number;
  /** Of each call. */
  readonly deadlineMs: number;
}

export class Clients {
  readonly given: Given[] = [];
  readonly seen: Seen[] = [];
  /** Why calls failed, and how often. */
  readonly failures = new Map<string, number>();
  readonly #options: ClientsOptions;
  #serial = 0;
  #going = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  resume(): void {
    this.#going = true;
    const { ledgers, count } = this.#options;
    // Each has ledgers of its own: commands to one ledger are given one after the other.
    const lanes = Array.from({ length: count }, (_, i) =>
      this.#run(ledgers.filter((_, at) => at % count === i)),
    );
    this.#running = Promise.all(lanes);
  }

  /** Resolves when nothing is under way. */
  async pause(): Promise<void> {
    this.#going = false;
    await this.#running;
  }

  async #run(own: readonly Ledger[]): Promise<void> {
    const { dice, ledgers, pauseMs } = this.#options;
    while (this.#going) {
      const kind = dice.below(10);
      // Anybody may look at any ledger.
      if (kind < 4) await this.#look(dice.pick(ledgers));
      else await this.#give(dice.pick(own), kind < 8);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async #give(to: Ledger, durable: boolean): Promise<void> {
    this.#serial += 1;
    const n = this.#serial;
    const key = keyOf(to);
    const { deadlineMs } = this.#options;
    const asked = monotonicMs();
    try {
      if (durable) await to.command({ type: 'add', n }, { deadlineMs });
      else {
        const count = await to.ask({ type: 'add', n }, { deadlineMs });
        this.seen.push({ key, asked, answered: monotonicMs(), count });
      }
      this.given.push({ key, n, durable, acknowledged: true });
    } catch (error) {
      this.given.push({ key, n, durable, acknowledged: false });
      this.#failed(durable ? 'command' : 'ask', error);
    }
  }

  async #look(at: Ledger): Promise<void> {
    const { deadlineMs } = this.#options;
    const asked = monotonicMs();
    try {
      const count = await at.ask({ type: 'look' }, { deadlineMs });
      this.seen.push({ key: keyOf(at), asked, answered: monotonicMs(), count });
    } catch (error) {
      this.#failed('look', error);
    }
  }

  #failed(what: string, error: unknown): void {
    const why = `${what}: ${(error as { code?: string }).code ?? String(error)}`;
    this.failures.set(why, (this.failures.get(why) ?? 0) + 1);
  }
}

export const keyOf = ({ address }: Ledger) => address.slice(address.indexOf('/') + 1);
