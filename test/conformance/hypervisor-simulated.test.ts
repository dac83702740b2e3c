/** The simulated driver against the suite of all hypervisors, on a clock that the tests move. */
import { expect } from 'vitest';
import { createSimulatedHypervisor } from '../../actors/host/simulated/mod.ts';
import { hypervisorSuite } from './hypervisor-suite.ts';
import { TestClock } from './hypervisor-test-clock.ts';

const clock = new TestClock();

hypervisorSuite('simulated', {
  capabilities: {
    kind: 'simulated',
    acceleration: 'none',
    vcpuShrink: 'agent',
    memoryResize: 'virtio-mem',
    cpuQuota: true,
    survivesRestart: false,
    diskLimits: true,
    bandwidth: 'none',
    placement: true,
    memoryNodes: true,
    cacheWays: false,
    memoryBandwidth: false,
    hugepagesMiB: [],
    perf: false,
    checkpoints: 'live',
    migration: 'live',
    lacking: expect.any(Object),
  },
  start: async () => ({ image: { name: 'tiny', kernel: '/none', initrd: '/none' } }),
  open: async () => createSimulatedHypervisor({ clock, seed: 7 }),
  pass: () => clock.advance(10),
  stop: async () => {},
});
