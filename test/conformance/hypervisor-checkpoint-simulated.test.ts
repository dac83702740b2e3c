/** Checkpoints of the simulated driver, on a clock that the tests move. */
import { createSimulatedHypervisor } from '../../actors/host/simulated/mod.ts';
import { checkpointSuite } from './hypervisor-checkpoint-suite.ts';
import { TestClock } from './hypervisor-test-clock.ts';

const clock = new TestClock();

checkpointSuite('simulated', {
  start: async () => ({ image: { name: 'tiny', kernel: '/none', initrd: '/none' } }),
  open: async () => createSimulatedHypervisor({ clock, seed: 7 }),
  pass: () => clock.advance(10),
  stop: async () => {},
});
