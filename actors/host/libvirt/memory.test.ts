/** Sizes that are asked for, sizes that are given. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DomainSpec } from '../port/mod.ts';
import { bandwidthParameters, coresOf } from './bandwidth.ts';
import { grantFor, layoutOf, memoryDevice, memorySizes, parseLiveMemory } from './memory.ts';

test('what is given covers what is asked for, with less than a block more', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1, max: 4096, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (limit, part) => {
        const layout = layoutOf(specOf(96, Math.max(96, limit)));
        const asked = 96 + part * (Math.max(96, limit) - 96);
        const given = grantFor(layout, asked);
        expect(given).toBeGreaterThanOrEqual(asked);
        expect(given - asked).toBeLessThan(2);
        expect(layout.deviceMiB % 128).toBe(0);
      },
    ),
  );
});

test('a guest never gets less than it boots with', () => {
  const device = 'virtio-mem';
  expect(layoutOf(specOf(10, 10))).toEqual({ device, baseMiB: 96, deviceMiB: 0 });
  expect(grantFor(layoutOf(specOf(101, 400)), 50)).toBe(102);
  expect(layoutOf(specOf(101, 400))).toEqual({ device, baseMiB: 102, deviceMiB: 384 });
});

test('reads base, device, request and identity from live XML', () => {
  const identity = "<alias name='virtiomem0'/>\n      <address type='pci' slot='0x04'/>";
  const live = `<cpu><numa><cell id='0' cpus='0-3' memory='98304' unit='KiB'/></numa></cpu>
    <memory model='dimm'><target><size unit='KiB'>1024</size></target></memory>
    <memory model='virtio-mem'><target><size unit='KiB'>262144</size><node>0</node><block unit='KiB'>2048</block>
      <requested unit='KiB'>32768</requested><current unit='KiB'>0</current></target>${identity}</memory>`;
  const layout = { device: 'virtio-mem', baseMiB: 96, deviceMiB: 256 } as const;
  expect(parseLiveMemory(live, 'virtio-mem')).toMatchObject({ layout, grantedMiB: 128, identity });
  expect(memoryDevice(layout, 160, identity)).toContain(
    `<requested unit='MiB'>64</requested></target>${identity}`,
  );
  expect(parseLiveMemory('<domain/>', 'virtio-mem').layout).toMatchObject({ baseMiB: 0, deviceMiB: 0 });
});

test('a guest with a balloon boots with its limit and is told to give back', () => {
  const layout = layoutOf({ ...specOf(128, 512), memoryDevice: 'balloon' });
  expect(layout).toEqual({ device: 'balloon', baseMiB: 512, deviceMiB: 0 });
  expect(memorySizes(layout, 128)).toBe(
    "<memory unit='MiB'>512</memory><currentMemory unit='MiB'>128</currentMemory>",
  );
  expect([10, 129, 900].map((memoryMiB) => grantFor(layout, memoryMiB))).toEqual([96, 130, 512]);
  const live = `<currentMemory unit='KiB'>262144</currentMemory><cell id='0' memory='524288' unit='KiB'/>`;
  expect(parseLiveMemory(live, 'balloon')).toMatchObject({ layout, grantedMiB: 256 });
});

test('a guest with modules has slots for all of them', () => {
  const layout = layoutOf({ ...specOf(128, 500), memoryDevice: 'dimm' });
  expect(layout).toEqual({ device: 'dimm', baseMiB: 128, deviceMiB: 384 });
  expect(memorySizes(layout, 128)).toContain("<maxMemory slots='3' unit='MiB'>512</maxMemory>");
  expect([128, 129, 300, 900].map((memoryMiB) => grantFor(layout, memoryMiB))).toEqual([128, 256, 384, 512]);
  const live = `<maxMemory slots='3' unit='KiB'>524288</maxMemory><cell id='0' memory='131072' unit='KiB'/>
    <memory model='dimm'><target><size unit='KiB'>131072</size></target></memory>`;
  expect(parseLiveMemory(live, 'dimm')).toMatchObject({
    layout,
    grantedMiB: 256,
    dimms: [expect.stringContaining('131072')],
  });
});

test('cores come back from their quota, never below what the kernel allows', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.02, max: 256, noNaN: true }), (cores) => {
      expect(
        coresOf(Object.fromEntries(bandwidthParameters(cores).map(({ name, value }) => [name, value]))),
      ).toBeCloseTo(cores, 3);
    }),
  );
  expect(bandwidthParameters(0.001)).toContainEqual({ name: 'global_quota', type: 'llong', value: 1000 });
});

test('no quota is no limit', () => {
  expect(coresOf({ global_period: 100_000, global_quota: -1 })).toBeUndefined();
  expect(coresOf({ global_period: 100_000, global_quota: 17_592_186_044_415 })).toBeUndefined();
  expect(coresOf({})).toBeUndefined();
});

function specOf(memoryMiB: number, limitMiB: number): DomainSpec {
  return {
    name: 'x',
    jobId: 'x',
    image: { name: 'x', kernel: '/x', initrd: '/x' },
    allocation: { cores: 1, vcpus: 1, memoryMiB },
    limit: { cores: 1, vcpus: 1, memoryMiB: limitMiB },
  };
}
