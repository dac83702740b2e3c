/** The libvirt binding with real QEMU processes on a daemon of the test's own: what only a real driver can do. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  abortable,
  Connection,
  type Domain,
  DomainState,
  DomainStatsGroup,
  ErrorCode,
  LibvirtError,
  StartFlag,
  VIR_DOMAIN_BLOCK_COMMIT_ACTIVE,
  VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT,
  VIR_DOMAIN_JOB_STATS_COMPLETED,
  VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP,
  VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY,
  VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA,
  VIR_MIGRATE_LIVE,
  VIR_MIGRATE_PEER2PEER,
  VIR_MIGRATE_UNSAFE,
} from '../../actors/host/libvirt/binding/mod.ts';
import { ensureLibvirtd, LibvirtMissing, LibvirtNeedsRoot } from '../../deploy/libvirtd/mod.ts';

const run = promisify(execFile);
const NAME = `binding-${process.pid}`;
const MIB = 1024 * 1024;
const folder = await mkdtemp(join(tmpdir(), 'sg-'));
const daemon = await findDaemon();
const reason = typeof daemon === 'string' ? daemon : undefined;
if (reason !== undefined) console.warn(`libvirt binding not tested with QEMU: ${reason}`);

describe.skipIf(reason !== undefined)('libvirt binding: QEMU', () => {
  const uri = typeof daemon === 'string' ? '' : daemon.uri;
  const disk = join(folder, 'disk.qcow2');
  let connection: Connection;
  let other: Connection;
  let domain: Domain;

  beforeAll(async () => {
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '16M']);
    connection = await Connection.open(uri, { deadlineMs: 30_000 });
    other = await Connection.open(uri);
    domain = await connection.defineXML(domainXml());
    await domain.create(StartFlag.paused);
  });

  afterAll(async () => {
    await domain?.destroy().catch(() => {});
    await domain?.undefine().catch(() => {});
    await connection?.close();
    await other?.close();
    if (typeof daemon !== 'string') expect(await daemon.stop()).toEqual([]);
    await rm(folder, { recursive: true, force: true });
  });

  test('tells what the host and its domains can have', async () => {
    expect(await connection.domainCapabilities({ virtualization: 'qemu' })).toContain('<domainCapabilities>');
    expect((await connection.nodeMemory()).total).toBeGreaterThan(0);
    expect((await connection.nodeCpuStats()).user).toBeGreaterThan(0);
    expect((await connection.nodeCpuMap()).online).toContain(0);
    expect(await domain.controlInfo()).toEqual({ state: 0, details: 0, stateMs: 0 });
    expect(domain.id).toBeGreaterThan(0);
  });

  test('a call that the driver lacks says so', async () => {
    await expect(domain.guestInfo()).rejects.toBeInstanceOf(LibvirtError);
    await expect(domain.qemuAgentCommand('{"execute":"guest-ping"}')).rejects.toMatchObject({
      codeName: 'VIR_ERR_OPERATION_INVALID',
      domainName: 'VIR_FROM_QEMU',
    });
  });

  test('speaks to the monitor, and hears it', async () => {
    const heard: string[] = [];
    const stop = await connection.onMonitorEvent(({ domain: name, event }) => heard.push(`${name} ${event}`));
    const status = JSON.parse(await domain.qemuMonitorCommand('{"execute":"query-status"}'));
    expect(status.return).toMatchObject({ running: false });
    const text = await domain.qemuMonitorCommand('info status', VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP);
    expect(text).toContain('paused');
    await domain.resume();
    await domain.suspend();
    await expect.poll(() => heard).toEqual([`${NAME} RESUME`, `${NAME} STOP`]);
    await stop();
  });

  test('reads memory and how fast it changes', async () => {
    await domain.resume();
    // The BIOS copies itself there.
    const bios = async () => (await domain.memoryPeek(0xf0000, 65_536)).some((byte) => byte !== 0);
    await expect.poll(bios, { timeout: 10_000 }).toBe(true);
    expect(await domain.memoryStats()).toMatchObject({ actualBalloon: 65_536, rss: expect.any(Number) });
    await domain.setMemoryStatsPeriod(2);
    await domain.startDirtyRateCalc(1);
    const group = DomainStatsGroup.dirtyRate;
    const measured = async () =>
      (await other.getDomainStats([await other.lookupByName(NAME)], group))[0]?.parameters[
        'dirtyrate.calc_status'
      ];
    await expect.poll(measured, { timeout: 10_000 }).toBe(2);
    await domain.suspend();
  });

  test('limits and pins, and tells that something was tuned', async () => {
    const tuned: unknown[] = [];
    const stop = await connection.on('tunable', (notice) => tuned.push(notice));
    const quota = { name: 'vcpu_quota', type: 'llong', value: 20_000 } as const;
    await domain.setSchedulerParameters([quota]);
    expect(await domain.schedulerParameters()).toMatchObject({ vcpu_quota: 20_000 });
    await expect
      .poll(() => tuned)
      .toContainEqual({ domain: NAME, parameters: { 'cputune.vcpu_quota': 20_000 } });
    await stop();
    await domain.pinVcpu(0, [0]);
    expect(await domain.vcpuPinInfo()).toEqual([[0]]);
    expect((await domain.vcpuInfo())[0]).toMatchObject({ number: 0, affinity: [0] });
    const [total] = await domain.cpuStats();
    expect(total).toMatchObject({ cpu_time: expect.any(Number) });
    expect(await domain.memoryParameters()).toHaveProperty('hard_limit');
    await domain.addIOThread(1);
    await domain.pinIOThread(1, [0]);
    expect(await domain.ioThreadInfo()).toEqual([{ id: 1, affinity: [0] }]);
  });

  test('tells of disks, limits and grows them', async () => {
    expect(await domain.blockInfo('vda')).toMatchObject({ capacity: 16 * MIB });
    expect(await domain.blockStats('vda')).toMatchObject({ rd_operations: expect.any(Number) });
    await domain.setBlockIoTune('vda', [{ name: 'total_iops_sec', type: 'ullong', value: 500 }]);
    expect(await domain.blockIoTune('vda')).toMatchObject({ total_iops_sec: 500 });
    await domain.blockResize('vda', 24 * 1024);
    expect(await domain.blockInfo('vda')).toMatchObject({ capacity: 24 * MIB });
    await expect(domain.blockPeek('vda', 0, 4)).rejects.toMatchObject({
      code: ErrorCode.operationUnsupported,
    });
  });

  test('plugs a disk, and merges an overlay back', async () => {
    const added: string[] = [];
    const jobs: unknown[] = [];
    await connection.on('deviceAdded', ({ alias }) => added.push(alias));
    const stop = await connection.on('blockJob', (notice) => jobs.push(notice), domain);
    const spare = join(folder, 'spare.raw');
    await writeFile(spare, Buffer.alloc(MIB, 'spare'));
    await domain.attachDevice(
      `<disk type='file'><driver name='qemu' type='raw'/><source file='${spare}'/>
       <target dev='vdb' bus='virtio'/><alias name='ua-spare'/></disk>`,
    );
    await expect.poll(() => added).toEqual(['ua-spare']);
    expect(Buffer.from(await domain.blockPeek('vdb', 5, 5)).toString()).toBe('spare');
    const overlay = join(folder, 'overlay.qcow2');
    const flags = VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA;
    using _snapshot = await domain.snapshotCreateXML(
      `<domainsnapshot><disks><disk name='vda' snapshot='external'><source file='${overlay}'/></disk>
       <disk name='vdb' snapshot='no'/></disks></domainsnapshot>`,
      flags,
    );
    await domain.blockCommit('vda', null, null, { flags: VIR_DOMAIN_BLOCK_COMMIT_ACTIVE });
    await expect.poll(() => jobs).toContainEqual({ domain: NAME, disk: 'vda', type: 4, status: 3 });
    const job = await domain.blockJobInfo('vda');
    expect(job).toMatchObject({ type: 4, current: job!.end });
    await domain.blockJobAbort('vda', VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT);
    await expect.poll(() => domain.blockJobInfo('vda')).toBeUndefined();
    expect(await domain.xml()).not.toContain(overlay);
    await stop();
  });

  test('notes changed blocks and backs them up', async () => {
    using checkpoint = await domain.checkpointCreateXML(
      "<domaincheckpoint><name>c1</name><disks><disk name='vda' checkpoint='bitmap'/></disks></domaincheckpoint>",
    );
    const ended: unknown[] = [];
    const stop = await connection.on('jobCompleted', (notice) => ended.push(notice));
    const target = join(folder, 'backup.qcow2');
    await domain.backupBegin(
      `<domainbackup><disks><disk name='vda' type='file'><target file='${target}'/>
       <driver type='qcow2'/></disk><disk name='vdb' backup='no'/></disks></domainbackup>`,
    );
    await expect.poll(() => ended).toHaveLength(1);
    expect((await stat(target)).size).toBeGreaterThan(0);
    await stop();
    await checkpoint.delete();
    expect(await domain.listAllCheckpoints()).toEqual([]);
  });

  test('migrates there and back; what is aborted stays where it was', { timeout: 60_000 }, async () => {
    await using second = await startSecond();
    await using there = await Connection.open(second.uri);
    const flags = VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_UNSAFE;
    const parameters = { uri: `unix://${join(folder, 'migration')}`, bandwidth: 1 };
    const { uri: target } = second;
    await domain.resume();
    const iterations: number[] = [];
    await connection.on('migrationIteration', ({ iteration }) => iterations.push(iteration));
    const abort = new AbortController();
    const slow = abortable(() => domain.migrateToURI3(target, parameters, flags), {
      domain,
      connection: other,
      signal: abort.signal,
    });
    const failed = expect(slow).rejects.toThrow('enough');
    await expect.poll(async () => (await jobOf(other)).type, { timeout: 10_000 }).not.toBe(0);
    abort.abort(new Error('enough'));
    await failed;
    expect(await domain.state()).toMatchObject({ state: DomainState.running });
    await expect(there.lookupByName(NAME)).rejects.toMatchObject({ code: ErrorCode.noDomain });
    const late = { domain, connection: other, deadlineMs: 1 };
    await expect(
      abortable(() => domain.migrateToURI3(target, parameters, flags), late),
    ).rejects.toMatchObject({ name: 'TimeoutError' });

    await domain.migrateToURI3(target, { ...parameters, bandwidth: 1000 }, flags);
    expect(await domain.isActive()).toBe(false);
    using moved = await there.lookupByName(NAME);
    expect(await moved.state()).toMatchObject({ state: DomainState.running });
    using back = await connection.migrateHere(
      moved,
      { uri: `unix://${join(folder, 'return')}` },
      VIR_MIGRATE_LIVE | VIR_MIGRATE_UNSAFE,
    );
    expect(back.uuid).toBe(domain.uuid);
    expect(await domain.state()).toMatchObject({ state: DomainState.running });
    expect((await back.jobStats(VIR_DOMAIN_JOB_STATS_COMPLETED)).parameters).toHaveProperty('downtime');
    expect(iterations.length).toBeGreaterThan(0);
  });

  test('migration to nowhere fails with the reason', async () => {
    const nowhere = 'qemu+unix:///system?socket=/nonexistent/sock';
    const flags = VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER;
    const parameters = { bandwidth: 100, disks: ['vda'] };
    await expect(domain.migrateToURI3(nowhere, parameters, flags | VIR_MIGRATE_UNSAFE)).rejects.toMatchObject(
      { message: expect.stringContaining('/nonexistent/sock') },
    );
    await expect(domain.migrateToURI3(nowhere, parameters, flags)).rejects.toMatchObject({
      code: ErrorCode.migrateUnsafe,
    });
  });

  test('a saved domain is restored, running as before', async () => {
    const file = join(folder, 'guest.save');
    await domain.save(file);
    expect(await domain.isActive()).toBe(false);
    expect(await connection.saveImageXML(file)).toContain(NAME);
    await connection.restore(file);
    expect(await domain.state()).toMatchObject({ state: DomainState.running });
    expect(await domain.jobInfo()).toMatchObject({ type: 0 });
  });

  test('keeps volumes in a pool, and carries their contents', async () => {
    await using closing = new AsyncDisposableStack();
    const pool = await connection.storagePoolCreateXML(
      `<pool type='dir'><name>${NAME}</name><target><path>${folder}</path></target></pool>`,
    );
    closing.use(pool);
    closing.defer(() => pool.destroy());
    using volume = await pool.volumeCreateXML(
      `<volume><name>v.raw</name><capacity>${MIB}</capacity><target><format type='raw'/></target></volume>`,
    );
    expect(await volume.info()).toMatchObject({ type: 0, capacity: MIB });
    const contents = Uint8Array.from({ length: MIB }, (_, index) => index % 251);
    using sending = await connection.newStream();
    await volume.upload(sending);
    await sending.send(contents);
    await sending.finish();
    using receiving = await connection.newStream();
    await volume.download(receiving);
    const parts: Uint8Array[] = [];
    for (let part = await receiving.receive(); part !== undefined; part = await receiving.receive()) {
      parts.push(part);
    }
    await receiving.finish();
    expect(Buffer.concat(parts).equals(contents)).toBe(true);
    await volume.delete();
  });

  async function jobOf(from: Connection) {
    using same = await from.lookupByName(NAME);
    return await same.jobInfo();
  }

  function domainXml(): string {
    return `<domain type='qemu'><name>${NAME}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>
      <devices><emulator>/usr/bin/qemu-system-x86_64</emulator><controller type='usb' model='none'/>
      <disk type='file'><driver name='qemu' type='qcow2'/><source file='${disk}'/>
        <target dev='vda' bus='virtio'/></disk>
      <memballoon model='virtio'/></devices></domain>`;
  }
});

/** The other host of a migration. */
async function startSecond() {
  const second = await ensureLibvirtd({ runDir: join(folder, 'run2'), stateDir: join(folder, 'state2') });
  const uri = second.uri.replace('qemu://', 'qemu+unix://');
  return { uri, [Symbol.asyncDispose]: async () => void (await second.stop()) };
}

async function findDaemon() {
  try {
    return await ensureLibvirtd({ runDir: join(folder, 'run'), stateDir: join(folder, 'state') });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if (error instanceof LibvirtMissing || error instanceof LibvirtNeedsRoot) return error.message;
    throw error;
  }
}
