/** One look at a VM's state: the parts that a budget allows, in order of importance. */
import { CapabilityMissing } from '../errors.ts';
import type { CostBudget } from './budget.ts';
import { PAGE_BYTES, pageAddresses } from './page-choice.ts';
import type { MemoryPage, StateFrame, StatePart, StateSource } from './state.ts';

export const STATE_PARTS: readonly StatePart[] = ['registers', 'pages', 'devices', 'dirtyRate'];

export type LookedAt = Pick<StateFrame, 'registers' | 'pages' | 'blocks' | 'interfaces' | 'dirtyRate'>;

export interface LookOptions {
  readonly source: StateSource;
  readonly budget: CostBudget<StatePart>;
  readonly parts: readonly StatePart[];
  readonly pagesPerFrame: number;
  readonly dirtyRateSeconds: number;
}

/** Keeps what is remembered between looks: the next page, and what the source turned out to lack. */
export class Look {
  readonly #options: LookOptions;
  readonly #lacking = new Set<StatePart>();
  readonly leftOut: Record<StatePart, number> = { registers: 0, pages: 0, devices: 0, dirtyRate: 0 };
  #addresses: Generator<number, never> | undefined;

  constructor(options: LookOptions) {
    this.#options = options;
  }

  /** Undefined if there was budget for nothing. Rejects with what the source rejects with, but CapabilityMissing. */
  async take(): Promise<LookedAt | undefined> {
    let taken: LookedAt | undefined;
    for (const part of this.#options.parts) {
      if (this.#lacking.has(part)) continue;
      if (!this.#options.budget.affords(part)) {
        this.leftOut[part]++;
        continue;
      }
      try {
        taken = { ...taken, ...(await this.#part(part)) };
      } catch (error) {
        if (!(error instanceof CapabilityMissing)) throw error;
        this.#lacking.add(part);
      }
    }
    // A source that has none of the parts still tells that the VM is there.
    return this.#lacking.size === this.#options.parts.length ? {} : taken;
  }

  async #part(part: StatePart): Promise<LookedAt> {
    const { source, budget, dirtyRateSeconds } = this.#options;
    switch (part) {
      case 'registers':
        return { registers: await budget.spend(part, () => source.registers()) };
      case 'pages':
        return { pages: await this.#pages() };
      case 'devices':
        return await budget.spend(part, () => source.devices());
      case 'dirtyRate': {
        const dirtyRate = await budget.spend(part, () => source.dirtyRate(dirtyRateSeconds));
        return dirtyRate === undefined ? {} : { dirtyRate };
      }
    }
  }

  /** At least one, and as many more as the budget allows: a page is what is paid for. */
  async #pages(): Promise<MemoryPage[]> {
    const { source, budget, pagesPerFrame } = this.#options;
    this.#addresses ??= pageAddresses(await source.memoryRanges());
    const pages: MemoryPage[] = [];
    do {
      const address = this.#addresses.next().value;
      const bytes = await budget.spend('pages', () => source.page(address, PAGE_BYTES));
      pages.push({ address, bytes });
    } while (pages.length < pagesPerFrame && budget.affords('pages'));
    return pages;
  }
}
