/** The libvirt binding against libvirt's own in-memory driver: calls, handles, events, errors, and a clean exit. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  Connection,
  DomainAffect,
  DomainEvent,
  DomainListFlag,
  DomainState,
  ErrorCode,
  ErrorDomain,
  LibvirtError,
  LibvirtMissing,
  type LifecycleNotice,
  loadLibvirt,
  StoppedDetail,
  VcpuFlag,
} from '../../actors/host/libvirt/binding/mod.ts';

const URI = 'test:///default';
const missing = whyMissing();
if (missing !== undefined) console.warn(`libvirt binding not tested: ${missing}`);

describe.skipIf(missing !== undefined)(
  `libvirt binding${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let connection: Connection;
    beforeAll(async () => {
      connection = await Connection.open(URI);
    });
    afterAll(() => connection.close());

    test('tells versions, host and capabilities', async () => {
      expect(await connection.version()).toMatchObject({
        type: 'TEST',
        libvirt: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      });
      expect(await connection.nodeInfo()).toMatchObject({ model: 'i686', cpus: 16, memoryKiB: 3_145_728 });
      expect(await connection.hostname()).not.toBe('');
      expect(await connection.capabilities()).toContain('<capabilities>');
      expect(await connection.isAlive()).toBe(true);
    });

    test('finds domains by list, name and UUID', async () => {
      const [first] = await connection.listAllDomains(DomainListFlag.active);
      using listed = first!;
      expect(listed.name).toBe('test');
      using byName = await connection.lookupByName('test');
      using byUuid = await connection.lookupByUuid(listed.uuid);
      expect([byName.uuid, byUuid.name]).toEqual([listed.uuid, 'test']);
      expect(listed.uuid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    });

    test('lists the statistics of all domains', async () => {
      const stats = await connection.getAllDomainStats();
      expect(stats).toContainEqual({
        name: 'test',
        parameters: expect.objectContaining({ 'state.state': 1 }),
      });
    });

    test('takes a transient domain through its life, and tells of it', async () => {
      const notices: LifecycleNotice[] = [];
      const stop = await connection.onLifecycle((notice) => notices.push(notice));
      using domain = await connection.createXML(testDomain('transient'));
      expect(await domain.state()).toMatchObject({ state: DomainState.running });
      expect(await domain.info()).toMatchObject({ vcpus: 1, maxMemoryKiB: 65_536 });
      await domain.suspend();
      expect(await domain.state()).toMatchObject({ state: DomainState.paused });
      await domain.resume();
      await domain.destroy();
      await expect
        .poll(() => notices.map(({ event }) => event))
        .toEqual([DomainEvent.started, DomainEvent.suspended, DomainEvent.resumed, DomainEvent.stopped]);
      expect(notices.at(-1)).toEqual({
        domain: 'transient',
        event: DomainEvent.stopped,
        detail: StoppedDetail.destroyed,
      });
      await stop();
      await expect(connection.lookupByName('transient')).rejects.toMatchObject({ code: ErrorCode.noDomain });
    });

    test('defines, starts, changes and undefines a domain', async () => {
      using domain = await connection.defineXML(testDomain('défini', 4));
      await domain.create();
      await domain.setVcpus(2, DomainAffect.live);
      expect(await domain.vcpus()).toBe(2);
      expect(await domain.vcpus(DomainAffect.live | VcpuFlag.maximum)).toBe(4);
      await domain.setMemory(32 * 1024);
      expect(await domain.info()).toMatchObject({ memoryKiB: 32 * 1024, vcpus: 2 });
      expect(await domain.xml()).toContain('<name>défini</name>');
      await domain.destroy();
      await domain.undefine();
      await expect(connection.lookupByName('défini')).rejects.toMatchObject({ code: ErrorCode.noDomain });
    });

    test('keeps metadata under a namespace', async () => {
      using domain = await connection.lookupByName('test');
      const namespace = 'urn:example:1';
      await expect(domain.metadata(namespace)).rejects.toMatchObject({ code: ErrorCode.noDomainMetadata });
      await domain.setMetadata(namespace, 'example', "<job id='a&amp;b'/>");
      expect(await domain.metadata(namespace)).toBe('<job id="a&amp;b"/>');
      await domain.setMetadata(namespace, 'example', null);
      await expect(domain.metadata(namespace)).rejects.toBeInstanceOf(LibvirtError);
    });

    test('writes scheduler parameters, and names what refused one', async () => {
      using domain = await connection.lookupByName('test');
      await domain.setSchedulerParameters([{ name: 'weight', type: 'uint', value: 17 }]);
      const refused = domain.setSchedulerParameters([{ name: 'weight', type: 'llong', value: -1 }]);
      await expect(refused).rejects.toMatchObject({
        functionName: 'virDomainSetSchedulerParametersFlags',
        code: ErrorCode.invalidArgument,
      });
    });

    test('errors carry code, origin, level and function', async () => {
      const error = await connection.lookupByName('nobody').catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(LibvirtError);
      expect(error).toMatchObject({
        code: ErrorCode.noDomain,
        domain: ErrorDomain.test,
        level: 2,
        functionName: 'virDomainLookupByName',
        message: expect.stringContaining('not found'),
      });
      await expect(connection.createXML('<domain')).rejects.toMatchObject({ domain: ErrorDomain.domain });
    });

    test('each of many calls at once gets its own error', async () => {
      const answers = await Promise.allSettled([
        connection.lookupByName('nobody'),
        connection.createXML('<nonsense/>'),
        connection.lookupByName('test'),
        connection.lookupByUuid('no uuid'),
      ]);
      expect(answers.map((answer) => (answer.status === 'rejected' ? answer.reason.code : 'ok'))).toEqual([
        ErrorCode.noDomain,
        ErrorCode.xmlError,
        'ok',
        ErrorCode.invalidArgument,
      ]);
    });

    test('a connection that cannot be opened says why', async () => {
      const uri = 'qemu:///system?socket=/nonexistent/libvirt-sock';
      await expect(Connection.open(uri)).rejects.toMatchObject({
        code: ErrorCode.systemError,
        message: expect.stringContaining('/nonexistent/libvirt-sock'),
      });
    });

    test('a closed connection and a freed domain refuse calls', async () => {
      const other = await Connection.open(URI);
      const domain = await other.lookupByName('test');
      domain[Symbol.dispose]();
      domain[Symbol.dispose]();
      await expect(domain.xml()).rejects.toMatchObject({ code: ErrorCode.invalidDomain });
      await other.close();
      await other.close();
      await expect(other.hostname()).rejects.toMatchObject({ code: ErrorCode.invalidConnection });
      expect(other.alive).toBe(false);
    });

    test('a process ends by itself once its connections are closed', { timeout: 30_000 }, async () => {
      const binding = new URL('../../actors/host/libvirt/binding/mod.ts', import.meta.url);
      const script = `
      import { Connection } from '${binding}';
      for (let round = 0; round < 3; round++) {
        await using connection = await Connection.open('${URI}');
        await connection.onLifecycle(() => {});
        await connection.lookupByName('test');
      }
      console.log('closed');`;
      const deno = 'Deno' in globalThis;
      const args = deno ? ['eval', '--quiet', '--ext=ts', script] : ['--input-type=module', '--eval', script];
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
      expect(stdout.trim()).toBe('closed');
    });

    test('a process that exits without closing does so at once', { timeout: 30_000 }, async () => {
      const binding = new URL('../../actors/host/libvirt/binding/mod.ts', import.meta.url);
      const script = `
      import process from 'node:process';
      import { Connection } from '${binding}';
      const connection = await Connection.open('${URI}');
      await connection.onLifecycle(() => {});
      process.exit(3);`;
      const deno = 'Deno' in globalThis;
      const args = deno ? ['eval', '--quiet', '--ext=ts', script] : ['--input-type=module', '--eval', script];
      const exited = promisify(execFile)(process.execPath, args, { timeout: 20_000 });
      await expect(exited).rejects.toMatchObject({ code: 3 });
    });
  },
);

function testDomain(name: string, vcpus = 1): string {
  return `<domain type='test'><name>${name}</name><memory unit='MiB'>64</memory>
    <vcpu current='1'>${vcpus}</vcpu><os><type>hvm</type></os></domain>`;
}

function whyMissing(): string | undefined {
  try {
    loadLibvirt();
    return undefined;
  } catch (error) {
    if (error instanceof LibvirtMissing) return error.message;
    throw error;
  }
}
