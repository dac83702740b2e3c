/** One job's stay on a host: create or adopt its domain, boot, run the command, watch it to its end. */
import type { Clock } from '../../runtime/mod.ts';
import { toWireError, type WireError } from '../../runtime/mod.ts';
import type { GuestAgent, GuestJob } from './agent/mod.ts';
import { DomainExists, GuestUnreachable } from './errors.ts';
import type { Tenant } from './messages.ts';
import { OutputTail } from './output-tail.ts';
import type { DomainStatus, GuestImage, Hypervisor } from './port/mod.ts';

/** What happens during a stay; every time is ms since the epoch. */
export interface TenancyEvents {
  /** The guest's command runs. `adopted`: it ran before this process found it. */
  started(event: { readonly bootMs: number; readonly adopted: boolean; readonly at: number }): void;
  exited(event: {
    readonly exitCode: number;
    readonly signal: number;
    readonly outputBytes: number;
    readonly output: Uint8Array;
    readonly at: number;
  }): void;
  /** It cannot go on: never booted, agent silent, domain gone, deadline passed. */
  lost(event: {
    readonly error: WireError;
    readonly outputBytes: number;
    readonly output: Uint8Array;
    readonly at: number;
  }): void;
  /** The command wrote a line to the guest's note channel. */
  note(event: { readonly text: string; readonly at: number }): void;
}

export interface TenancyOptions {
  readonly hypervisor: Hypervisor;
  readonly tenant: Tenant;
  readonly image: GuestImage;
  readonly mayCreate: boolean;
  readonly clock: Clock;
  readonly events: TenancyEvents;
  /** A guest that has not answered by then never boots. Default 120 s: emulated guests on busy machines are slow. */
  readonly bootDeadlineMs?: number;
  /** An agent silent for so long is lost. Default 30 s. */
  readonly silenceMs?: number;
}

/** Output kept when a job ends, bytes. */
export const OUTPUT_KEPT = 256 * 1024;
const POLL_MS = 2_000;

/** Follows one job on one host until it ends or {@link Tenancy.leave} is called. */
export class Tenancy {
  readonly #options: TenancyOptions;
  readonly #abort = new AbortController();
  readonly #unsubscribe: (() => void)[] = [];
  readonly #read = new OutputTail(OUTPUT_KEPT);
  #agent: GuestAgent | undefined;
  #timer: unknown;
  #lastAnswer = 0;
  #startedAt = 0;
  #over = false;
  #creating: Promise<unknown> = Promise.resolve();

  constructor(options: TenancyOptions) {
    this.#options = options;
  }

  get tenant(): Tenant {
    return this.#options.tenant;
  }

