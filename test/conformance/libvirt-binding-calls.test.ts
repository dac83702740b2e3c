/** The breadth of the libvirt binding against libvirt's in-memory driver: structures in and out, handles, events, aborts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  abortable,
  Connection,
  type Domain,
  DomainEvent,
  ErrorCode,
  LibvirtError,
  VIR_DOMAIN_MEMORY_HARD_LIMIT,
} from '../../actors/host/libvirt/binding/mod.ts';
import { bindingMissing } from './libvirt-binding-missing.ts';

const missing = bindingMissing();

describe.skipIf(missing !== undefined)('libvirt binding: calls', () => {
  let connection: Connection;
  let domain: Domain;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sg-'));
    connection = await Connection.open('test:///default');
    domain = await connection.lookupByName('test');
  });
  afterAll(async () => {
    await connection.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('tells of CPUs, NUMA nodes and pages of the host', async () => {
    expect(await connection.nodeInfo()).toMatchObject({ nodes: 2, sockets: 2, threadsPerCore: 2 });
    expect(await connection.nodeCpuMap()).toEqual({ present: 8, online: [0, 2, 4] });
    expect(await connection.nodeCpuStats()).toMatchObject({ idle: 87_264_900_000 });
    expect(await connection.nodeCellsFreeMemory(0, 2)).toEqual([2_097_152, 4_194_304]);
    const pages = await connection.nodeFreePages([4, 2048], 0, 2);
    expect(pages.map(({ node, sizeKiB }) => [node, sizeKiB])).toEqual([
      [0, 4],
      [0, 2048],
      [1, 4],
      [1, 2048],
    ]);
    expect(await connection.nodeFreeMemory()).toBeGreaterThan(0);
    expect(await connection.cpuModelNames('x86_64')).toContain('qemu64');
    expect(await connection.maxVcpus()).toBe(32);
    expect(await connection.sysinfo()).toContain('<sysinfo');
  });

  test('pins vCPUs and the emulator, and reads where they are', async () => {
    await domain.pinVcpu(0, [1, 9], 0);
    expect((await domain.vcpuPinInfo())[0]).toEqual([1, 9]);
    const [first, second] = await domain.vcpuInfo();
    expect(first).toMatchObject({ number: 0, state: 1, affinity: [1, 9] });
    expect(second?.affinity).toHaveLength(16);
    await domain.pinEmulator([2]);
    expect(await domain.emulatorPinInfo()).toEqual([2]);
    expect(await domain.cpuStats(0, 2)).toEqual([
      { cpu_time: expect.any(Number), vcpu_time: expect.any(Number) },
      { cpu_time: expect.any(Number), vcpu_time: expect.any(Number) },
    ]);
  });

  test('adds, pins and removes IO threads', async () => {
    await domain.addIOThread(7);
    await domain.pinIOThread(7, [1]);
    expect(await domain.ioThreadInfo()).toEqual([{ id: 7, affinity: [1] }]);
    await domain.delIOThread(7);
    expect(await domain.ioThreadInfo()).toEqual([]);
  });

  test('reads and writes parameters of memory, NUMA, block IO and perf', async () => {
    await domain.setMemoryParameters([
      { name: VIR_DOMAIN_MEMORY_HARD_LIMIT, type: 'ullong', value: 5_000_000 },
    ]);
    expect(await domain.memoryParameters()).toMatchObject({ hard_limit: 5_000_000 });
    expect(await domain.numaParameters()).toMatchObject({ numa_mode: 0 });
    expect(await domain.blkioParameters()).toMatchObject({ weight: 0 });
    await domain.setPerfEvents({ cmt: true });
    expect(await domain.perfEvents()).toMatchObject({ cmt: true, mbmt: false });
    expect(await domain.memoryStats()).toMatchObject({ actualBalloon: 2_097_152, unused: 1_048_576 });
    expect(await domain.memoryPeek(0, 4)).toEqual(Uint8Array.of(0, 1, 2, 3));
    expect(await domain.maxMemory()).toBe(8_388_608);
  });

  test('tells of interfaces, disks and file systems', async () => {
    expect(await domain.interfaceStats('testnet0')).toMatchObject({ rxBytes: expect.any(Number) });
    expect(await domain.interfaceParameters('testnet0')).toMatchObject({ 'inbound.average': 0 });
    expect(await domain.interfaceAddresses()).toEqual([
      {
        name: 'testnet0',
        mac: 'aa:bb:cc:dd:ee:ff',
        addresses: [{ type: 'ipv4', address: expect.stringContaining('192.168.122.'), prefix: 24 }],
      },
    ]);
    expect(await domain.blockInfo('vda')).toMatchObject({ physical: 2 ** 40 });
    expect(await domain.blockIoTune('vda')).toMatchObject({ total_bytes_sec: 0 });
    expect(await domain.diskErrors()).toEqual([{ disk: 'vda', error: 1 }]);
    expect(await domain.fsFreeze(['/'])).toBe(1);
    expect(await domain.fsThaw()).toBe(1);
    expect((await domain.fsInfo()).map(({ mountPoint, disks }) => [mountPoint, disks])).toEqual([
      ['/', ['vda']],
      ['/boot', ['vda']],
    ]);
    expect(await domain.hostname()).not.toBe('');
    expect(await domain.time()).toBeGreaterThan(0);
  });

  test('takes, lists, reverts to and deletes snapshots and checkpoints', async () => {
    using snapshot = await domain.snapshotCreateXML('<domainsnapshot><name>s1</name></domainsnapshot>');
    expect([snapshot.name, await snapshot.isCurrent()]).toEqual(['s1', true]);
    expect(await snapshot.xml()).toContain('<name>s1</name>');
    for (const one of await domain.listAllSnapshots()) {
      using listed = one;
      expect(listed.name).toBe('s1');
    }
    await snapshot.revert();
    await snapshot.delete();
    await expect(domain.snapshotLookupByName('s1')).rejects.toMatchObject({
      codeName: 'VIR_ERR_NO_DOMAIN_SNAPSHOT',
      domainName: 'VIR_FROM_TEST',
    });
    using checkpoint = await domain.checkpointCreateXML(
      '<domaincheckpoint><name>c1</name></domaincheckpoint>',
    );
    expect((await domain.listAllCheckpoints()).map(({ name }) => name)).toEqual(['c1']);
    await checkpoint.delete();
    await expect(domain.checkpointLookupByName('c1')).rejects.toMatchObject({
      code: ErrorCode.noDomainCheckpoint,
    });
  });

  test('saves and restores, to its own file and to libvirt’s', async () => {
    const file = join(folder, 'test.save');
    await domain.save(file);
    expect(await domain.isActive()).toBe(false);
    expect(await connection.saveImageXML(file)).toContain('<name>test</name>');
    await connection.restore(file);
    expect(await domain.isActive()).toBe(true);
    await domain.managedSave();
    expect(await domain.hasManagedSaveImage()).toBe(true);
    await domain.create();
    await domain.coreDump(join(folder, 'core'));
  });

  test('makes and deletes volumes in a pool', async () => {
    using pool = await connection.storagePoolLookupByName('default-pool');
    expect(pool.uuid).toMatch(/^[0-9a-f-]{36}$/);
    expect(await pool.info()).toMatchObject({ state: 2, capacity: expect.any(Number) });
    using volume = await pool.volumeCreateXML('<volume><name>v1</name><capacity>1048576</capacity></volume>');
    expect(await volume.path()).toContain('v1');
    using found = await connection.storageVolumeLookupByPath(await volume.path());
    expect(found.key).toBe(volume.key);
    await volume.delete();
    await expect(pool.volumeLookupByName('v1')).rejects.toMatchObject({ code: ErrorCode.noStorageVolume });
  });

  test('gives statistics of chosen domains', async () => {
    expect(await connection.getDomainStats([domain])).toEqual([
      { name: 'test', parameters: expect.objectContaining({ 'state.state': 1 }) },
    ]);
    expect(await connection.getDomainStats([])).toEqual([]);
  });

  test('tells events of one kind, of one domain, until that is ended', async () => {
    using other = await connection.createXML(
      "<domain type='test'><name>other</name><memory>65536</memory><os><type>hvm</type></os></domain>",
    );
    const all: string[] = [];
    const ours: unknown[] = [];
    const stopAll = await connection.on('lifecycle', (notice) => all.push(notice.domain));
    const stopOurs = await connection.on('lifecycle', (notice) => ours.push(notice), domain);
    await other.suspend();
    await domain.suspend();
    await domain.resume();
    await expect.poll(() => all).toEqual(['other', 'test', 'test']);
    expect(ours).toMatchObject([
      { domain: 'test', event: DomainEvent.suspended },
      { domain: 'test', event: DomainEvent.resumed },
    ]);
    await stopOurs();
    await stopOurs();
    await other.destroy();
    await expect.poll(() => all).toHaveLength(4);
    await stopAll();
    expect(ours).toHaveLength(2);
  });

  test('tells of changed metadata', async () => {
    const notices: unknown[] = [];
    const stop = await connection.on('metadataChange', (notice) => notices.push(notice));
    await domain.setMetadata('urn:example:events', 'e', '<e/>');
    await expect
      .poll(() => notices)
      .toContainEqual({ domain: 'test', type: 2, namespace: 'urn:example:events' });
    await stop();
  });

  test('a connection for reading refuses changes', async () => {
    await using reader = await Connection.open('test:///default', { readOnly: true, deadlineMs: 10_000 });
    using read = await reader.lookupByName('test');
    await expect(read.suspend()).rejects.toMatchObject({ code: ErrorCode.operationDenied });
  });

  test('abortable lets a call that succeeds or fails do so', async () => {
    const options = { domain, connection, deadlineMs: 10_000 };
    expect(await abortable(() => domain.info(), options)).toMatchObject({ state: 1 });
    await expect(abortable(() => connection.lookupByName('nobody'), options)).rejects.toBeInstanceOf(
      LibvirtError,
    );
    const signal = AbortSignal.abort(new Error('before it began'));
    await expect(abortable(() => domain.destroy(), { ...options, signal })).rejects.toThrow(
      'before it began',
    );
    expect(await domain.isActive()).toBe(true);
  });
});
