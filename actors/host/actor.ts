/** The host actor: its definition, and how its effects are carried out on a hypervisor. */
import pRetry from 'p-retry';
import {
  type ActorBehaviour,
  type ActorContext,
  type Clock,
  defineActor,
  type Frame,
  toWireError,
  type WireError,
} from '../../runtime/mod.ts';
import { hostView, refusal } from './decide.ts';
import { DirectiveQueue } from './directives.ts';
import { HypervisorUnavailable } from './errors.ts';
import { hostMachine } from './machine.ts';
import { type HostEffect, hostMessage, type Residence, type Settlement } from './messages.ts';
import type { GuestImage, Hypervisor } from './port.ts';
import { Sampler } from './sampler.ts';
import { Tenancy, type TenancyEvents, type TenancyOptions } from './tenancy.ts';
import type { HostView } from './view.ts';

export const hostActor = defineActor({
  kind: 'host',
  placement: { pinnedTo: 'host' },
  machine: hostMachine,
  message: hostMessage,
  // libvirt is the truth about VMs: a host actor reads it again instead of remembering.
  durability: 'volatile',
  mailboxBound: 4096,
  replies: {
    ensure: (snapshot, message): { accepted: true } | { accepted: false; error: WireError } => {
      const { context } = snapshot;
      if (snapshot.value !== 'ready') {
        const error = context.error ?? {
          code: 'host-not-ready',
          message: `host ${context.name} is ${snapshot.value}`,
        };
        return { accepted: false, error: { ...error, retryable: true } };
      }
      const error = refusal(context, message.tenant, message.mayCreate);
      return error === undefined ? { accepted: true } : { accepted: false, error };
    },
    describe: (snapshot) => ({
      view: hostView(snapshot.context, snapshot.value === 'ready'),
      state: snapshot.value,
      residents: Object.values(snapshot.context.residents),
      error: snapshot.context.error,
    }),
  },
});

/** Whom a host tells what. */
export interface HostNeighbours {
  announce(view: HostView): void;
  /** Events of a job's stay. */
  tenancy(jobId: string): TenancyEvents;
  settled(settlement: Settlement): void;
  frame(frame: Frame): void;
  /** Whether a domain that was found running still has a job to run. */
  isWanted(residence: Residence): Promise<boolean>;
}

export interface HostOptions {
  readonly open: () => Promise<Hypervisor>;
  readonly image: (name: string) => GuestImage | undefined;
  readonly clock: Clock;
  /** Time between telemetry samples, ms. Default 50. */
  readonly sampleIntervalMs?: number;
  readonly tenancy?: Pick<TenancyOptions, 'bootDeadlineMs' | 'silenceMs'>;
  readonly neighbours: HostNeighbours;
}

type Context = ActorContext<typeof hostActor>;

/** Opens the hypervisor, follows tenants, applies directives, samples. One per host actor. */
export class HostBehaviour implements ActorBehaviour<typeof hostActor> {
  readonly #options: HostOptions;
  readonly #tenancies = new Map<string, Tenancy>();
  #hypervisor: Hypervisor | undefined;
  #directives: DirectiveQueue | undefined;
  #sampler: Sampler | undefined;
  #closed = false;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  /** Opens the hypervisor and tells the actor; a hypervisor that cannot be reached is reported and thrown. */
  async open(self: Context['self'], host: string): Promise<void> {
    const { clock, sampleIntervalMs = 50, neighbours } = this.#options;
    try {
      const hypervisor = await this.#options.open();
      this.#hypervisor = hypervisor;
      this.#directives = new DirectiveQueue(hypervisor, clock);
      this.#sampler = new Sampler({
        host,
        hypervisor,
        clock,
        intervalMs: sampleIntervalMs,
        onFrame: (frame) => neighbours.frame(frame),
      });
      const [info, found] = await Promise.all([hypervisor.info(), hypervisor.list()]);
      await self.ask({
        type: 'opened',
        info,
        capabilities: hypervisor.capabilities,
        found: found.map(({ name, jobId, allocation }) => ({ name, jobId, allocation })),
      });
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

  /** Stops sampling and following; `destroy` also ends the domains. Resolves with the domains left running. */
  async close(options: { readonly destroy: boolean }): Promise<string[]> {
    this.#closed = true;
    this.#sampler?.stop();
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
    this.#directives?.forget(effect.domain);
    this.#sample(context, effect.domain);
    // A domain that is just being created would come to be after it was destroyed.
    await left;
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

  /** Samples every resident but the one that is leaving. */
  #sample(context: Context, except?: string): void {
    const residents = context.system.snapshot(hostActor, context.key)?.context.residents ?? {};
    const domains = Object.values(residents)
      .filter((residence) => !residence.leaving && this.#tenancies.has(residence.jobId))
      .map((residence) => residence.domain);
    this.#sampler?.watch(domains.filter((domain) => domain !== except));
  }

  #need<T>(part: T | undefined): T {
    if (part === undefined) {
      throw new HypervisorUnavailable('the hypervisor is not open', 'wait until the host is ready');
    }
    return part;
  }
}
