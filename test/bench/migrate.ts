/** Migrations there and back of one guest at work, between two libvirt hosts of a lab, beside bare virsh in the same run. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import type { Hypervisor, MigrationReport } from '../../actors/host/mod.ts';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { type Lab, startLab } from '../../deploy/lab/mod.ts';
import { type Benchmark, quantile, round } from './benchmark.ts';

const MIGRATIONS = 60;
/** Bare ones after every so many of ours. */
const BARE_EVERY = 3;
const DOWNTIME_MS = 50;
const NAME = 'bench-migrate';
const LOAD = "workload --phases 'all:threads=2,duty=100,memory=16,seconds=36000'";
const virsh = promisify(execFile);

/** `runs`: how many migrations of ours; default 60. */
export const migrate: Benchmark = async ({ log, runs = MIGRATIONS }) => {
  const folder = await mkdtemp(join(tmpdir(), 'sg-'));
  try {
    await using lab = await startLab({ runDir: join(folder, 'r'), stateDir: join(folder, 's') });
    await using a = await createLibvirtHypervisor(lab.hosts[0]!);
    await using b = await createLibvirtHypervisor(lab.hosts[1]!);
    const traveller = new Traveller(lab, [a, b]);
    await traveller.start();
    while (traveller.reports.length + traveller.lost < runs) {
      log(await traveller.migrate());
      if (traveller.reports.length % BARE_EVERY === 0) log(await traveller.migrateBare());
    }
    return traveller.figures();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

class Traveller {
  readonly #lab: Lab;
  readonly #hosts: readonly [Hypervisor, Hypervisor];
  readonly reports: MigrationReport[] = [];
  readonly #bare: { readonly totalMs: number; readonly downtimeMs: number }[] = [];
  #at: 0 | 1 = 0;
  lost = 0;

  constructor(lab: Lab, hosts: readonly [Hypervisor, Hypervisor]) {
    this.#lab = lab;
    this.#hosts = hosts;
  }

  async start(): Promise<void> {
    const allocation = { cores: 1, vcpus: 1, memoryMiB: 128 };
    const limit = { cores: 1, vcpus: 2, memoryMiB: 256 };
    await this.#here.create({ name: NAME, jobId: NAME, image: await ensureGuestImage(), allocation, limit });
    const agent = await this.#here.agent(NAME, { signal: AbortSignal.timeout(120_000) });
    await this.#here.setVcpus(NAME, 2);
    await this.#here.setMemory(NAME, 192);
    await agent.run(NAME, LOAD);
  }

  /** One of ours; a guest that is lost is counted, and started anew. */
  async migrate(): Promise<string> {
    try {
      const target = await this.#there.migration.target();
      const report = await this.#here.migration.migrate(NAME, target, { downtimeMs: DOWNTIME_MS });
      if (report.outcome === 'moved') this.#turn();
      this.reports.push(report);
      const { outcome, method, downtimeMs, totalMs, why = '' } = report;
      const times = `${Math.round(totalMs)} ms, of which it stood still ${downtimeMs} ms`;
      return `${this.reports.length}: ${outcome} (${method}) in ${times} ${why}`;
    } catch (error) {
      this.lost += 1;
      await this.#anew();
      return `lost: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** The same without us; by the same method, so that the two can be compared. */
  async migrateBare(): Promise<string> {
    const [from, to] = [this.#lab.hosts[this.#at]!, this.#lab.hosts[1 - this.#at]!];
    const xml = join(this.#lab.sharedDir, 'bare.xml');
    const command = `virsh -c '${from.uri}' dumpxml --migratable ${NAME} | sed "s#'${from.runDir}/#'${to.runDir}/#g" > ${xml}`;
    await virsh('sh', ['-c', command]);
    const live = this.reports.at(-1)?.method === 'stopped' ? [] : ['--live'];
    const uri = this.#lab.migrateUri(from.name, to.name);
    const began = performance.now();
    const options = ['--p2p', ...live, '--xml', xml, '--migrateuri', uri];
    await virsh('virsh', ['-c', from.uri, 'migrate', NAME, to.uri, ...options]);
    const totalMs = performance.now() - began;
    this.#turn();
    const { stdout } = await virsh('virsh', ['-c', to.uri, 'domjobinfo', NAME, '--completed']);
    const downtimeMs = Number(/Total downtime:\s+(\d+)/.exec(stdout)?.[1] ?? Number.NaN);
    this.#bare.push({ totalMs, downtimeMs });
    const agent = await this.#here.agent(NAME, { signal: AbortSignal.timeout(30_000) });
    await agent.stats();
    return `   bare: ${Math.round(totalMs)} ms, of which it stood still ${downtimeMs} ms`;
  }

  figures(): Record<string, unknown> {
    const moved = this.reports.filter(({ outcome }) => outcome === 'moved');
    const downtimes = moved.map(({ downtimeMs }) => downtimeMs);
    const totals = moved.map(({ totalMs }) => totalMs);
    return {
      migrations: this.reports.length + this.lost,
      lost: this.lost,
      returned: this.reports.length - moved.length,
      method: moved[0]?.method,
      downtimeP50Ms: Math.round(quantile(downtimes, 0.5)),
      downtimeP99Ms: Math.round(quantile(downtimes, 0.99)),
      bareDowntimeP50Ms: Math.round(
        quantile(
          this.#bare.map(({ downtimeMs }) => downtimeMs),
          0.5,
        ),
      ),
      totalP50Ms: round(quantile(totals, 0.5), 0),
      bareTotalP50Ms: round(
        quantile(
          this.#bare.map(({ totalMs }) => totalMs),
          0.5,
        ),
        0,
      ),
    };
  }

  get #here(): Hypervisor {
    return this.#hosts[this.#at];
  }

  get #there(): Hypervisor {
    return this.#hosts[this.#at === 0 ? 1 : 0];
  }

  #turn(): void {
    this.#at = this.#at === 0 ? 1 : 0;
  }

  async #anew(): Promise<void> {
    for (const host of this.#hosts) await host.destroy(NAME);
    await this.start();
  }
}
