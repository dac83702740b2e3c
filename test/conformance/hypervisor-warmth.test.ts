/** Warm capacity on real QEMU guests and on simulated ones. */
import { expect } from 'vitest';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import { createSimulatedHypervisor } from '../../actors/host/simulated/mod.ts';
import { ownDaemon } from './hypervisor-own-daemon.ts';
import { TestClock } from './hypervisor-test-clock.ts';
import { warmthSuite } from './hypervisor-warmth-suite.ts';

const clock = new TestClock();
warmthSuite('simulated', {
  simulated: true,
  image: { name: 'tiny', kernel: '/none', initrd: '/none' },
  open: async () => createSimulatedHypervisor({ clock, seed: 5 }),
  deadline: () => new AbortController().signal,
  pass: () => clock.advance(10),
});

const daemon = await ownDaemon();
if (daemon !== undefined) {
  const { uri, runDir, image } = daemon;
  warmthSuite('libvirt', {
    simulated: false,
    image,
    open: () => createLibvirtHypervisor({ uri, runDir, guestDeadlineMs: 60_000 }),
    deadline: () => AbortSignal.timeout(90_000),
    stop: async () => expect(await daemon.stop()).toEqual([]),
  });
}
