/** Fine grain is what libvirt's own schema allows, and is refused where it cannot be. */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { checkFineGrain } from '../../check-tuning.ts';
import type { DomainSpec, FineGrain, HypervisorCapabilities } from '../../port/mod.ts';
import { Connection, LibvirtMissing } from '../binding/mod.ts';
import { domainXml } from '../domain-xml.ts';

const HOST: HypervisorCapabilities = {
  kind: 'libvirt',
  acceleration: 'kvm',
  vcpuShrink: 'unplug',
  memoryResize: 'virtio-mem',
  cpuQuota: true,
  survivesRestart: true,
  diskLimits: true,
  bandwidth: 'libvirt',
  placement: true,
  memoryNodes: true,
  cacheWays: true,
  memoryBandwidth: true,
  hugepagesMiB: [2, 1024],
  perf: true,
  checkpoints: 'live',
  migration: 'live',
  lacking: {},
};
const NODES = [0, 1];
const SPEC: DomainSpec = {
  name: 'fine',
  jobId: 'job',
  image: { name: 'tiny', kernel: '/boot/vmlinuz', initrd: '/boot/initrd' },
  allocation: { cores: 1, vcpus: 2, memoryMiB: 256 },
  limit: { cores: 4, vcpus: 4, memoryMiB: 384 },
  network: { bridge: 'br0' },
};
const FINE: FineGrain = {
  cache: [{ vcpus: [0, 1], cacheId: 0, sizeKiB: 3072 }],
  memoryBandwidth: [{ vcpus: [2], node: 0, percent: 60 }],
  hugepageMiB: 2,
  memoryNodes: [1],
};
/** VIR_DOMAIN_DEFINE_VALIDATE: against the schema. */
const VALIDATE = 1;

/** libvirt's own driver in this process: it checks a definition like any other, and runs nothing. */
const connection = await Connection.open('test:///default').catch((error: unknown) => {
  if (error instanceof LibvirtMissing) return undefined;
  throw error;
});
afterAll(() => connection?.close());

describe.skipIf(connection === undefined)("libvirt's schema", () => {
  test.each([
    ['nothing', {}],
    ['all of it', { fineGrain: FINE }],
    ['a balloon', { memoryDevice: 'balloon' }],
    ['modules', { memoryDevice: 'dimm' }],
  ] satisfies [string, Partial<DomainSpec>][])('allows %s', async (_, change) => {
    const back = await define({ ...SPEC, ...change });
    expect(back).toContain("bridge='br0'");
    if (!('fineGrain' in change)) return;
    expect(back).toMatch(
      /<cachetune vcpus='0-1'>\s*<cache id='0' level='3' type='both' size='3' unit='MiB'\/>/,
    );
    expect(back).toMatch(/<memorytune vcpus='2'>\s*<node id='0' bandwidth='60'\/>/);
    expect(back).toMatch(/<hugepages>\s*<page size='2048' unit='KiB'\/>/);
    expect(back).toContain("<memory mode='restrictive' nodeset='1'/>");
  });

  test('allows whatever is let through', async () => {
    const vcpus = fc.uniqueArray(fc.integer({ min: -1, max: 5 }), { maxLength: 4 });
    const whole = fc.oneof(fc.integer({ min: -1, max: 200 }), fc.double());
    const fine = fc.record({
      cache: fc.array(fc.record({ vcpus, cacheId: whole, sizeKiB: whole }), { maxLength: 1 }),
      memoryBandwidth: fc.array(fc.record({ vcpus, node: whole, percent: whole }), { maxLength: 1 }),
      memoryNodes: fc.uniqueArray(fc.integer({ min: -1, max: 3 }), { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fine, async (fineGrain) => {
        const spec = { ...SPEC, fineGrain };
        fc.pre(accepted(spec));
        await define(spec);
      }),
      { numRuns: 30 },
    );
  });

  async function define(spec: DomainSpec): Promise<string> {
    const xml = domainXml(spec, {
      acceleration: 'kvm',
      cpuQuota: true,
      agentSocket: '/run/a.sock',
      consoleLog: '/run/a.log',
    });
    using domain = await connection!.defineXML(xml.replace("type='kvm'", "type='test'"), VALIDATE);
    const back = await domain.xml();
    await domain.undefine();
    return back;
  }
});

test.each([
  ['cacheWays', { cacheWays: false }],
  ['memoryBandwidth', { memoryBandwidth: false }],
  ['hugepages', { hugepagesMiB: [] }],
  ['memoryNodes', { memoryNodes: false }],
] satisfies [string, Partial<HypervisorCapabilities>][])(
  'a host without %s refuses',
  (capability, change) => {
    const host = { ...HOST, ...change, lacking: { [capability]: 'there is none' } };
    expect(() => checkFineGrain({ ...SPEC, fineGrain: FINE }, host, NODES)).toThrow(
      expect.objectContaining({
        code: 'capability-missing',
        capability,
        message: expect.stringContaining('there is none'),
      }),
    );
  },
);

test.each([
  ['fineGrain.cache[0].vcpus', { cache: [{ vcpus: [4], cacheId: 0, sizeKiB: 1 }] }],
  ['fineGrain.cache[0].sizeKiB', { cache: [{ vcpus: [0], cacheId: 0, sizeKiB: 0 }] }],
  ['fineGrain.memoryBandwidth[0].percent', { memoryBandwidth: [{ vcpus: [0], node: 0, percent: 101 }] }],
  ['fineGrain.memoryNodes', { memoryNodes: [2] }],
  ['fineGrain.hugepageMiB', { hugepageMiB: 4 }],
  ['allocation.memoryMiB', { hugepageMiB: 1024 }],
] satisfies [string, FineGrain][])('refuses a bad %s', (field, fineGrain) => {
  expect(() => checkFineGrain({ ...SPEC, fineGrain }, HOST, NODES)).toThrow(
    expect.objectContaining({ code: 'invalid-field', field, hint: expect.any(String) }),
  );
});

function accepted(spec: DomainSpec): boolean {
  try {
    checkFineGrain(spec, HOST, NODES);
    return true;
  } catch {
    return false;
  }
}
