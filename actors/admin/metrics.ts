/** Prometheus metrics of a grid. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Clock, decode, decodeFrame, type Transport } from '../../runtime/mod.ts';
import { forecastSubject } from '../allocator/mod.ts';
import type { JobDirectory } from '../gateway/mod.ts';
import type { HostView, Settlement } from '../host/mod.ts';
import { JOB_STATES } from '../job/mod.ts';

export interface MetricsOptions {
  readonly directory: JobDirectory;
  readonly hosts: () => readonly HostView[];
  readonly transport: Transport;
  readonly clock: Clock;
  /** Subject on which settlements of all hosts are told. */
  readonly directives: string;
  /** Has metrics of others already; all are shown. Default: an empty one. */
  readonly registry?: Registry;
}

/** A frame older than this says nothing about now, ms. */
const STALE_MS = 10_000;

/** Listens to the grid's streams until {@link GridMetrics.close}. */
export class GridMetrics {
  readonly #registry: Registry;
  readonly #close: (() => void)[] = [];

  constructor({ directory, hosts, transport, clock, directives, registry = new Registry() }: MetricsOptions) {
    this.#registry = registry;
    const registers = [this.#registry];
    collectDefaultMetrics({
      register: this.#registry,
      prefix: 'shadowgrid_',
      // Its default looks a hundred times a second, which costs more than all the rest of an idle grid.
      eventLoopMonitoringPrecision: 250,
    });
    new Gauge({
      name: 'shadowgrid_jobs',
      help: 'Jobs by state.',
      labelNames: ['state'],
      registers,
      collect() {
        const counts = directory.counts();
        for (const state of JOB_STATES) this.set({ state }, counts.get(state) ?? 0);
      },
    });
    new Gauge({
      name: 'shadowgrid_host_cores',
      help: 'Cores of a host: capacity and free.',
      labelNames: ['host', 'kind', 'what'],
      registers,
      collect() {
        for (const { name: host, kind, capacity, free } of hosts()) {
          this.set({ host, kind, what: 'capacity' }, capacity.cores);
          this.set({ host, kind, what: 'free' }, free.cores);
        }
      },
    });
    new Gauge({
      name: 'shadowgrid_host_memory_mib',
      help: 'Memory of a host in MiB: capacity and free.',
      labelNames: ['host', 'kind', 'what'],
      registers,
      collect() {
        for (const { name: host, kind, capacity, free } of hosts()) {
          this.set({ host, kind, what: 'capacity' }, capacity.memoryMiB);
          this.set({ host, kind, what: 'free' }, free.memoryMiB);
        }
      },
    });
    const settled = new Counter({
      name: 'shadowgrid_directives_total',
      help: 'Directives by resource, rule and outcome.',
      labelNames: ['resource', 'rule', 'outcome'],
      registers,
    });
    const took = new Histogram({
      name: 'shadowgrid_directive_seconds',
      help: "From a directive's arrival at the host to the hypervisor's answer.",
      labelNames: ['resource'],
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
      registers,
    });
    /** Newest forecast frame by subject: read when somebody asks, four times a second is too often to do it ahead. */
    const newest = new Map<string, { readonly data: Uint8Array; readonly at: number }>();
    new Gauge({
      name: 'shadowgrid_job_demand',
      help: 'Per running job: use, allocation and forecast, in cores and MiB.',
      labelNames: ['job', 'what'],
      registers,
      collect() {
        this.reset();
        for (const { data, at } of newest.values()) {
          if (clock.now() - at > STALE_MS) continue;
          const { ids, columns, values } = decodeFrame(data);
          for (const [row, job] of ids.entries()) {
            for (const [column, what] of columns.entries()) {
              this.set({ job, what }, values[row * columns.length + column] ?? Number.NaN);
            }
          }
        }
      },
    });
    const subscriptions = [
      transport.subscribe(directives, ({ data }) => {
        const { directive, outcome, tookMs } = decode(data) as Settlement;
        settled.inc({ resource: directive.resource, rule: directive.reason.rule, outcome });
        took.observe({ resource: directive.resource }, tookMs / 1000);
      }),
      transport.subscribe(forecastSubject('*'), ({ subject, data }) => {
        newest.set(subject, { data, at: clock.now() });
      }),
    ];
    this.#close.push(...subscriptions.map((subscription) => () => subscription.unsubscribe()));
  }

  /** The exposition text. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  close(): void {
    for (const close of this.#close.splice(0)) close();
    this.#registry.clear();
  }
}
