/** The simulated driver's Migration against the suite of all drivers, on a clock that the tests move. */
import { expect, test } from 'vitest';
import { createSimulatedHypervisor } from '../../actors/host/simulated/mod.ts';
import { migrationSuite } from './hypervisor-migration-suite.ts';
import { TestClock } from './hypervisor-test-clock.ts';

const clock = new TestClock();
const open = (host: number) => createSimulatedHypervisor({ clock, seed: 7, hostname: `host-${host}` });
const image = { name: 'tiny', kernel: '/none', initrd: '/none' };

migrationSuite('simulated', {
  start: async () => ({ image }),
  open: async (host) => open(host),
  crawlMiBps: 40,
  method: 'pre-copy',
  pass: () => clock.advance(10),
  stop: async () => {},
});

test('a guest whose target goes away while it is copied stays where it is', async () => {
  await using here = open(2);
  const there = open(3);
  const allocation = { cores: 1, vcpus: 1, memoryMiB: 128 };
  await here.create({ name: 'd', jobId: 'j', image, allocation, limit: allocation });
  clock.advance(10_000);
  const moving = here.migration.migrate('d', await there.migration.target(), { bandwidthMiBps: 10 });
  await there[Symbol.asyncDispose]();
  for (let passed = 0; passed < 100; passed++) {
    clock.advance(10);
    await Promise.resolve();
  }
  expect(await moving).toMatchObject({ outcome: 'returned', why: expect.stringContaining('broke') });
  expect(await here.list()).toMatchObject([{ name: 'd' }]);
});
