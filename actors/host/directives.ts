/** Carries out directives: in order per domain, domains side by side. */
import { type Clock, toWireError } from '../../runtime/mod.ts';
import type { Directive, Settlement } from './messages.ts';
import type { Hypervisor } from './port/mod.ts';
import type { Turns } from './turns.ts';

export class DirectiveQueue {
  readonly #hypervisor: Hypervisor;
  readonly #clock: Clock;
  readonly #turns: Turns;

  constructor(hypervisor: Hypervisor, clock: Clock, turns: Turns) {
    this.#hypervisor = hypervisor;
    this.#clock = clock;
    this.#turns = turns;
  }

  /** Applies `grant` of what the directive asks for; never rejects: a failure is a settlement too. */
  apply(directive: Directive, grant: number): Promise<Settlement> {
    const arrived = this.#clock.now();
    return this.#turns.take(directive.domain, () => this.#carryOut(directive, grant, arrived));
  }

  async #carryOut(directive: Directive, grant: number, arrived: number): Promise<Settlement> {
    const settle = (rest: Pick<Settlement, 'outcome' | 'granted' | 'error'>): Settlement => {
      const at = this.#clock.now();
      return { directive, tookMs: at - arrived, at, ...rest };
    };
    const { domain, resource, from, to } = directive;
    if (to > from && grant <= from) {
      const message = `the host has no ${resource} left to give`;
      return settle({
        outcome: 'refused',
        granted: from,
        error: { code: 'no-room', message, retryable: true },
      });
    }
    try {
      let granted = grant;
      if (resource === 'cores') await this.#hypervisor.setCores(domain, grant);
      else if (resource === 'vcpus') await this.#hypervisor.setVcpus(domain, grant);
      else granted = await this.#hypervisor.setMemory(domain, grant);
      return settle({ outcome: granted < to && to > from ? 'partial' : 'applied', granted });
    } catch (error) {
      return settle({ outcome: 'failed', granted: from, error: toWireError(error) });
    }
  }
}
