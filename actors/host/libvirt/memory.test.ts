/** Sizes that are asked for, sizes that are given. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DomainSpec } from '../port.ts';
import { bandwidthParameters, coresOf } from './bandwidth.ts';
import { layoutOf, memoryDevice, parseLiveMemory, requestFor } from './memory.ts';

test('what is given covers what is asked for, with less than a block more', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1, max: 4096, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (limit, part) => {
        const layout = layoutOf(specOf(96, Math.max(96, limit)));
        const asked = 96 + part * (Math.max(96, limit) - 96);
        const given = layout.baseMiB + requestFor(layout, asked);
        expect(given).toBeGreaterThanOrEqual(asked);
        expect(given - asked).toBeLessThan(2);
        expect(layout.deviceMiB % 128).toBe(0);
      },
    ),
  );
});

test('a guest never gets less than it boots with', () => {
  expect(layoutOf(specOf(10, 10))).toEqual({ baseMiB: 96, deviceMiB: 0 });
  expect(requestFor(layoutOf(specOf(101, 400)), 50)).toBe(0);
  expect(layoutOf(specOf(101, 400))).toEqual({ baseMiB: 102, deviceMiB: 384 });
});

test('reads base, device, request and identity from live XML', () => {
  const identity = "<alias name='virtiomem0'/>\n      <address type='pci' slot='0x04'/>";
  const live = `<cpu><numa><cell id='0' cpus='0-3' memory='98304' unit='KiB'/></numa></cpu>
    <memory model='dimm'><target><size unit='KiB'>1024</size></target></memory>
    <memory model='virtio-mem'><target><size unit='KiB'>262144</size><node>0</node><block unit='KiB'>2048</block>
      <requested unit='KiB'>32768</requested><current unit='KiB'>0</current></target>${identity}</memory>`;
  const layout = { baseMiB: 96, deviceMiB: 256 };
  expect(parseLiveMemory(live)).toEqual({ layout, requestedMiB: 32, identity });
  expect(memoryDevice(layout, 64, identity)).toContain(
    `<requested unit='MiB'>64</requested></target>${identity}`,
  );
  expect(parseLiveMemory('<domain/>').layout).toEqual({ baseMiB: 0, deviceMiB: 0 });
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
