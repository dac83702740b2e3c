/** The simulated network: order, cuts, losses. */
import { expect, test } from 'vitest';
import { TransportSuspended } from '../errors.ts';
import { noFaults, Simulation } from './mod.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => String(i));

test('messages of one connection keep their order however long each takes', async () => {
  const simulation = new Simulation({ seed: 3, faults: { ...noFaults, slow: 0.3 } });
  const [a, b] = [simulation.addNode('a'), simulation.addNode('b')];
  const heard: string[] = [];
  b.transport.subscribe('s.*', ({ data }) => heard.push(text(data)));
  await simulation.complete(b.transport.flush());
  for (let i = 0; i < 200; i++) {
    a.transport.publish(`s.${i % 3}`, bytes(String(i)));
    if (i % 10 === 0) await simulation.runUntil(simulation.elapsed + 5);
  }
  await simulation.runUntil(simulation.elapsed + 60_000);
  expect(heard).toEqual(upTo(200));
});

test('a cut is found out some time later; until then publications are lost silently', async () => {
  const simulation = new Simulation({ seed: 4 });
  const [a, b] = [simulation.addNode('a'), simulation.addNode('b')];
  const heard: string[] = [];
  b.transport.subscribe('s', ({ data }) => heard.push(text(data)));
  await simulation.complete(b.transport.flush());
  const seen: string[] = [];
  b.transport.onStatus((status) => seen.push(status));
  simulation.cut('b');
  a.transport.publish('s', bytes('lost'));
  b.transport.publish('s', bytes('lost too'));
  await simulation.runUntil(20_000);
  expect(() => b.transport.publish('s', bytes('x'))).toThrow(TransportSuspended);
  await expect(b.store.get('k')).rejects.toThrow(TransportSuspended);
  simulation.heal('b');
  await simulation.runUntil(30_000);
  a.transport.publish('s', bytes('heard'));
  await simulation.runUntil(31_000);
  expect(heard).toEqual(['heard']);
  expect(seen).toEqual(['suspended', 'connected']);
});

test('a cut that heals before anybody noticed only delays', async () => {
  const simulation = new Simulation({ seed: 5 });
  const [a, b] = [simulation.addNode('a'), simulation.addNode('b')];
  const heard: string[] = [];
  b.transport.subscribe('s', ({ data }) => heard.push(text(data)));
  await simulation.complete(b.transport.flush());
  for (const [i, name] of upTo(20).entries()) {
    if (i === 5) simulation.cut('b', 'down');
    a.transport.publish('s', bytes(name));
    await simulation.runUntil(simulation.elapsed + 1);
  }
  expect(heard.length).toBeLessThan(8);
  simulation.heal('b');
  await simulation.runUntil(simulation.elapsed + 100);
  expect(heard).toEqual(upTo(20));
});

test('some messages are dropped and some come twice, when asked for', async () => {
  const simulation = new Simulation({ seed: 6, faults: { ...noFaults, drop: 0.1, duplicate: 0.1 } });
  const [a, b] = [simulation.addNode('a'), simulation.addNode('b')];
  const heard: string[] = [];
  b.transport.subscribe('s', ({ data }) => heard.push(text(data)));
  await simulation.complete(b.transport.flush());
  for (const name of upTo(1_000)) a.transport.publish('s', bytes(name));
  await simulation.runUntil(60_000);
  const distinct = new Set(heard).size;
  expect(distinct).toBeGreaterThan(850);
  expect(distinct).toBeLessThan(950);
  expect(heard.length - distinct).toBeGreaterThan(50);
});

test('a broker that restarts takes all connections with it', async () => {
  const simulation = new Simulation({ seed: 7 });
  const [a, b] = [simulation.addNode('a'), simulation.addNode('b')];
  const heard: string[] = [];
  b.transport.subscribe('s', ({ data }) => heard.push(text(data)));
  await simulation.complete(b.transport.flush());
  simulation.stopBroker();
  await simulation.runUntil(simulation.elapsed + 1_000);
  expect([a.transport.status, b.transport.status]).toEqual(['suspended', 'suspended']);
  simulation.startBroker();
  await simulation.runUntil(simulation.elapsed + 5_000);
  a.transport.publish('s', bytes('back'));
  await simulation.runUntil(simulation.elapsed + 10);
  expect(heard).toEqual(['back']);
});
