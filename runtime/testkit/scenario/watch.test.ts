/** Watching through every fault: no stream shows an older state after a newer one, and after healing all show the newest. */
import { expect, test } from 'vitest';
import { asGridError } from '../../errors.ts';
import { type ActorSystem, createActorSystem } from '../../system/mod.ts';
import { everyFault, type NodeProgram, type SimulatedNode, Simulation } from '../mod.ts';
import { isExpected } from './client.ts';
import { LEDGERS, RACKS, TARGETS, type Target } from './ledger.ts';

const HEAL_MS = 42_000;
const QUIET_MS = 45_000;
const END_MS = 75_000;
const MEMBERS = ['a', 'b', 'c'];

interface Sight {
  readonly who: string;
  readonly target: Target;
  readonly entries: readonly string[];
}

async function run(seed: number) {
  const simulation = new Simulation({ seed, faults: everyFault, healAtMs: HEAL_MS });
  const violations: string[] = [];
  /** What each node sees of each actor, in the node's present life. */
  const sights = new Map<string, Sight>();
  let items = 0;
  let given = 0;

  const pause = ({ clock }: SimulatedNode, ms: number) =>
    new Promise<void>((resolve) => clock.setTimeout(resolve, ms));

  async function watch(node: SimulatedNode, system: ActorSystem, target: Target): Promise<void> {
    const name = `${node.name} ${target.address}`;
    for (;;) {
      let before: readonly string[] | undefined;
      try {
        for await (const { context } of system.ref(target.definition, target.key).watch()) {
          const { entries } = context;
          items += 1;
          const grown = (before ?? []).every((entry, i) => entries[i] === entry);
          if (!grown || entries.length === before?.length) {
            violations.push(`${name}: ${JSON.stringify(before)} is followed by ${JSON.stringify(entries)}`);
          }
          before = entries;
          sights.set(name, { who: node.name, target, entries });
        }
        violations.push(`${name}: the stream ends`);
      } catch (error) {
        const { code } = asGridError(error);
        const early = before === undefined && (isExpected(error) || code === 'no-such-actor');
        if (!early) violations.push(`${name}: ${String(error)}`);
      }
      await pause(node, 300);
    }
  }

  async function make(node: SimulatedNode, system: ActorSystem, target: Target): Promise<void> {
    for (let made = false; !made; ) {
      made = await system.spawn(target.definition, target.key).then(
        () => true,
        (error) => ['actor-exists', 'transport-closed'].includes(asGridError(error).code),
      );
      await pause(node, 500);
    }
  }

  async function write(node: SimulatedNode, system: ActorSystem): Promise<void> {
    while (simulation.elapsed < QUIET_MS) {
      const { definition, key } = TARGETS[Math.floor(node.random() * TARGETS.length)] as Target;
      given += 1;
      const entry = `e${given}`;
      void system
        .ref(definition, key)
        .ask({ type: 'put', entry })
        .catch(() => undefined);
      await pause(node, 150 * node.random());
    }
  }

  const watchAll = (node: SimulatedNode, system: ActorSystem) => {
    for (const target of TARGETS) void watch(node, system, target);
  };
  const common = ({ name, transport, store, clock, random }: SimulatedNode) => ({
    node: name,
    transport,
    store,
    clock,
    random,
  });
  const member =
    (rack: string): NodeProgram =>
    async (node) => {
      // One member watches by itself; the others stop and start theirs.
      const watcher = createActorSystem({ ...common(node), node: `${node.name}-w`, awaitOwner: true });
      if (node.name !== 'a') watchAll(node, watcher);
      for (;;) {
        const cluster = {
          store: node.bucket('leases'),
          ttlMs: 2_500,
          heartbeatMs: 500,
          attributes: { rack },
        };
        const system = createActorSystem({ ...common(node), cluster });
        for (const definition of LEDGERS) system.register(definition);
        await system.join();
        for (const target of TARGETS) void make(node, system, target);
        void write(node, system);
        if (node.name === 'a') return watchAll(node, system);
        await pause(node, 4_000 + 6_000 * node.random());
        if (simulation.elapsed > HEAL_MS) return;
        // It hands its slots over in order.
        await system.stop();
        await pause(node, 1_000);
      }
    };
  for (const [i, name] of MEMBERS.entries()) simulation.addNode(name, member(RACKS[i % 2] as string));
  let outside: ActorSystem | undefined;
  simulation.addNode('x', (node) => {
    outside = createActorSystem({ ...common(node), awaitOwner: true });
    watchAll(node, outside);
  });
  await simulation.runUntil(END_MS);
  const read = async (target: Target) => {
    const list = await (outside as ActorSystem).ref(target.definition, target.key).ask({ type: 'list' });
    for (const who of [...MEMBERS, 'x']) {
      const seen = sights.get(`${who} ${target.address}`)?.entries;
      if (seen?.join() !== list.join()) {
        violations.push(`${who} sees ${seen?.length} of ${list.length} entries of ${target.address}`);
      }
    }
    return list.length;
  };
  const lengths = await simulation.complete(Promise.all(TARGETS.map(read)));
  return { violations, items, entries: lengths.reduce((sum, length) => sum + length, 0) };
}

test('every watcher sees its actors grow, and in the end all of them', async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const { violations, items, entries } = await run(seed);
    expect(violations, `seed ${seed}`).toEqual([]);
    expect(entries).toBeGreaterThan(100);
    expect(items).toBeGreaterThan(entries);
  }
}, 60_000);
