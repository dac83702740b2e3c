/** A node's clock and process: paused, resumed, crashed. */
import { expect, test } from 'vitest';
import { noFaults, Simulation } from './mod.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

test('a paused process does nothing while its clock runs, then catches up in order', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const simulation = new Simulation({ seed });
    const [a, b] = [simulation.addNode('a'), simulation.addNode('b')];
    const heard: string[] = [];
    b.transport.subscribe('s', ({ data }) => heard.push(text(data)));
    const timers: number[] = [];
    for (const delay of [300, 100, 200]) b.clock.setTimeout(() => timers.push(delay), delay);
    b.clock.clearTimeout(b.clock.setTimeout(() => timers.push(-1), 150));
    await simulation.runUntil(50);
    simulation.pause('b');
    for (let i = 0; i < 20; i++) a.transport.publish('s', bytes(String(i)));
    const before = b.clock.now();
    await simulation.runUntil(1_000);
    expect([heard, timers]).toEqual([[], []]);
    expect(b.clock.now() - before).toBe(950);
    simulation.resume('b');
    await simulation.runUntil(1_001);
    expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => String(i)));
    expect(timers).toEqual([100, 200, 300]);
  }
});

test('of a crashed process nothing runs any more, but what it sent arrives', async () => {
  const simulation = new Simulation({ seed: 1 });
  const [a, b] = [simulation.addNode('a'), simulation.addNode('b')];
  const heard: string[] = [];
  b.transport.subscribe('s', ({ data }) => heard.push(text(data)));
  let ran = false;
  a.clock.setTimeout(() => {
    ran = true;
  }, 100);
  a.transport.subscribe('s', () => {
    ran = true;
  });
  await simulation.runUntil(50);
  a.transport.publish('s', bytes('last words'));
  const writing = a.store.put('k', bytes('1'));
  writing.then(() => {
    ran = true;
  });
  simulation.crash('a');
  a.transport.publish('s', bytes('from the grave'));
  await simulation.runUntil(10_000);
  expect(ran).toBe(false);
  expect(heard).toEqual(['last words']);
  expect(simulation.stored.get('k')).toMatchObject({ revision: 1 });
});

test('a restarted node is a new process on the same machine', async () => {
  const simulation = new Simulation({ seed: 1, faults: { ...noFaults, clockOffsetMs: 1_000 } });
  const lives: number[] = [];
  const first = simulation.addNode('a', ({ incarnation }) => void lives.push(incarnation));
  await simulation.runUntil(5);
  simulation.crash('a');
  await simulation.runUntil(10);
  simulation.restart('a');
  await simulation.runUntil(20);
  expect(lives).toEqual([1, 2]);
  expect(simulation.node('a').clock.now()).toBe(first.clock.now());
});
