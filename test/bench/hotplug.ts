/** What the driver adds to bare libvirt calls, how soon the guest has what it was given, and warm beside cold. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GuestAgent } from '../../actors/host/agent/mod.ts';
import { Connection, Domain } from '../../actors/host/libvirt/binding/mod.ts';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import type { Hypervisor } from '../../actors/host/mod.ts';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { ensureLibvirtd } from '../../deploy/libvirtd/mod.ts';
import { type Benchmark, median, quantile, round } from './benchmark.ts';

const NAME = 'bench-hotplug';
const BALLOON = 'bench-balloon';
const BASE_MIB = 128;
const VCPUS = 8;
const DEADLINE_MS = 60_000;
/** Steps in memory: within a block that the guest has, and as the allocator takes them. */
const STEP_MIB = 32;

export const hotplug: Benchmark = async ({ log, runs = 12 }) => {
  const folder = await mkdtemp(join(tmpdir(), 'sg-'));
  const daemon = await ensureLibvirtd({ runDir: join(folder, 'run'), stateDir: join(folder, 'state') });
  const { uri } = daemon;
  const options = { uri, runDir: join(folder, 'guests'), guestDeadlineMs: DEADLINE_MS };
  const hypervisor = await createLibvirtHypervisor(options);
  const connection = await Connection.open(uri);
  try {
    const image = await ensureGuestImage();
    const allocation = { cores: 1.5, vcpus: 1, memoryMiB: BASE_MIB };
    const limit = { cores: 2, vcpus: VCPUS, memoryMiB: 640 };
    await hypervisor.create({ name: NAME, jobId: 'bench', image, allocation, limit });
    const ballooned = { ...allocation, memoryMiB: 256 };
    const small = { name: BALLOON, jobId: 'bench', image, allocation: ballooned, limit: ballooned };
    await hypervisor.create({ ...small, memoryDevice: 'balloon' });
    const agent = await hypervisor.agent(NAME, { signal: AbortSignal.timeout(DEADLINE_MS) });
    const other = await hypervisor.agent(BALLOON, { signal: AbortSignal.timeout(DEADLINE_MS) });

    const cold = await vcpus(hypervisor, connection, agent);
    const quota = await beside(runs, {
      ours: (run) => hypervisor.setCores(NAME, 1 + (run % 5) / 10),
      bare: (run) =>
        use(connection, NAME, (domain) =>
          domain.setSchedulerParameters([
            { name: 'global_period', type: 'ullong', value: 50_000 },
            { name: 'global_quota', type: 'llong', value: 50_000 + (run % 5) * 5000 },
          ]),
        ),
    });
    const balloon = await beside(runs, {
      ours: (run) => hypervisor.setMemory(BALLOON, 200 + (run % 2) * 40),
      bare: (run) => use(connection, BALLOON, (domain) => domain.setMemory((210 + (run % 2) * 40) * 1024)),
      guest: other,
    });
    const device = await virtioMem(connection);
    const virtio = await beside(runs, {
      ours: (run) => hypervisor.setMemory(NAME, BASE_MIB + ((run % 3) + 1) * STEP_MIB),
      bare: (run) =>
        use(connection, NAME, (domain) => domain.updateDevice(device(((run % 3) + 2) * STEP_MIB))),
      guest: agent,
    });
    const warmth = await warmAndCold(hypervisor, Math.max(3, Math.round(runs / 3)), log);
    const seen = { vcpu: median(cold.seen), memory: median([...balloon.seen, ...virtio.seen]) };
    const overheads = [cold.extraMs, quota.extraMs, balloon.extraMs, virtio.extraMs];
    log(
      `bare libvirt, p50 ms: vCPU ${cold.bareMs}, quota ${quota.bareMs}, balloon ${balloon.bareMs}, virtio-mem ${virtio.bareMs}`,
    );
    return {
      overheadP50Ms: Math.max(...overheads),
      vcpuExtraMs: cold.extraMs,
      quotaExtraMs: quota.extraMs,
      balloonExtraMs: balloon.extraMs,
      virtioMemExtraMs: virtio.extraMs,
      // Of the slower kind.
      guestP50Ms: round(Math.max(seen.vcpu, seen.memory), 1),
      guestVcpuP50Ms: round(seen.vcpu, 1),
      guestMemoryP50Ms: round(seen.memory, 1),
      ...warmth,
    };
  } finally {
    await connection.close();
    for (const name of [NAME, BALLOON]) await hypervisor.destroy(name);
    await hypervisor[Symbol.asyncDispose]();
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

interface Compared {
  readonly extraMs: number;
  readonly bareMs: number;
  /** Until the guest had it, ms. */
  readonly seen: readonly number[];
}

/** The same call by the driver and by a connection of its own, in turns. */
async function beside(
  runs: number,
  calls: {
    readonly ours: (run: number) => Promise<unknown>;
    readonly bare: (run: number) => Promise<unknown>;
    readonly guest?: GuestAgent;
  },
): Promise<Compared> {
  const [ours, bare, seen]: [number[], number[], number[]] = [[], [], []];
  for (let run = 0; run < runs; run++) {
    bare.push(await timed(() => calls.bare(run)));
    const before = await calls.guest?.stats();
    const t = performance.now();
    ours.push(await timed(() => calls.ours(run)));
    if (calls.guest === undefined || before === undefined) continue;
    if (await until(async () => (await calls.guest!.stats()).memoryTotalMiB !== before.memoryTotalMiB, 2000))
      seen.push(performance.now() - t);
  }
  return { extraMs: round(median(ours) - median(bare), 2), bareMs: round(median(bare), 2), seen };
}

/**
 * vCPUs only go up: half of them are plugged by the driver and half by hand. The driver's call resolves when the guest
 * has the vCPU, so that the end of the libvirt call inside it is taken from the binding.
 */
async function vcpus(hypervisor: Hypervisor, connection: Connection, agent: GuestAgent): Promise<Compared> {
  const [ours, bare, seen]: [number[], number[], number[]] = [[], [], []];
  const { setVcpus } = Domain.prototype;
  let returned = 0;
  Domain.prototype.setVcpus = async function (...args) {
    await setVcpus.apply(this, args);
    returned = performance.now();
  };
  try {
    for (let count = 2; count <= VCPUS; count++) {
      const t = performance.now();
      if (count % 2 === 0) {
        await hypervisor.setVcpus(NAME, count);
        ours.push(returned - t);
        seen.push(performance.now() - t);
      } else {
        await use(connection, NAME, (domain) => domain.setVcpus(count));
        bare.push(returned - t);
        await until(async () => (await agent.setOnlineVcpus(count)) === count, DEADLINE_MS);
        seen.push(performance.now() - t);
      }
    }
  } finally {
    Domain.prototype.setVcpus = setVcpus;
  }
  await hypervisor.setVcpus(NAME, VCPUS);
  return { extraMs: round(median(ours) - median(bare), 2), bareMs: round(median(bare), 2), seen };
}

/** A guest of its own for each pair: once a vCPU was plugged, the next time is not cold. */
async function warmAndCold(hypervisor: Hypervisor, runs: number, log: (line: string) => void) {
  const image = await ensureGuestImage();
  const [warm, cold]: [number[], number[]] = [[], []];
  const target = { vcpus: 2, memoryMiB: BASE_MIB + 64 };
  for (let run = 0; run < runs; run++) {
    for (const way of ['warm', 'cold'] as const) {
      const name = `bench-${way}`;
      const allocation = { cores: 2, vcpus: 1, memoryMiB: BASE_MIB };
      await hypervisor.create({ name, jobId: 'bench', image, allocation, limit: { cores: 2, ...target } });
      try {
        const agent = await hypervisor.agent(name, { signal: AbortSignal.timeout(DEADLINE_MS) });
        const goal = (await agent.stats()).memoryTotalMiB + 64;
        if (way === 'warm') await hypervisor.warmth.warm(name, target);
        const t = performance.now();
        if (way === 'warm') await hypervisor.warmth.activate(name);
        else {
          await hypervisor.setMemory(name, target.memoryMiB);
          await hypervisor.setVcpus(name, target.vcpus);
        }
        await until(async () => {
          const { onlineVcpus, memoryTotalMiB } = await agent.stats();
          return onlineVcpus === target.vcpus && memoryTotalMiB >= goal;
        }, DEADLINE_MS);
        (way === 'warm' ? warm : cold).push(performance.now() - t);
      } finally {
        await hypervisor.destroy(name);
      }
    }
    log(`pair ${run + 1}: warm ${warm[run]?.toFixed(1)} ms, cold ${cold[run]?.toFixed(1)} ms`);
  }
  const [activateMs, coldMs] = [median(warm), median(cold)];
  return {
    activateMs: round(activateMs, 1),
    activateP95Ms: round(quantile(warm, 0.95), 1),
    coldMs: round(coldMs, 1),
    warmRatio: round(activateMs / coldMs, 3),
  };
}

/** The guest's virtio-mem device with another request in it. */
async function virtioMem(connection: Connection): Promise<(requestedMiB: number) => string> {
  const xml = await use(connection, NAME, (domain) => domain.xml());
  const [device = ''] = /<memory model='virtio-mem'>.*?<\/memory>/s.exec(xml) ?? [];
  return (requestedMiB) =>
    device.replace(/<requested .*?<\/requested>/, `<requested unit='MiB'>${requestedMiB}</requested>`);
}

async function use<T>(
  connection: Connection,
  name: string,
  task: (domain: Domain) => Promise<T>,
): Promise<T> {
  using domain = await connection.lookupByName(name);
  return await task(domain);
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const t = performance.now();
  await call();
  return performance.now() - t;
}

/** Asks over and over, without a pause of its own; false when time is up. */
async function until(done: () => Promise<boolean>, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) if (await done()) return true;
  return false;
}
