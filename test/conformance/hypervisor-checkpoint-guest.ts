/** A guest of the checkpoint tests, told what to run by commands. */

import type { Hypervisor } from '../../actors/host/mod.ts';
import { until } from '../support/until.ts';

const BOOT_MS = 90_000;

export class CommandedGuest {
  readonly #hypervisor: () => Hypervisor;
  readonly #name: string;
  #runs = 0;

  /** `hypervisor` may be another one from call to call. */
  constructor(hypervisor: () => Hypervisor, name: string) {
    this.#hypervisor = hypervisor;
    this.#name = name;
  }

  /** What the command printed, when it has ended. */
  async run(command: string): Promise<string> {
    const agent = await this.#hypervisor().agent(this.#name, { signal: AbortSignal.timeout(BOOT_MS) });
    const id = `${this.#name}-${this.#runs++}`;
    await agent.run(id, command);
    await until(async () => {
      const job = await agent.job();
      return job.state === 'exited' && job.id === id;
    });
    return new TextDecoder().decode((await agent.output(0, 1 << 20)).data).trim();
  }

  async state(): Promise<string | undefined> {
    return (await this.#hypervisor().list()).find(({ name }) => name === this.#name)?.state;
  }
}
