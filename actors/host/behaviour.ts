/** What a host actor does: follows tenants, carries out directives and operations on a hypervisor, samples. */
import pRetry from 'p-retry';
import {
  type ActorBehaviour,
  type ActorContext,
  type Clock,
  type Frame,
  toWireError,
} from '../../runtime/mod.ts';
import { hostActor } from './actor.ts';
import { DirectiveQueue } from './directives.ts';
import { DomainNotFound, HypervisorUnavailable } from './errors.ts';
import type { HostEffect, Reservation, Residence, Settlement } from './messages.ts';
import {
  type Journal,
  type OperationProgress,
  type OperationReport,
  Operations,
  type Removal,
} from './operations/mod.ts';
import type { Checkpoint, GuestImage, Hypervisor, MigrationTarget } from './port/mod.ts';
import { Sampler } from './sampler.ts';
import { SlowClock, type SlowSample, sampleIntervalMs } from './telemetry/mod.ts';
import { Tenancy, type TenancyEvents, type TenancyOptions } from './tenancy.ts';
import { Turns } from './turns.ts';
import type { HostView } from './view.ts';

/** Whom a host tells what. */
export interface HostNeighbours {
  announce(view: HostView): void;
  /** Events of a job's stay. */
  tenancy(jobId: string): TenancyEvents;
  settled(settlement: Settlement): void;
  progress(progress: OperationProgress): void;
  report(report: OperationReport): void;
  /** The other hosts. */
  readonly removal: Omit<Removal, 'arrange'> & {
    arrange(to: string, vm: Reservation): Promise<MigrationTarget>;
  };
  frame(frame: Frame): void;
  /** Once a second while there are residents. */
  counters(sample: SlowSample): void;
  /** Whether a domain that was found running still has a job to run. */
  isWanted(residence: Residence): Promise<boolean>;
}

export interface HostOptions {
  readonly open: () => Promise<Hypervisor>;
  readonly image: (name: string) => GuestImage | undefined;
  readonly clock: Clock;
  /** Time between telemetry samples, ms. Default: by each job's criticality. */
  readonly sampleIntervalMs?: number;
  readonly tenancy?: Pick<TenancyOptions, 'bootDeadlineMs' | 'silenceMs'>;
  readonly journal: Journal;
  readonly neighbours: HostNeighbours;
}

type Context = ActorContext<typeof hostActor>;

