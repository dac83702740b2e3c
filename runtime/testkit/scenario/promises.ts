/** What clients of the scenario were promised, and whether it was kept: commands once and in order, asks never lost. */
import { type Count, TARGETS, type Target } from './ledger.ts';

type Fate = 'given' | 'promised' | 'unknown';

interface Command {
  readonly target: Target;
  readonly entry: string;
  readonly sender: string;
  fate: Fate;
}

export class Promises {
  readonly #accuse: (what: string) => void;
  /** In the order in which they were given, which is each sender's too. */
  readonly #commands: Command[] = [];
  /** Entries of asks that were answered. */
  readonly #asks: { readonly target: Target; readonly entry: string }[] = [];
  /** The longest that each list was said to be. */
  readonly #longest = new Map<Target, number>();
  readonly #counts: { readonly target: Target; readonly count: Count }[] = [];

  constructor(accuse: (what: string) => void) {
    this.#accuse = accuse;
  }

  /** Commands that are kept for good. */
  get kept(): number {
    return this.#commands.filter(({ fate }) => fate === 'promised').length;
  }

  /** A durable command is given; tell of its end by the returned function. */
  give(sender: string, target: Target, entry: string): (fate: Exclude<Fate, 'given'>) => void {
    const command: Command = { target, entry, sender, fate: 'given' };
    this.#commands.push(command);
    return (fate) => {
      command.fate = fate;
    };
  }

  answered(target: Target, entry: string): void {
    this.#asks.push({ target, entry });
  }

  /** A question is put; tell of its answer by the returned function. */
  asks(target: Target): (count: Count) => void {
    const before = this.#longest.get(target) ?? 0;
    return (count) => {
      if (count.length < before) {
        this.#accuse(`${target.address} answers ${count.length} entries after it had answered ${before}`);
      }
      this.#longest.set(target, Math.max(this.#longest.get(target) ?? 0, count.length));
      this.#counts.push({ target, count });
    };
  }

  /** With every list as it is in the end. */
  check(lists: ReadonlyMap<Target, readonly string[]>): void {
    for (const target of TARGETS) this.#checkOne(target, lists.get(target) ?? []);
  }

  #checkOne(target: Target, list: readonly string[]): void {
    const { address } = target;
    const times = new Map<string, number>();
    for (const entry of list) times.set(entry, (times.get(entry) ?? 0) + 1);
    const latest = new Map<string, number>();
    for (const command of this.#commands) {
      if (command.target !== target) continue;
      const { entry, sender, fate } = command;
      const found = times.get(entry) ?? 0;
      if (found > 1) this.#accuse(`${address} has applied command ${entry} ${found} times`);
      if (fate !== 'promised') continue;
      if (found === 0) this.#accuse(`${address} has lost command ${entry}`);
      const at = list.indexOf(entry);
      if (at < (latest.get(sender) ?? -1)) this.#accuse(`${address} has command ${entry} out of order`);
      latest.set(sender, at);
    }
    for (const ask of this.#asks) {
      if (ask.target === target && !times.has(ask.entry))
        this.#accuse(`${address} has lost ask ${ask.entry}`);
    }
    for (const { target: of, count } of this.#counts) {
      const { length, last } = count;
      if (of === target && list[length - 1] !== last) {
        this.#accuse(`${address} answered ${last} as entry ${length}, which is ${list[length - 1]} now`);
      }
    }
  }
}
