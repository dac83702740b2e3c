/** Whatever a caller writes into XML stays text there, and comes back as it was. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkSpec } from '../check-spec.ts';
import type { DomainSpec } from '../port/mod.ts';
import { domainXml } from './domain-xml.ts';
import { metadataElement, metadataOf, parseMetadata } from './metadata.ts';
import { escapeXml, firstElementAttributes } from './xml.ts';

const spec: DomainSpec = {
  name: 'one',
  jobId: 'job',
  image: { name: 'tiny', kernel: '/boot/vmlinuz', initrd: '/boot/initrd' },
  allocation: { cores: 0.5, vcpus: 1, memoryMiB: 96 },
  limit: { cores: 2, vcpus: 4, memoryMiB: 512 },
};
const options = {
  acceleration: 'tcg',
  cpuQuota: true,
  agentSocket: '/run/a.sock',
  consoleLog: '/run/a.log',
} as const;

const hostile = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom(`'`, '"', '<', '>', '&', '/', ']', '-', '!', ' ', 'a', ';', '#'),
    minLength: 1,
  }),
);

test('escaped text comes back from an attribute', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      expect(firstElementAttributes(`<a b='${escapeXml(text)}' c="d"/>`)).toEqual(
        new Map([
          ['b', text],
          ['c', 'd'],
        ]),
      );
    }),
  );
});

test('metadata survives a round trip through XML', () => {
  fc.assert(
    fc.property(hostile, hostile, (jobId, image) => {
      const metadata = metadataOf({ ...spec, jobId, image: { ...spec.image, name: image } });
      expect(parseMetadata(metadataElement(metadata))).toEqual(metadata);
    }),
  );
});

test('so does what is warm, pinned and asked of a balloon', () => {
  const count = fc.integer({ min: 0, max: 64 });
  const state = fc.record(
    {
      warm: fc.record({ vcpus: count, activeMemoryMiB: fc.integer({ min: 1, max: 4096 }) }),
      pins: fc.array(fc.uniqueArray(count, { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
      balloonMiB: fc.integer({ min: 96, max: 4096 }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(state, fc.constantFrom('virtio-mem', 'balloon', 'dimm'), (changes, memoryDevice) => {
      const metadata = { ...metadataOf(spec), memoryDevice, ...changes };
      expect(parseMetadata(metadataElement(metadata))).toEqual(metadata);
    }),
  );
});

test('no job id, image or path that is let through changes the shape of the domain', () => {
  const shape = (xml: string) => [...xml.matchAll(/<\/?[\w:-]+/g)].map(([tag]) => tag).join('');
  const expected = shape(domainXml(spec, options));
  fc.assert(
    fc.property(hostile, hostile, (jobId, path) => {
      const changed = { ...spec, jobId, image: { name: jobId, kernel: `/${path}`, initrd: `/${path}` } };
      fc.pre(accepted(changed));
      const xml = domainXml(changed, { ...options, consoleLog: `/${path}`, agentSocket: `/${path}` });
      expect(shape(xml)).toBe(expected);
      expect([...xml].filter((character) => character < ' ' && character !== '\n')).toEqual([]);
    }),
  );
});

test('the XML of a domain that cannot grow has no memory device', () => {
  const small = { ...spec, limit: { ...spec.limit, memoryMiB: 96 } };
  expect(domainXml(small, options)).not.toMatch(/virtio-mem|maxMemory/);
  expect(domainXml(spec, options)).toMatch(/virtio-mem.*<maxMemory|<maxMemory.*virtio-mem/s);
});

test('KVM, and hosts without quotas, get XML of their own', () => {
  const xml = domainXml(spec, { ...options, acceleration: 'kvm', cpuQuota: false });
  expect(xml).toContain("<domain type='kvm'>");
  expect(xml).not.toContain('cputune');
});

test.each([
  '<domain/>',
  '',
  '<domain job="a"/>',
  'job="a" vcpus="1"',
  '<domain job="a" vcpus="x" limit-cores="1"/>',
])('metadata that is not ours is none: %s', (xml) => {
  expect(parseMetadata(xml)).toBeUndefined();
});

function accepted(candidate: DomainSpec): boolean {
  try {
    checkSpec(candidate);
    return true;
  } catch {
    return false;
  }
}
