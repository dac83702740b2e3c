/** A running grid: all actors of one process, registered, introduced to each other, started and stopped in order. */
import {
  type ActorSystem,
  type Clock,
  type CommandLog,
  createActorSystem,
  decode,
  type FailureReport,
  type KeyValue,
  type Mux,
  serveDeadLetters,
  serveInspection,
  type Transport,
} from '../../runtime/mod.ts';
import { type ActorTelemetry, failureFields } from '../../runtime/telemetry/mod.ts';
import { ALLOCATOR_KEY, AllocatorBehaviour, allocatorActor, type WorkerNats } from '../allocator/mod.ts';
import {
  gatewayActor,
  gatewayBehaviour,
  type Inventory,
  JobApi,
  JobDirectory,
  type OperationEvent,
  VmApi,
} from '../gateway/mod.ts';
import {
  type Checkpoint,
  type GuestImage,
  HostBehaviour,
  type Hypervisor,
  hostActor,
  operationJournal,
} from '../host/mod.ts';
import { jobActor, jobBehaviour, TERMINAL_STATES } from '../job/mod.ts';
import { ROUTER_KEY, routerActor, routerBehaviour } from '../router/mod.ts';
import { shadowActor, shadowBehaviour } from '../shadow/mod.ts';
import type { GridLog } from './log.ts';
import {
  allocatorNeighbours,
  hostNeighbours,
  jobNeighbours,
  routerNeighbours,
  shadowNeighbours,
} from './neighbours.ts';
import { followProgress } from './progress.ts';
import { hostCheckpointsSubject, hostOutputSubject, operationSubject } from './subjects.ts';

export interface HostConfig {
  readonly name: string;
  readonly pool: string;
  readonly open: () => Promise<Hypervisor>;
}

export interface GridOptions {
  readonly node: string;
  readonly transport: Transport;
  /** Snapshots of actors. */
  readonly store: KeyValue;
  /** Output of ended jobs. */
  readonly outputs: KeyValue;
  /** Durable commands to actors, and those that came to nothing. */
  readonly commands: CommandLog;
  /** How the forecaster's worker connects. */
  readonly forecasterNats: WorkerNats;
  /** Path of the forecasting model. */
  readonly modelPath: string | undefined;
  readonly clock: Clock;
  readonly hosts: readonly HostConfig[];
  readonly images: readonly GuestImage[];
  readonly pools: readonly string[];
  readonly sampleIntervalMs?: number;
  readonly tenancy?: { readonly bootDeadlineMs?: number; readonly silenceMs?: number };
  readonly log: GridLog;
  /** Spans and metrics of the actors. */
  readonly telemetry?: ActorTelemetry;
}

/** Time between two forecasts, ms: the tactical clock. */
const STEP_MS = 250;

export class Grid {
  readonly node: string;
  readonly system: ActorSystem;
  readonly api: JobApi;
  readonly vms: VmApi;
  readonly directory: JobDirectory;
  readonly mux: Mux;
  readonly #options: GridOptions;
  readonly #hosts = new Map<string, HostBehaviour>();
  readonly #allocator: AllocatorBehaviour;
  readonly #endings: (() => void)[] = [];

