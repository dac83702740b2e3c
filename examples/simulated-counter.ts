/** A counter on three simulated nodes, in virtual time: whatever goes wrong, what was promised is counted once. */
import { type ActorSystem, createActorSystem } from '../runtime/mod.ts';
import { everyFault, type SimulatedNode, Simulation } from '../runtime/testkit/mod.ts';
import { counter } from './counter.ts';

/** A minute of messages lost and doubled, crashes, pauses, partitions, clocks that drift; the same for the same seed. */
export async function simulateCounter(seed: number): Promise<{ promised: number; total: number }> {
  const simulation = new Simulation({ seed, faults: everyFault, healAtMs: 45_000 });
  let promised = 0;
  let system: ActorSystem | undefined;
  const run = async (node: SimulatedNode) => {
    const { name, clock, transport, store, commands, random } = node;
    const cluster = { store: node.bucket('leases'), ttlMs: 3_000 };
    system = createActorSystem({ node: name, clock, transport, store, commands, random, cluster });
    system.register(counter);
    await system.join();
    const visits = system.ref(counter, 'visits');
    await system.spawn(counter, 'visits').catch(() => undefined); // another node may have been first
    const add = () => {
      const given = visits.command({ type: 'add', amount: 1 }, { name: `${name}-${clock.now()}` });
      given.then(() => promised++).catch(() => undefined); // refused: not promised
      if (simulation.elapsed < 45_000) clock.setTimeout(add, 500);
    };
    add();
  };
  for (const name of ['a', 'b', 'c']) simulation.addNode(name, run);
  await simulation.runUntil(110_000); // back-off of what failed last included
  const asked = system!.ref(counter, 'visits').ask({ type: 'read' });
  return { promised, total: await simulation.complete(asked, 10_000) };
}
