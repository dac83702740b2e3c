/** Telemetry of real guests: what kernel, libvirt and QEMU tell of one that works, is throttled, and is stopped. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Connection, StartFlag } from '../../actors/host/libvirt/binding/mod.ts';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import {
  DomainProbe,
  findQemu,
  LibvirtTelemetry,
  readSlow,
} from '../../actors/host/libvirt/telemetry/mod.ts';
import { DomainNotFound, type Hypervisor, Sampler } from '../../actors/host/mod.ts';
import {
  FAST_COLUMNS,
  type FastColumn,
  HOST_ROW,
  SlowClock,
  type SlowSample,
  type StateFrame,
  sampleIntervalMs,
} from '../../actors/host/telemetry/mod.ts';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import {
  ensureLibvirtd,
  type Libvirtd,
  LibvirtMissing,
  LibvirtNeedsRoot,
} from '../../deploy/libvirtd/mod.ts';
import { type Frame, systemClock } from '../../runtime/mod.ts';

const NAME = 'observed';
const folder = await mkdtemp(join(tmpdir(), 'sg-'));
const found = await findDaemon();
if ('reason' in found) {
  console.warn(`telemetry of guests not tested: ${found.reason}`);
  describe.skip(`telemetry of guests (skipped: ${found.reason})`, () => {
    test('real guests', () => {});
  });
} else {
  const daemon = found;
  describe('telemetry of a real guest', () => {
    let hypervisor: Hypervisor;
    let connection: Connection;
    let probe: DomainProbe;
    let telemetry: LibvirtTelemetry;

    beforeAll(async () => {
      const image = await ensureGuestImage();
      hypervisor = await createLibvirtHypervisor({ uri: daemon.uri, runDir: join(folder, 'guests') });
      const limit = { cores: 1, vcpus: 2, memoryMiB: 128 };
      const allocation = { cores: 0.2, vcpus: 1, memoryMiB: 128 };
      await hypervisor.create({ name: NAME, jobId: 'j', image, allocation, limit });
      connection = await Connection.open(daemon.uri);
      using domain = await connection.lookupByName(NAME);
      probe = await DomainProbe.open((await findQemu(domain.uuid))!);
      telemetry = new LibvirtTelemetry({
        probeOf: (name) => (name === NAME ? probe : undefined),
        ask: async (task, about) => {
          try {
            return await task(connection);
          } catch (error) {
            throw about !== undefined && String(error).includes('not found')
              ? new DomainNotFound(about)
              : error;
          }
        },
      });
    });

    afterAll(async () => {
      telemetry?.[Symbol.dispose]();
      probe?.[Symbol.dispose]();
      await connection?.close();
      await hypervisor?.destroy(NAME);
      await hypervisor?.[Symbol.asyncDispose]();
      expect(await daemon.stop()).toEqual([]);
      await rm(folder, { recursive: true, force: true });
    });

    test('fast: the domain, its vCPUs and the host, while it boots against its quota', async () => {
      const ids = [...telemetry.fast.rows(NAME), HOST_ROW];
      expect(ids).toEqual([NAME, `${NAME}/vcpu0`, HOST_ROW]);
      const frames: Frame[] = [];
      const sampler = new Sampler({
        host: 'h',
        hypervisor: telemetry.fast,
        columns: telemetry.fast.columns,
        clock: systemClock,
        intervalMs: sampleIntervalMs('high'),
        onFrame: (frame) => frames.push({ ...frame, values: frame.values.slice() }),
      });
      sampler.watch(ids);
      const last = (id: string, column: FastColumn) => cell(frames.at(-1), id, column);
      await expect.poll(() => last(NAME, 'throttledSeconds'), { timeout: 60_000 }).toBeGreaterThan(0.05);
      sampler.stop();
      expect(last(NAME, 'cpuSeconds')).toBeGreaterThan(last(`${NAME}/vcpu0`, 'cpuSeconds'));
      expect(last(`${NAME}/vcpu0`, 'cpuSeconds')).toBeGreaterThan(0);
      expect(last(NAME, 'runDelaySeconds')).toBeGreaterThanOrEqual(last(`${NAME}/vcpu0`, 'runDelaySeconds'));
      expect(last(NAME, 'throttledPeriods')).toBeGreaterThan(0);
      expect(last(NAME, 'periods')).toBeGreaterThanOrEqual(last(NAME, 'throttledPeriods'));
      expect(last(NAME, 'hostMemoryMiB')).toBeGreaterThan(16);
      // Counters never run backwards.
      for (const column of FAST_COLUMNS.filter((name) => name !== 'hostMemoryMiB')) {
        const values = frames
          .map((frame) => cell(frame, NAME, column))
          .filter((value) => !Number.isNaN(value));
        expect(values, column).toEqual([...values].sort((a, b) => a - b));
      }
    });

    test('fast: a vCPU that is plugged in gets a row', async () => {
      await hypervisor.setCores(NAME, 1);
      using domain = await connection.lookupByName(NAME);
      await domain.setVcpus(2);
      await telemetry.slow();
      expect(telemetry.fast.rows(NAME)).toEqual([NAME, `${NAME}/vcpu0`, `${NAME}/vcpu1`]);
      const row = new Float64Array(FAST_COLUMNS.length);
      telemetry.fast.sample([`${NAME}/vcpu1`], row);
      expect(row[0]).toBeGreaterThanOrEqual(0);
    });

    test('slow: what libvirt tells of the guest and of the host', async () => {
      const samples: SlowSample[] = [];
      const errors: unknown[] = [];
      const slow = new SlowClock({
        clock: systemClock,
        intervalMs: 200,
        read: () => telemetry.slow(),
        onSample: (sample) => samples.push(sample),
        onError: (error) => errors.push(error),
      });
      slow.start();
      await expect.poll(() => samples.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(2);
      slow.stop();
      expect(errors).toEqual([]);
      const { host, domains } = samples.at(-1)!;
      expect(host.memory?.totalMiB).toBeGreaterThan(host.memory!.freeMiB!);
      expect(host.cpu?.userSeconds).toBeGreaterThan(0);
      expect(domains.map(({ domain }) => domain)).toEqual([NAME]);
      const [guest] = domains;
      expect(guest!.cpu?.seconds).toBeGreaterThan(0.1);
      expect(guest!.balloon?.hostResidentMiB).toBeGreaterThan(16);
      expect(guest!.vcpus.map(({ vcpu }) => vcpu)).toEqual([0, 1]);
      // This guest has no disk and no interface; TCG has no cache monitor.
      expect([guest!.blocks, guest!.interfaces, guest!.caches]).toEqual([[], [], []]);
      expect(guest!.perf).toBeUndefined();
    });

    test('slow: the counters of a disk', async () => {
      const disk = join(folder, 'disk');
      await writeFile(disk, new Uint8Array(1 << 20));
      using domain = await connection.createXML(
        `<domain type='qemu'><name>with-disk</name><memory unit='MiB'>16</memory><os><type>hvm</type></os><devices>
          <disk type='file'><source file='${disk}'/><target dev='vda' bus='virtio'/></disk></devices></domain>`,
        StartFlag.paused,
      );
      const { domains } = await readSlow(connection, (name) => name === 'with-disk');
      await domain.destroy();
      expect(domains[0]?.blocks).toMatchObject([{ name: 'vda', capacityBytes: 1 << 20, writes: 0 }]);
    });

    test('state: registers, pages, devices and dirty rate of the running guest, within the budget', async () => {
      await hypervisor.agent(NAME, { signal: AbortSignal.timeout(90_000) });
      await using stream = telemetry.state(NAME, {
        intervalMs: 100,
        budgetMsPerSecond: 400,
        pagesPerFrame: 3,
        parts: ['registers', 'devices', 'dirtyRate', 'pages'],
      });
      const frames: StateFrame[] = [];
      for await (const frame of stream) {
        frames.push(frame);
        const enough = frames.some(({ dirtyRate }) => dirtyRate) && frames.some(({ pages }) => pages);
        if (enough && frames.length >= 5) break;
      }
      const { registers } = frames.find((frame) => frame.registers)!;
      expect(registers!.values.length).toBe(2 * registers!.columns.length);
      const register = (name: string) => registers!.values[registers!.columns.indexOf(name)]!;
      // A 64-bit kernel: paging is on, long mode active.
      expect(register('CR0') & 0x8000_0001n).toBe(0x8000_0001n);
      expect(register('EFER') & 0x400n).toBe(0x400n);
      expect(register('RIP')).toBeGreaterThan(0n);
      const pages = frames.flatMap((frame) => frame.pages ?? []);
      expect(pages.every(({ bytes }) => bytes.length === 4096)).toBe(true);
      expect(frames.find((frame) => frame.blocks)).toMatchObject({ blocks: [], interfaces: [] });
      expect(frames.find((frame) => frame.dirtyRate)!.dirtyRate!.mibPerSecond).toBeGreaterThanOrEqual(0);
      expect(frames.map(({ sequence }) => sequence)).toEqual(frames.map((_, index) => index + 1));
      const { costMs, costMsPerSecond } = stream.report;
      // Full at the beginning, and one call may go beyond it.
      expect(costMs).toBeLessThan(400 * (1 + costMs / costMsPerSecond) + 200);
    });

    test('state: memory is what the guest has in it', async () => {
      await hypervisor.agent(NAME, { signal: AbortSignal.timeout(90_000) });
      const options = {
        intervalMs: 20,
        budgetMsPerSecond: 900,
        pagesPerFrame: 20,
        parts: ['pages'] as const,
      };
      await using stream = telemetry.state(NAME, options);
      let pages = 0;
      let written = 0;
      for await (const frame of stream) {
        for (const { bytes } of frame.pages ?? []) {
          pages++;
          if (bytes.some((byte) => byte !== 0)) written++;
        }
        if (pages >= 100) break;
      }
      // Of 128 MiB the kernel, the initramfs and page cache hold a part; the rest was never touched.
      expect(written).toBeGreaterThan(0);
      expect(written).toBeLessThan(pages);
    });

    test('ends with the guest: no row, no frame', async () => {
      await using stream = telemetry.state(NAME, { intervalMs: 50, parts: ['devices'] });
      expect((await stream.next()).done).toBe(false);
      await hypervisor.destroy(NAME);
      let last = await stream.next();
      while (!last.done) last = await stream.next();
      const row = new Float64Array(FAST_COLUMNS.length);
      telemetry.fast.sample([NAME], row);
      expect([...row].every(Number.isNaN)).toBe(true);
      expect((await telemetry.slow()).domains).toEqual([]);
    });
  });
}

function cell(frame: Frame | undefined, id: string, column: FastColumn): number {
  if (frame === undefined) return Number.NaN;
  return frame.values[frame.ids.indexOf(id) * frame.columns.length + frame.columns.indexOf(column)]!;
}

async function findDaemon(): Promise<Libvirtd | { readonly reason: string }> {
  try {
    return await ensureLibvirtd({ runDir: join(folder, 'run'), stateDir: join(folder, 'state') });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if (error instanceof LibvirtMissing || error instanceof LibvirtNeedsRoot)
      return { reason: error.message };
    throw error;
  }
}
