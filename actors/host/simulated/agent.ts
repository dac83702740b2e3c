/** The agent of a simulated guest: the same contract as the real one, without a channel between. */
import type { Clock } from '../../../runtime/mod.ts';
import type { GuestAgent, GuestEvent, GuestJob, GuestStats, GuestWarmth } from '../agent/mod.ts';
import { GuestUnreachable, HypervisorError } from '../errors.ts';
import type { SimulatedMachine } from './machine.ts';
import { runProgram } from './program.ts';
import { ReplayClock } from './replay-clock.ts';

const OUTPUT_KEPT = 4 * 1024 * 1024;
const BANNER = 'simulated guest: no machine ran what follows\n';
const SIGTERM = 15;

export interface SimulatedAgentOptions {
  readonly clock: Clock;
  readonly domain: string;
  readonly machine: SimulatedMachine;
}

/** What a guest's agent and job were at one moment. */
export interface FrozenAgent {
  readonly job: GuestJob;
  readonly output: Uint8Array<ArrayBuffer>;
  /** Of the job, with the time it had run, ms. */
  readonly command: string;
  readonly ranMs: number;
  readonly uptimeMs: number;
}

export class SimulatedAgent implements GuestAgent {
  readonly #options: SimulatedAgentOptions;
  #bootedAt: number;
  readonly #listeners = new Set<(event: GuestEvent) => void>();
  #job: GuestJob = { state: 'idle' };
  #output = new Uint8Array();
  #program: AbortController | undefined;
  #command = '';
  #startedAt = 0;
  /** Output of a job that is replayed after a rollback, up to where it was. */
  #alreadyPrinted = 0;
  #stream: unknown;
  #warm: GuestWarmth = { vcpus: 0, memoryMiB: 0 };
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
    this.#command = command;
    this.#startedAt = this.#options.clock.now();
    this.#print(BANNER);
    void this.#follow(id, command, this.#options.clock);
  }

  freeze(): FrozenAgent {
    const now = this.#options.clock.now();
    return {
      job: this.#job,
      output: this.#output,
      command: this.#command,
      ranMs: now - this.#startedAt,
      uptimeMs: now - this.#bootedAt,
    };
  }

  /** Goes on from there: a job that ran runs again, at once up to where it was. */
  thaw({ job, output, command, ranMs, uptimeMs }: FrozenAgent): void {
    const { clock } = this.#options;
    this.#job = job;
    this.#output = output;
    this.#command = command;
    this.#startedAt = clock.now() - ranMs;
    this.#bootedAt = clock.now() - uptimeMs;
    if (job.state !== 'running') return;
    this.#alreadyPrinted = job.outputBytes - new TextEncoder().encode(BANNER).length;
    void this.#follow(job.id, command, new ReplayClock(clock, ranMs));
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

  async setWarm(warmth: GuestWarmth): Promise<GuestWarmth> {
    this.#check();
    this.#warm = warmth;
    return warmth;
  }

  async giveWarm({ vcpus, memoryMiB }: GuestWarmth): Promise<number> {
    this.#check();
    const { machine } = this.#options;
    const given = {
      vcpus: Math.min(vcpus, this.#warm.vcpus),
      memoryMiB: Math.min(memoryMiB, this.#warm.memoryMiB),
    };
    this.#warm = {
      vcpus: this.#warm.vcpus - given.vcpus,
      memoryMiB: this.#warm.memoryMiB - given.memoryMiB,
    };
    machine.memoryMiB += given.memoryMiB;
    return await this.setOnlineVcpus(machine.vcpus + given.vcpus);
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

  async #follow(id: string, command: string, clock: Clock): Promise<void> {
    const { machine } = this.#options;
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
    const told = new TextEncoder().encode(text);
    const bytes = told.subarray(Math.min(told.length, this.#alreadyPrinted));
    this.#alreadyPrinted -= told.length - bytes.length;
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
