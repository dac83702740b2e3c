/** The fast clock: what one sampler costs for 50 guests every 20 ms, and how well it keeps its time; beside bare reads. */
import { openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection, DomainListFlag, StartFlag } from '../../actors/host/libvirt/binding/mod.ts';
import { DomainProbe, findQemu, KernelTelemetry } from '../../actors/host/libvirt/telemetry/mod.ts';
import { Sampler } from '../../actors/host/mod.ts';
import { type FastTelemetry, HOST_ROW } from '../../actors/host/telemetry/mod.ts';
import { ensureLibvirtd } from '../../deploy/libvirtd/mod.ts';
import { systemClock } from '../../runtime/mod.ts';
import { type Benchmark, median, round } from './benchmark.ts';

const DOMAINS = 50;
const INTERVAL_MS = 20;
const WARM_UP_MS = 2000;
const WINDOW_MS = 10_000;
const BARE_SWEEPS = 500;

export const sampler: Benchmark = async ({ log, runs = 3 }) => {
  const folder = await mkdtemp(join(tmpdir(), 'sg-'));
  const daemon = await ensureLibvirtd({
    runDir: join(folder, 'run'),
    stateDir: join(folder, 'state'),
    env: {},
  });
  try {
    log(`starting ${DOMAINS} paused guests`);
    await startGuests(daemon.uri);
    const probes = await probeGuests(daemon.uri);
    try {
      return await measure(probes, runs, log);
    } finally {
      for (const probe of probes.values()) probe[Symbol.dispose]();
    }
  } finally {
    await endGuests(daemon.uri);
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

async function measure(probes: ReadonlyMap<string, DomainProbe>, runs: number, log: (line: string) => void) {
  using telemetry = new KernelTelemetry((name) => probes.get(name));
  const ids = [HOST_ROW, ...[...probes.keys()].flatMap((name) => telemetry.rows(name))];
  const files = openKernelFiles();
  const windows: (Awaited<ReturnType<typeof sampleFor>> & { bound: number; timerP99Ms: number })[] = [];
  // What is measured afterwards is the code that the compiler has made of it.
  await sampleFor(telemetry, ids, WARM_UP_MS);
  for (let run = 0; run < runs; run++) {
    const bound = bareSweepCpuMs(files) / INTERVAL_MS;
    const timer = await sampleFor({ columns: [], sample: () => {} }, ids, WINDOW_MS / 2);
    const window = await sampleFor(telemetry, ids, WINDOW_MS);
    windows.push({ ...window, bound, timerP99Ms: timer.intervalErrorP99Ms });
    log(
      `run ${run + 1}: ${(window.cpu * 100).toFixed(1)} % of a core (bare reads ${(bound * 100).toFixed(1)} %), ` +
        `interval error p99 ${window.intervalErrorP99Ms.toFixed(1)} ms (bare timer ` +
        `${timer.intervalErrorP99Ms.toFixed(1)} ms), ${window.skipped} ticks skipped`,
    );
  }
  const of = (key: keyof (typeof windows)[number]) => windows.map((window) => window[key]);
  return {
    domains: probes.size,
    intervalMs: INTERVAL_MS,
    cpu: round(median(of('cpu')), 4),
    intervalErrorP99Ms: round(median(of('intervalErrorP99Ms')), 2),
    intervalErrorP50Ms: round(median(of('intervalErrorP50Ms')), 2),
    intervalErrorMaxMs: round(Math.max(...of('intervalErrorMaxMs')), 2),
    ticks: of('ticks').reduce((sum, ticks) => sum + ticks, 0),
    skipped: of('skipped').reduce((sum, skipped) => sum + skipped, 0),
    rows: ids.length,
    files: files.length,
    bareReadsCpu: round(median(of('bound')), 4),
    bareTimerErrorP99Ms: round(median(of('timerP99Ms')), 2),
  };
}

/** `cpu`: all of this process's CPU time, also what the runtime does beside, as a share of a core. */
async function sampleFor(
  telemetry: Pick<FastTelemetry, 'sample'> & { columns: readonly string[] },
  ids: readonly string[],
  windowMs: number,
) {
  const sampler = new Sampler({
    host: 'bench',
    hypervisor: telemetry,
    columns: telemetry.columns,
    clock: systemClock,
    intervalMs: INTERVAL_MS,
    onFrame: () => {},
  });
  const before = process.cpuUsage();
  sampler.watch(ids);
  await delay(windowMs);
  sampler.stop();
  const report = sampler.reports().get(INTERVAL_MS)!;
  // Ticks that a busy machine skipped would have cost as much as the others.
  return { cpu: cpuMsSince(before) / report.ticks / INTERVAL_MS, ...report };
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** QEMU runs, its vCPU does not: what the kernel counts is all there, and costs the machine nothing. */
async function startGuests(uri: string): Promise<void> {
  await using connection = await Connection.open(uri);
  for (let index = 0; index < DOMAINS; index++) {
    const xml = `<domain type='qemu'><name>bench-${index}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='pc'>hvm</type></os>
      <cputune><global_period>50000</global_period><global_quota>50000</global_quota></cputune>
      <devices><controller type='usb' model='none'/><memballoon model='none'/></devices></domain>`;
    using _domain = await connection.createXML(xml, StartFlag.paused);
  }
}

/** The connection is closed again: its event loop would be measured too. */
async function probeGuests(uri: string): Promise<Map<string, DomainProbe>> {
  await using connection = await Connection.open(uri);
  const probes = new Map<string, DomainProbe>();
  for (const domain of await connection.listAllDomains(DomainListFlag.active)) {
    using handle = domain;
    const pid = await findQemu(handle.uuid);
    if (pid !== undefined) probes.set(handle.name, await DomainProbe.open(pid));
  }
  return probes;
}

async function endGuests(uri: string): Promise<void> {
  await using connection = await Connection.open(uri);
  for (const domain of await connection.listAllDomains(DomainListFlag.active)) {
    using handle = domain;
    await handle.destroy();
  }
}

/** The files that the probes hold open, opened once more. */
function openKernelFiles(): number[] {
  const open = '/proc/self/fd';
  const paths = readdirSync(open).flatMap((fd) => {
    try {
      return [readlinkSync(join(open, fd))];
    } catch {
      return []; // The descriptor of the folder itself.
    }
  });
  return paths
    .filter((path) => path.startsWith('/sys/fs/cgroup/') || /^\/proc\/(\d+|pressure)\//.test(path))
    .map((path) => openSync(path, 'r'));
}

/** CPU time to read each of them once, and nothing else, ms. */
function bareSweepCpuMs(files: readonly number[]): number {
  const buffer = Buffer.alloc(4096);
  const sweep = () => {
    for (const fd of files) readSync(fd, buffer, 0, buffer.length, 0);
  };
  for (let warm = 0; warm < BARE_SWEEPS / 10; warm++) sweep();
  const before = process.cpuUsage();
  for (let count = 0; count < BARE_SWEEPS; count++) sweep();
  return cpuMsSince(before) / BARE_SWEEPS;
}