/** Opens the hypervisor, follows tenants, applies directives, samples. One per host actor. */
export class HostBehaviour implements ActorBehaviour<typeof hostActor> {
  readonly #options: HostOptions;
  readonly #tenancies = new Map<string, Tenancy>();
  #hypervisor: Hypervisor | undefined;
  readonly #turns = new Turns();
  readonly #arrivals = new Set<unknown>();
  #directives: DirectiveQueue | undefined;
  #operations: Operations | undefined;
  #counters: SlowClock | undefined;
  #sampler: Sampler | undefined;
  #closed = false;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  /** Opens the hypervisor and tells the actor; a hypervisor that cannot be reached is reported and thrown. */
  async open(self: Context['self'], host: string): Promise<void> {
    const { clock, neighbours } = this.#options;
    try {
      const hypervisor = await this.#options.open();
      this.#hypervisor = hypervisor;
      this.#directives = new DirectiveQueue(hypervisor, clock, this.#turns);
      this.#operations = this.#operationsOn(hypervisor, self);
      this.#sampler = new Sampler({
        host,
        hypervisor,
        clock,
        intervalMs: sampleIntervalMs('normal'),
        intervalOf: (domain) => this.#intervalOf(domain),
        onFrame: (frame) => neighbours.frame(frame),
      });
      this.#counters = new SlowClock({
        clock,
        read: () => hypervisor.telemetry.slow(),
        onSample: (sample) => neighbours.counters(sample),
        // The next second asks again; a hypervisor that is gone is told of elsewhere.
        onError: () => {},
      });
      const recovered = await this.#operations.recover();
      const [info, found, target] = await Promise.all([
        hypervisor.info(),
        hypervisor.list(),
        hypervisor.migration.target().catch(() => undefined),
      ]);
      for (const report of recovered.over) await self.ask({ type: 'operated', report });
      await self.ask({
        type: 'opened',
        info,
        ...(target !== undefined && { target }),
        underWay: recovered.underWay.map(({ operation, domain }) => ({ operation, domain })),
        capabilities: hypervisor.capabilities,
        found: found.map(({ name, jobId, allocation, warm }) => ({
          name,
          jobId,
          allocation,
          ...(warm !== undefined && { warm }),
        })),
      });
      for (const { report } of recovered.underWay) void this.#tellReport(report, self);
    } catch (error) {
      await self.ask({ type: 'unreachable', error: toWireError(error) });
      throw error;
    }
  }

  async onEffect(effect: HostEffect, context: Context): Promise<void> {
    switch (effect.type) {
      case 'announce':
        return this.#options.neighbours.announce(effect.view);
      case 'settled':
        return this.#options.neighbours.settled(effect.settlement);
      case 'ensure':
        return this.#ensure(effect, context);
      case 'release':
        return this.#release(effect, context);
      case 'apply': {
        const settlement = await this.#need(this.#directives).apply(effect.directive, effect.grant);
        return void context.self.tell({ type: 'settled', settlement });
      }
      case 'operate': {
        const report = this.#need(this.#operations).run(effect.operation, effect.domain);
        return this.#tellReport(report, context.self);
      }
      case 'cancel-operation':
        return this.#operations?.cancel(effect.id);
      case 'report':
        this.#afterwards(effect.report, context);
        return this.#options.neighbours.report(effect.report);
      case 'expect':
        return this.#awaitArrival(effect.jobId, effect.withinMs, context);
      case 'reconcile':
        for (const residence of effect.residents) {
          if (await this.#options.neighbours.isWanted(residence)) continue;
          void context.self.tell({ type: 'release', jobId: residence.jobId });
        }
    }
  }

  /** Output of a job that lives here, from byte `offset`. */
  async output(jobId: string, offset: number, maxBytes: number) {
    return await this.#tenancies.get(jobId)?.output(offset, maxBytes);
  }

  /** Of a job's VM on this host, oldest first; also where the VM is gone. */
  async checkpoints(jobId: string): Promise<Checkpoint[]> {
    const all = await this.#need(this.#hypervisor).checkpoints.list();
    return all.filter((checkpoint) => checkpoint.jobId === jobId);
  }

  /** Stops sampling and following; `destroy` also ends the domains. Resolves with the domains left running. */
  async close(options: { readonly destroy: boolean }): Promise<string[]> {
    this.#closed = true;
    this.#sampler?.stop();
    this.#counters?.stop();
    for (const timer of this.#arrivals) this.#options.clock.clearTimeout(timer);
    await this.#operations?.close();
    await Promise.all([...this.#tenancies.values()].map((tenancy) => tenancy.leave()));
    this.#tenancies.clear();
    const hypervisor = this.#hypervisor;
    if (hypervisor === undefined) return [];
    const domains = await hypervisor.list().catch(() => []);
    const left: string[] = [];
    const end = ({ name }: { readonly name: string }) =>
      options.destroy ? hypervisor.destroy(name).catch(() => left.push(name)) : left.push(name);
    await Promise.all(domains.map(end));
    await hypervisor[Symbol.asyncDispose]();
    return left;
  }

  async #ensure(effect: Extract<HostEffect, { type: 'ensure' }>, context: Context): Promise<void> {
    const { tenant, mayCreate } = effect;
    // Asked again (the job's actor came back): begin anew, which adopts what runs and tells it again.
    await this.#tenancies.get(tenant.jobId)?.leave();
    // Room that a stop has freed is given to the next in the queue: it begins with the next start.
    if (context.signal.aborted || this.#closed) return;
    const { clock, image, neighbours } = this.#options;
    const events = neighbours.tenancy(tenant.jobId);
    const found = image(tenant.image);
    if (found === undefined) {
      const message = `this grid was started without the image ${tenant.image}`;
      const error = { code: 'image-missing', message, field: 'image', hint: 'start it with --image again' };
      return events.lost({ error, output: new Uint8Array(), outputBytes: 0, at: clock.now() });
    }
    const tenancy = new Tenancy({
      ...this.#options.tenancy,
      hypervisor: this.#need(this.#hypervisor),
      tenant,
      image: found,
      mayCreate,
      clock,
      events: {
        ...events,
        started: (event) => {
          this.#sample(context);
          events.started(event);
        },
      },
    });
    this.#tenancies.set(tenant.jobId, tenancy);
    await tenancy.begin();
  }

  async #release(effect: Extract<HostEffect, { type: 'release' }>, context: Context): Promise<void> {
    const left = this.#tenancies.get(effect.jobId)?.leave();
    this.#tenancies.delete(effect.jobId);
    this.#sample(context, effect.domain);
    // A domain that is just being created, or put back, would come to be after it was destroyed.
    await left;
    await this.#operations?.cancelAllOf(effect.jobId);
    const { signal } = context;
    try {
      await pRetry(() => this.#need(this.#hypervisor).destroy(effect.domain), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 500,
        maxTimeout: 10_000,
        signal,
        shouldRetry: () => !signal.aborted && !this.#closed,
      });
    } catch {
      return; // The host stops: a domain that is left is found at the next start.
    }
    void context.self.tell({ type: 'released', jobId: effect.jobId });
  }

  async #tellReport(running: Promise<OperationReport>, self: Context['self']): Promise<void> {
    const report = await running;
    if (!this.#closed) await self.ask({ type: 'operated', report });
  }

  /** Room is not kept for ever for a VM that does not come. */
  #awaitArrival(jobId: string, withinMs: number, { self }: Context): void {
    const { clock } = this.#options;
    const timer = clock.setTimeout(() => {
      this.#arrivals.delete(timer);
      void self.tell({ type: 'called-off', jobId });
    }, withinMs);
    this.#arrivals.add(timer);
  }

  /** A VM that moved away is followed where it is now. */
  #afterwards({ operation, outcome }: OperationReport, context: Context): void {
    if (operation.task.kind !== 'migrate' || outcome !== 'done') return;
    void this.#tenancies.get(operation.jobId)?.leave();
    this.#tenancies.delete(operation.jobId);
    // A sampler that went on would take the guest's channel from whoever looks after it, should it come back.
    this.#sample(context);
  }

  #operationsOn(hypervisor: Hypervisor, self: Context['self']): Operations {
    const { clock, journal, neighbours } = this.#options;
    const { removal } = neighbours;
    const arrange = async (to: string, jobId: string, domain: string) => {
      const { residents } = await self.ask({ type: 'describe' });
      const allocation = residents.find((residence) => residence.jobId === jobId)?.allocation;
      if (allocation === undefined) throw new DomainNotFound(domain);
      return await removal.arrange(to, { jobId, domain, allocation });
    };
    return new Operations({
      hypervisor,
      journal,
      clock,
      turns: this.#turns,
      removal: { ...removal, arrange },
      onProgress: (progress) => neighbours.progress(progress),
    });
  }

  /** Samples every resident but the one that is leaving. */
  #sample(context: Context, except?: string): void {
    const residents = context.system.snapshot(hostActor, context.key)?.context.residents ?? {};
    const domains = Object.values(residents)
      .filter((residence) => !residence.leaving && this.#tenancies.has(residence.jobId))
      .map((residence) => residence.domain);
    const watched = domains.filter((domain) => domain !== except);
    this.#sampler?.watch(watched);
    if (watched.length > 0) this.#counters?.start();
    else this.#counters?.stop();
  }

  #intervalOf(domain: string): number {
    const tenancies = [...this.#tenancies.values()];
    const tenant = tenancies.find((tenancy) => tenancy.tenant.domain === domain)?.tenant;
    return this.#options.sampleIntervalMs ?? sampleIntervalMs(tenant?.criticality ?? 'normal');
  }

  #need<T>(part: T | undefined): T {
    if (part === undefined) {
      throw new HypervisorUnavailable('the hypervisor is not open', 'wait until the host is ready');
    }
    return part;
  }
}