  constructor(options: GridOptions) {
    const { transport, store, outputs, commands, node, clock, log } = options;
    this.#options = options;
    this.node = node;
    this.system = createActorSystem({
      transport,
      store,
      node,
      clock,
      commands,
      onTrouble: (error) => log.warn(error.message),
      ...(options.telemetry !== undefined && { telemetry: options.telemetry }),
      onFailure: (report) => this.#onFailure(report),
    });
    this.mux = this.system.mux;
    this.directory = new JobDirectory();
    this.api = new JobApi({
      system: this.system,
      directory: this.directory,
      outputs,
      clock,
      inventory: () => this.inventory(),
      liveOutput: async (job, offset, maxBytes) => {
        if (job.host === undefined) return undefined;
        const answer = await this.mux.request(hostOutputSubject(job.host), { id: job.id, offset, maxBytes });
        return answer as { offset: number; data: Uint8Array } | undefined;
      },
      onProgress: (job, listener) => followProgress(transport, job.id, listener),
    });
    this.vms = new VmApi({
      system: this.system,
      directory: this.directory,
      hosts: () => this.inventory().hosts.map(({ name }) => name),
      onOperation: (listener) => {
        const heard = transport.subscribe(operationSubject('*'), ({ data }) =>
          listener(decode(data) as Extract<OperationEvent, { type: 'progress' | 'report' }>),
        );
        return () => heard.unsubscribe();
      },
      checkpoints: async (host, jobId) =>
        (await this.mux.request(hostCheckpointsSubject(host), { jobId })) as Checkpoint[],
      pause: (ms) => new Promise((resolve) => void clock.setTimeout(resolve, ms)),
    });
    this.#allocator = new AllocatorBehaviour(
      { nats: options.forecasterNats, modelPath: options.modelPath, stepMs: STEP_MS },
      allocatorNeighbours(this.system, log),
    );
  }

  /** Brings the grid up as it was: hosts first, then the jobs that were on them. Throws what a host's opening throws. */
  async start(): Promise<void> {
    const { system } = this;
    const { hosts, images, clock, transport, sampleIntervalMs, tenancy } = this.#options;
    const lookUp = (name: string) => images.find((image) => image.name === name);
    system.register(routerActor, routerBehaviour(routerNeighbours(system, this.directory, clock)));
    system.register(jobActor, jobBehaviour(jobNeighbours(system, this.directory, clock)));
    system.register(shadowActor, shadowBehaviour(shadowNeighbours(system)));
    system.register(allocatorActor, this.#allocator);
    system.register(gatewayActor, gatewayBehaviour(this.mux, this.api, this.vms));
    const behaviour = new Map(
      hosts.map((host) => [
        host.name,
        new HostBehaviour({
          open: host.open,
          image: lookUp,
          clock,
          journal: operationJournal(this.#options.store, host.name),
          neighbours: hostNeighbours({
            system,
            directory: this.directory,
            api: this.api,
            transport,
            clock,
            host: host.name,
          }),
          ...(sampleIntervalMs !== undefined && { sampleIntervalMs }),
          ...(tenancy !== undefined && { tenancy }),
        }),
      ]),
    );
    system.register(hostActor, {
      onEffect: (effect, context) => behaviour.get(context.key)!.onEffect(effect, context),
    });
    serveInspection(system, { clock });
    serveDeadLetters(this.mux, this.#options.commands);
    await this.directory.open(system);
    await system.spawn(routerActor, ROUTER_KEY);
    await system.spawn(allocatorActor, ALLOCATOR_KEY);
    for (const host of hosts) {
      const own = behaviour.get(host.name)!;
      this.#hosts.set(host.name, own);
      const ref = await system.spawn(hostActor, host.name, { name: host.name, pool: host.pool });
      await own.open(ref, host.name);
      this.mux.serve(hostOutputSubject(host.name), (body) => {
        const { id, offset, maxBytes } = body as { id: string; offset: number; maxBytes: number };
        return own.output(id, offset, maxBytes);
      });
      this.mux.serve(hostCheckpointsSubject(host.name), (body) =>
        own.checkpoints((body as { jobId: string }).jobId),
      );
    }
    for (const id of (await system.resume(shadowActor)).resumed) {
      // The process may have died between a job's end and its shadow's.
      const state = this.directory.get(id)?.state;
      if (state === undefined || TERMINAL_STATES.includes(state)) {
        void system.ref(shadowActor, id).tell({ type: 'end' });
      }
    }
    const { resumed, parked } = await system.resume(jobActor);
    if (resumed.length > 0) this.#options.log.info(`${resumed.length} jobs found again`, { jobs: resumed });
    for (const { key, error } of parked) this.#options.log.warn(`job ${key} is parked: ${error.message}`);
    await system.join();
    const gateway = await system.spawn(gatewayActor, this.#options.node);
    this.#endings.push(
      transport.onStatus((status) => {
        if (status === 'suspended') void gateway.tell({ type: 'suspended' });
        if (status === 'connected') void gateway.tell({ type: 'restored' });
      }),
    );
  }

  inventory(): Inventory {
    const router = this.system.snapshot(routerActor, ROUTER_KEY);
    return {
      images: this.#options.images.map((image) => image.name),
      pools: this.#options.pools,
      hosts: Object.values(router?.context.hosts ?? {}),
    };
  }

  /**
   * Orderly stop. Without `keep`, VMs end and their jobs fail with the reason; with it they run on and are found again.
   * Resolves with the domains left running.
   */
  async stop(options: { readonly keep: boolean }): Promise<string[]> {
    for (const end of this.#endings.splice(0)) end();
    const gateway = this.system.ref(gatewayActor, this.#options.node);
    await gateway.ask({ type: 'close' }).catch(() => {});
    if (!options.keep) await this.#failRunningJobs();
    const left: string[] = [];
    for (const host of this.#hosts.values()) left.push(...(await host.close({ destroy: !options.keep })));
    await this.#allocator.close();
    await this.system.stop();
    return left;
  }

  async #failRunningJobs(): Promise<void> {
    const error = {
      code: 'grid-stopped',
      message: 'the grid was stopped while the job ran',
      hint: 'submit it again, or stop with --keep',
    };
    const at = this.#options.clock.now();
    const running = this.system
      .actors(jobActor)
      .filter((id) => ['placing', 'booting', 'running'].includes(this.directory.get(id)?.state ?? ''));
    await Promise.allSettled(
      running.map((id) =>
        this.system.ref(jobActor, id).ask({ type: 'lost', error, at }, { deadlineMs: 5_000 }),
      ),
    );
  }

  #onFailure(report: FailureReport): void {
    const { address, error, outcome } = report;
    this.#options.log.warn(`actor ${address} ${outcome}: ${error.message}`, failureFields(report));
  }
}
