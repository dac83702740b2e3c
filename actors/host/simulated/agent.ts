/** The agent of a simulated guest: the same contract as the real one, without a channel between. */
import type { Clock } from '../../../runtime/mod.ts';
import type { GuestAgent, GuestEvent, GuestJob, GuestStats } from '../agent/mod.ts';
import { GuestUnreachable, HypervisorError } from '../errors.ts';
import type { SimulatedMachine } from './machine.ts';
import { runProgram } from './program.ts';

const OUTPUT_KEPT = 4 * 1024 * 1024;
const BANNER = 'simulated guest: no machine ran what follows\n';
const SIGTERM = 15;

export interface SimulatedAgentOptions {
  readonly clock: Clock;
  readonly domain: string;
  readonly machine: SimulatedMachine;
}

export class SimulatedAgent implements GuestAgent {
  readonly #options: SimulatedAgentOptions;
  readonly #bootedAt: number;
  readonly #listeners = new Set<(event: GuestEvent) => void>();
  #job: GuestJob = { state: 'idle' };
  #output = new Uint8Array();
  #program: AbortController | undefined;
  #stream: unknown;
  #closed = false;

  constructor(options: SimulatedAgentOptions) {
    this.#options = options;
    this.#bootedAt = options.clock.now();
  }

  async run(id: string, command: string): Promise<void> {
    this.#check();
    if (this.#job.state !== 'idle' && this.#job.id === id) return;
    if (this.#job.state === 'running') {
      const message = `guest ${this.#options.domain}: job ${this.#job.id} runs in it`;
      throw new HypervisorError(message, {}, 'guest-job-running');
    }
    this.#job = { state: 'running', id, outputBytes: 0 };
    this.#output = new Uint8Array();
    this.#print(BANNER);
    void this.#follow(id, command);
  }

  async job(): Promise<GuestJob> {
    this.#check();
    return this.#job;
  }

  async output(
    offset: number,
    maxBytes: number,
  ): Promise<{ readonly offset: number; readonly data: Uint8Array }> {
    this.#check();
    const total = this.#job.state === 'idle' ? 0 : this.#job.outputBytes;
    const oldest = total - this.#output.length;
    const from = Math.min(total, Math.max(oldest, offset));
    return { offset: from, data: this.#output.slice(from - oldest, from - oldest + maxBytes) };
  }

  async kill(_graceMs: number): Promise<void> {
    this.#check();
    this.#program?.abort();
  }

  async setOnlineVcpus(count: number): Promise<number> {
    this.#check();
    this.#options.machine.vcpus = Math.max(1, count);
    this.#emit({ type: 'hotplug', what: 'cpu', onlineVcpus: this.#options.machine.vcpus });
    return this.#options.machine.vcpus;
  }

  async stats(): Promise<GuestStats> {
    this.#check();
    return this.readStats();
  }

  async streamStats(intervalMs: number): Promise<void> {
    this.#check();
    const { clock } = this.#options;
    clock.clearTimeout(this.#stream);
    if (intervalMs <= 0) return;
    const send = (): void => {
      this.#emit({ type: 'stats', stats: this.readStats() });
      this.#stream = clock.setTimeout(send, intervalMs);
    };
    this.#stream = clock.setTimeout(send, intervalMs);
  }

  onEvent(listener: (event: GuestEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** One agent serves all callers: nothing of theirs to close. */
  close(): void {}

  readStats(): GuestStats {
    const { clock, machine } = this.#options;
    return {
      uptime: (clock.now() - this.#bootedAt) / 1000,
      onlineVcpus: machine.vcpus,
      memoryTotalMiB: machine.memoryTotalMiB,
      memoryAvailableMiB: machine.memoryAvailableMiB,
    };
  }

  /** The guest ends: so does all that runs in it. */
  shutDown(): void {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#stream);
    this.#listeners.clear();
    this.#program?.abort();
  }

  async #follow(id: string, command: string): Promise<void> {
    const { clock, machine } = this.#options;
    const program = new AbortController();
    this.#program = program;
    let exitCode = 128 + SIGTERM;
    let signal = SIGTERM;
    try {
      exitCode = await runProgram(command, {
        clock,
        machine,
        print: (text) => this.#print(text),
        note: (text) => this.#emit({ type: 'note', text }),
        signal: program.signal,
      });
      signal = 0;
    } catch (error) {
      if (!program.signal.aborted) throw error;
    }
    const outputBytes = this.#job.state === 'idle' ? 0 : this.#job.outputBytes;
    this.#job = { state: 'exited', id, outputBytes, exitCode, signal };
    this.#emit({ type: 'exited', id, exitCode, signal });
  }

  #print(text: string): void {
    if (this.#job.state !== 'running') return;
    const bytes = new TextEncoder().encode(text);
    const all = new Uint8Array(this.#output.length + bytes.length);
    all.set(this.#output);
    all.set(bytes, this.#output.length);
    this.#output = all.slice(-OUTPUT_KEPT);
    this.#job = { ...this.#job, outputBytes: this.#job.outputBytes + bytes.length };
  }

  #emit(event: GuestEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #check(): void {
    if (this.#closed) throw new GuestUnreachable(this.#options.domain, 'the domain ended');
  }
}
