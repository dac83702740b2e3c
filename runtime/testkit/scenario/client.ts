/** A client of the scenario: gives durable commands, tries those again that fail, asks, and remembers what it was told. */
import { asGridError } from '../../errors.ts';
import type { ActorSystem } from '../../system/mod.ts';
import type { SimulatedNode } from '../machine.ts';
import { TARGETS, type Target } from './ledger.ts';
import type { Promises } from './promises.ts';

export interface ClientOptions {
  /** No two clients have the same. */
  readonly name: string;
  readonly node: SimulatedNode;
  readonly system: ActorSystem;
  readonly promises: Promises;
  /** There is somebody to talk to. */
  readonly begun: () => boolean;
  /** Nothing new is given any more. */
  readonly over: () => boolean;
  /** It is refused for a reason that a program has to know of. */
  readonly onError: (error: unknown) => void;
}

/** Milliseconds between two of them on average. */
const COMMAND_EVERY_MS = 800;
const ASK_EVERY_MS = 700;
/** Before a named command is given again that failed. */
const AGAIN_MS = 300;
const TRIES = 6;

export class Client {
  readonly #options: ClientOptions;
  /** Targets that a command is under way to: the order of two at once is nobody's. */
  readonly #busy = new Set<Target>();
  #serial = 0;
  #stopped = false;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  start(): void {
    this.#every(COMMAND_EVERY_MS, (target) => this.#command(target));
    this.#every(ASK_EVERY_MS, (target) => this.#ask(target));
  }

  stop(): void {
    this.#stopped = true;
  }

  #every(meanMs: number, run: (target: Target) => Promise<void>): void {
    const { node, begun, over, onError } = this.#options;
    const next = () => {
      node.clock.setTimeout(
        () => {
          if (this.#stopped || over()) return;
          next();
          if (!begun()) return;
          const target = TARGETS[Math.floor(node.random() * TARGETS.length)] as Target;
          run(target).catch(onError);
        },
        2 * meanMs * node.random(),
      );
    };
    next();
  }

  async #command(target: Target): Promise<void> {
    if (this.#busy.has(target)) return;
    this.#busy.add(target);
    const { name, node, promises } = this.#options;
    const entry = this.#entry('c');
    const fate = promises.give(name, target, entry);
    const named = node.random() < 0.7;
    const kept = await this.#give(target, entry, named);
    // A name given once more, although the first time was heard of, counts once.
    if (kept && named && node.random() < 0.1) await this.#give(target, entry, true);
    fate(kept ? 'promised' : 'unknown');
    this.#busy.delete(target);
  }

  async #give({ definition, key }: Target, entry: string, named: boolean): Promise<boolean> {
    const { node, system } = this.#options;
    for (let tries = 1; tries <= TRIES && !this.#stopped; tries++) {
      try {
        await system.ref(definition, key).command({ type: 'put', entry }, named ? { name: entry } : {});
        return true;
      } catch (error) {
        if (!isExpected(error)) throw error;
        if (!named) return false;
      }
      await new Promise<void>((resolve) => node.clock.setTimeout(resolve, AGAIN_MS));
    }
    return false;
  }

  async #ask(target: Target): Promise<void> {
    const { node, system, promises } = this.#options;
    const ref = system.ref(target.definition, target.key);
    try {
      if (node.random() < 0.4) {
        const entry = this.#entry('a');
        await ref.ask({ type: 'put', entry });
        promises.answered(target, entry);
      } else {
        const answer = promises.asks(target);
        answer(await ref.ask({ type: 'count' }));
      }
    } catch (error) {
      if (!isExpected(error)) throw error;
    }
  }

  #entry(prefix: string): string {
    this.#serial += 1;
    return `${prefix}-${this.#options.name}-${this.#serial}`;
  }
}

/** Errors that say to try again, or that this side is closing. */
export function isExpected(error: unknown): boolean {
  const { retryable, code } = asGridError(error);
  return retryable || CLOSING.has(code);
}

const CLOSING: ReadonlySet<string> = new Set(['transport-closed', 'cancelled']);
