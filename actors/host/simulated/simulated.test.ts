/** The simulated guest: what it understands, what it computes, and that a seed decides it. */
import { expect, test } from 'vitest';
import type { Clock } from '../../../runtime/mod.ts';
import { SimulatedMachine } from './machine.ts';
import { parseCommandLine } from './shell.ts';
import { planWorkload } from './workload.ts';

test.each([
  ['echo a  b', [['echo', 'a', 'b']]],
  [`echo 'a  b'"c d"e\\ f`, [['echo', 'a  bc de f']]],
  ['true;false\nsleep 1', [['true'], ['false'], ['sleep', '1']]],
  [
    "workload --phases 'a:threads=1;b:duty=5' --seed 7",
    [['workload', '--phases', 'a:threads=1;b:duty=5', '--seed', '7']],
  ],
  ['', []],
])('understands %j', (line, words) => {
  expect(parseCommandLine(line)?.map((command) => command.words)).toEqual(words);
});

test.each([
  'cat x | sort',
  'echo $HOME',
  'echo `date`',
  'echo "$(id)"',
  'sleep 1 &',
  'echo a > b',
  "echo 'open",
])('does not pretend to understand %j', (line) => {
  expect(parseCommandLine(line)).toBeUndefined();
});

test('&& depends on what came before', () => {
  expect(parseCommandLine('a && b; c')?.map((command) => command.onlyAfterSuccess)).toEqual([
    false,
    true,
    false,
  ]);
});

const PHASES = 'low:threads=1,duty=25,memory=24,seconds=6;high:threads=2,duty=60,memory=96,seconds=5';

test('a plan without jitter is what was written', () => {
  expect(planWorkload(['--phases', PHASES, '--cycles', '2'])).toEqual(
    [0, 1].flatMap((cycle) => [
      { cycle, name: 'low', threads: 1, duty: 0.25, memoryMiB: 24, seconds: 6 },
      { cycle, name: 'high', threads: 2, duty: 0.6, memoryMiB: 96, seconds: 5 },
    ]),
  );
});

test('jitter stays within its bounds, and is the same for the same seed', () => {
  const plan = (seed: string) =>
    planWorkload(['--phases', PHASES, '--cycles', '8', '--jitter', '0.08', '--seed', seed]);
  const phases = plan('7');
  if ('error' in phases) throw new Error(phases.error);
  expect(phases).toHaveLength(16);
  for (const { name, seconds } of phases)
    expect(Math.abs(seconds / (name === 'low' ? 6 : 5) - 1)).toBeLessThan(0.08);
  expect(plan('7')).toEqual(phases);
  expect(plan('8')).not.toEqual(phases);
});

test.each([
  [['--phases', 'low'], 'name:threads'],
  [['--phases', 'low:thread=1'], 'threads, duty'],
  [['--phases', 'low:threads=many'], 'key=number'],
  [['--phases', PHASES, '--cycles', '0'], '--cycles'],
  [['--phases', PHASES, '--jitter', '2'], '--jitter'],
  [['--shape', 'sine'], 'simulated'],
  [[], '--phases'],
])('says what is wrong with %j', (words, part) => {
  expect(planWorkload(words)).toEqual({ error: expect.stringContaining(part) });
});

test('a demand gets what vCPUs and quota leave, and the rest counts as throttled', () => {
  let now = 0;
  const clock: Clock = { now: () => now, setTimeout: () => undefined, clearTimeout: () => {} };
  const machine = new SimulatedMachine(clock, { cores: 0.5, vcpus: 1, memoryMiB: 96 });
  machine.demand = { threads: 2, duty: 0.6, memoryMiB: 10 };
  now += 1000;
  expect(machine.cpuSeconds).toBeCloseTo(0.5, 5);
  expect(machine.throttledSeconds).toBeCloseTo(0.51, 5);
  machine.cores = 2;
  now += 1000;
  expect(machine.cpuSeconds).toBeCloseTo(1.51, 5);
  machine.vcpus = 2;
  now += 1000;
  expect(machine.cpuSeconds).toBeCloseTo(2.72, 5);
  expect(machine.throttledSeconds).toBeCloseTo(0.51, 5);
  expect(machine.work.wantedSeconds).toBeCloseTo(3.6, 5);
  expect(machine.work.refusedSeconds).toBe(0);
  machine.demand = { threads: 0, duty: 0, memoryMiB: 80 };
  now += 1000;
  expect(machine.work.refusedSeconds).toBeCloseTo(1, 5);
  expect(machine.memoryAvailableMiB).toBe(1);
});