  /** Runs the stay; resolves once the command runs or the stay is over. Never rejects: failures are `lost` events. */
  async begin(): Promise<void> {
    const { hypervisor, tenant, clock, events, mayCreate } = this.#options;
    const beganAt = clock.now();
    this.#unsubscribe.push(hypervisor.onLifecycle((event) => this.#onLifecycle(event)));
    try {
      const existing = (await hypervisor.list()).find((domain) => domain.name === tenant.domain);
      if (existing === undefined && !mayCreate) {
        this.#lose({
          code: 'domain-vanished',
          message: `the VM of job ${tenant.jobId} is gone; it was not running any more when the host came back`,
        });
        return;
      }
      if (this.#over) return;
      if (existing === undefined) {
        this.#creating = this.#create();
        await this.#creating;
      }
      if (existing !== undefined) this.#refuseDead(existing);
      const agent = await this.#boot();
      if (this.#over) return;
      this.#agent = agent;
      // Listen first: a command's first words come at once.
      this.#unsubscribe.push(agent.onEvent((event) => this.#onGuestEvent(event)));
      const before = await agent.job();
      if (before.state === 'idle' && !mayCreate) {
        this.#lose({
          code: 'guest-restarted',
          message: `the guest of job ${tenant.jobId} has restarted and knows nothing of its command any more`,
        });
        return;
      }
      if (before.state === 'idle') await agent.run(tenant.jobId, tenant.command);
      if (this.#over) return;
      this.#lastAnswer = clock.now();
      this.#startedAt = tenant.startedAt ?? clock.now();
      events.started({
        bootMs: clock.now() - beganAt,
        adopted: before.state !== 'idle',
        at: clock.now(),
      });
      if (before.state === 'exited') await this.#end(before);
      else this.#poll();
    } catch (error) {
      this.#lose(toWireError(error));
    }
  }

  /** Output so far, from byte `offset`. Rejects with `GuestUnreachable` before the guest has booted. */
  async output(
    offset: number,
    maxBytes: number,
  ): Promise<{ readonly offset: number; readonly data: Uint8Array }> {
    if (this.#agent === undefined) throw new GuestUnreachable(this.#options.tenant.domain, 'still booting');
    const agent = this.#agent;
    try {
      return await agent.output(offset, maxBytes);
    } catch (error) {
      // The guest may have been put back or moved since: it answers over another channel.
      await this.#reconnect();
      if (this.#agent === agent) throw error;
      return await this.#agent.output(offset, maxBytes);
    }
  }

  /** Stops following; the domain itself is left as it is. Resolves when none is being created any more. */
  leave(): Promise<unknown> {
    this.#over = true;
    this.#abort.abort();
    this.#options.clock.clearTimeout(this.#timer);
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    return this.#creating.catch(() => {});
  }

  async #create(): Promise<void> {
    const { hypervisor, tenant, image } = this.#options;
    try {
      const { jobId, allocation, limit, domain: name } = tenant;
      await hypervisor.create({ name, jobId, image, allocation, limit }, { signal: this.#abort.signal });
    } catch (error) {
      // Two starts of the same job meet here: the domain is ours either way.
      if (!(error instanceof DomainExists)) throw error;
    }
  }

  #refuseDead(domain: DomainStatus): void {
    if (domain.state === 'running') return;
    throw new GuestUnreachable(domain.name, `its VM is ${domain.state}`);
  }

  async #boot(): Promise<GuestAgent> {
    const { hypervisor, tenant, bootDeadlineMs = 120_000 } = this.#options;
    const deadline = this.#deadline(bootDeadlineMs);
    try {
      return await hypervisor.agent(tenant.domain, { signal: deadline.signal });
    } catch (error) {
      if (!deadline.passed()) throw error;
      throw new GuestUnreachable(
        tenant.domain,
        `it did not boot within ${bootDeadlineMs / 1000} s${await this.#lastWords()}`,
        error,
      );
    } finally {
      deadline.clear();
    }
  }

  /** Fires when we leave, or after `ms` by the clock. */
  #deadline(ms: number) {
    const { clock } = this.#options;
    const late = new AbortController();
    const timer = clock.setTimeout(() => late.abort(), ms);
    return {
      signal: AbortSignal.any([this.#abort.signal, late.signal]),
      passed: () => late.signal.aborted,
      clear: () => clock.clearTimeout(timer),
    };
  }

  async #lastWords(): Promise<string> {
    const words = await this.#options.hypervisor.consoleTail(this.#options.tenant.domain).catch(() => '');
    return words === '' ? ', and said nothing on its console' : `; its console ends: ${words}`;
  }

  #poll(): void {
    const { clock, tenant, silenceMs = 30_000 } = this.#options;
    this.#timer = clock.setTimeout(async () => {
      if (this.#over) return;
      try {
        const job = await this.#agent!.job();
        this.#lastAnswer = clock.now();
        if (job.state === 'exited') return await this.#end(job);
        if (job.state === 'running') await this.#read.follow(this.#agent!, job.outputBytes);
      } catch (error) {
        const silent = clock.now() - this.#lastAnswer;
        if (silent > silenceMs) {
          const why = error instanceof Error ? error.message : String(error);
          return this.#lose({
            code: 'agent-silent',
            message: `the agent of ${tenant.domain} has not answered for ${Math.round(silent / 1000)} s (${why})`,
          });
        }
        await this.#reconnect();
      }
      const { deadlineSeconds } = tenant;
      if (deadlineSeconds !== undefined && clock.now() - this.#startedAt > deadlineSeconds * 1000) {
        await this.#agent?.kill(1_000).catch(() => {});
        return this.#lose({
          code: 'deadline-exceeded',
          message: `the job ran longer than its deadline of ${deadlineSeconds} s`,
          field: 'deadlineSeconds',
        });
      }
      if (!this.#over) this.#poll();
    }, POLL_MS);
  }

  /** The channel may have broken while the guest is well: the driver hands out a new connection. */
  async #reconnect(): Promise<void> {
    const { hypervisor, tenant } = this.#options;
    const deadline = this.#deadline(POLL_MS);
    const agent = await hypervisor.agent(tenant.domain, { signal: deadline.signal }).catch(() => undefined);
    deadline.clear();
    if (agent === undefined || agent === this.#agent || this.#over) return;
    this.#agent = agent;
    this.#unsubscribe.push(agent.onEvent((event) => this.#onGuestEvent(event)));
  }

  #onGuestEvent(event: Parameters<Parameters<GuestAgent['onEvent']>[0]>[0]): void {
    const { clock, events } = this.#options;
    this.#lastAnswer = clock.now();
    if (event.type === 'note') events.note({ text: event.text, at: clock.now() });
    if (event.type !== 'exited') return;
    this.#agent
      ?.job()
      .then((job) => (job.state === 'exited' ? this.#end(job) : undefined))
      .catch(() => {}); // the next poll asks again
  }

  #onLifecycle(event: { readonly domain: string; readonly event: string; readonly detail: string }): void {
    if (event.domain !== this.#options.tenant.domain) return;
    // It runs on at another host: whoever moved it there has it followed there.
    if (event.event === 'migrated') return void this.leave();
    if (event.event !== 'stopped' && event.event !== 'crashed') return;
    this.#lose({
      code: `domain-${event.event}`,
      message: `the VM ${event.event === 'crashed' ? 'crashed' : 'was stopped'} while the job ran (${event.detail})`,
    });
  }

  async #end(job: Extract<GuestJob, { state: 'exited' }>): Promise<void> {
    if (this.#over) return;
    const output = await this.#tail(this.#agent!, job.outputBytes);
    if (this.#over) return;
    void this.leave();
    const { exitCode, signal, outputBytes } = job;
    this.#options.events.exited({ exitCode, signal, outputBytes, output, at: this.#options.clock.now() });
  }

  #lose(error: WireError): void {
    if (this.#over) return;
    void this.leave();
    const { clock, events } = this.#options;
    void this.#rest()
      .catch(() => this.#read.get())
      .then((rest) => events.lost({ error, ...rest, at: clock.now() }));
  }

  /** The end of what a job that is lost has written, where its guest still answers. */
  async #rest(): Promise<{ readonly outputBytes: number; readonly output: Uint8Array }> {
    const job = await this.#agent?.job();
    const outputBytes = job === undefined || job.state === 'idle' ? 0 : job.outputBytes;
    return {
      outputBytes,
      output: outputBytes > 0 ? await this.#tail(this.#agent!, outputBytes) : new Uint8Array(),
    };
  }

  async #tail(agent: GuestAgent, total: number): Promise<Uint8Array> {
    const start = Math.max(0, total - OUTPUT_KEPT);
    const chunks: Uint8Array[] = [];
    for (let at = start; at < total; ) {
      const chunk = await agent.output(at, Math.min(32 * 1024, total - at));
      if (chunk.data.length === 0) break;
      chunks.push(chunk.data);
      at = chunk.offset + chunk.data.length;
    }
    return new Uint8Array(Buffer.concat(chunks));
  }
}
