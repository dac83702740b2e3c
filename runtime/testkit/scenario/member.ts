/** What runs on the nodes of the scenario: members of a cluster that join, leave in order and come back, and a client. */
import { asGridError, type GridError } from '../../errors.ts';
import { type ActorSystem, type ActorSystemOptions, createActorSystem } from '../../system/mod.ts';
import type { NodeProgram, SimulatedNode } from '../machine.ts';
import { Client, isExpected } from './client.ts';
import { LEDGERS, TARGETS, type Target } from './ledger.ts';
import type { Ownership } from './ownership.ts';
import type { Promises } from './promises.ts';

export interface Scene {
  readonly ownership: Ownership;
  readonly promises: Promises;
  /** Name of the cluster's bucket. */
  readonly bucket: string;
  readonly ttlMs: number;
  readonly heartbeatMs: number;
  readonly fencing: boolean;
  /** Virtual milliseconds after which nobody leaves any more, and after which clients stop. */
  readonly calmMs: number;
  readonly quietMs: number;
  readonly elapsed: () => number;
  /** Every actor has been made. */
  begun: boolean;
  /** So many have begun to talk. */
  clients: number;
  readonly accuse: (what: string) => void;
  /** For people who read what happened. */
  readonly tell: (who: string, what: string) => void;
}

/** Probability that a member leaves in order in the course of a life; after how long; for how long. */
const LEAVES = 0.4;
const LEAVES_AFTER_MS = [4_000, 30_000] as const;
const AWAY_MS = [500, 5_000] as const;
/** Before a spawn that failed is tried again, ms. */
const SPAWN_AGAIN_MS = 200;

export function member(scene: Scene, rack: string, delayMs: number): NodeProgram {
  return async (node) => {
    if (node.incarnation === 1) await pause(node, delayMs);
    for (;;) {
      const { system, client } = await live(scene, node, rack);
      const leaves = node.random() < LEAVES;
      await pause(node, between(node, LEAVES_AFTER_MS));
      if (!leaves || scene.elapsed() > scene.calmMs) return;
      scene.tell(node.name, 'leaves');
      await system.stop();
      client.stop();
      scene.ownership.enter(node.name, undefined);
      scene.tell(node.name, 'left');
      await pause(node, between(node, AWAY_MS));
    }
  };
}

/** Not of the cluster. */
export function outsider(scene: Scene, seen: (system: ActorSystem) => void): NodeProgram {
  return async (node) => {
    const system = createActorSystem({ ...common(scene, node), awaitOwner: true });
    seen(system);
    talk(scene, node, system);
  };
}

interface Life {
  readonly system: ActorSystem;
  readonly client: Client;
}

async function live(scene: Scene, node: SimulatedNode, rack: string): Promise<Life> {
  const { bucket, ttlMs, heartbeatMs, fencing, ownership } = scene;
  const system = createActorSystem({
    ...common(scene, node),
    cluster: { store: node.bucket(bucket), ttlMs, heartbeatMs, fencing, attributes: { rack } },
  });
  for (const definition of LEDGERS) {
    system.register(definition, {
      onEffect: ({ length }, { self }) => {
        const target = TARGETS.find(({ address }) => address === self.address) as Target;
        scene.tell(node.name, `${self.address} entry ${length}`);
        ownership.effect(node.name, target, length);
      },
    });
  }
  ownership.enter(node.name, system);
  await system.join();
  scene.tell(node.name, 'joined');
  if (!scene.begun) await Promise.all(TARGETS.map((target) => spawn(node, system, target)));
  scene.begun = true;
  return { system, client: talk(scene, node, system) };
}

function talk(scene: Scene, node: SimulatedNode, system: ActorSystem): Client {
  scene.clients += 1;
  const client = new Client({
    name: `${node.name}${scene.clients}`,
    node,
    system,
    promises: scene.promises,
    begun: () => scene.begun,
    over: () => scene.elapsed() > scene.quietMs,
    onError: (error) => accuseUnexpected(scene, node.name, error),
  });
  client.start();
  return client;
}

function common(scene: Scene, node: SimulatedNode): ActorSystemOptions {
  const onTrouble = (error: GridError) => {
    scene.tell(node.name, `trouble: ${error.message}`);
    accuseUnexpected(scene, node.name, error);
  };
  return {
    transport: node.transport,
    store: node.store,
    node: node.name,
    clock: node.clock,
    random: node.random,
    commands: node.commands,
    onTrouble,
    onFailure: ({ address, error, outcome }) => {
      scene.tell(node.name, `${address} ${outcome}: ${error.message}`);
      if (outcome === 'buried') scene.accuse(`a command to ${address} is buried: ${error.message}`);
      if (error.code === 'internal') scene.accuse(`${address} ${outcome}: ${error.message}`);
    },
  };
}

async function spawn(node: SimulatedNode, system: ActorSystem, { definition, key }: Target): Promise<void> {
  for (;;) {
    try {
      await system.spawn(definition, key);
      return;
    } catch (error) {
      if (asGridError(error).code === 'actor-exists') return;
      if (!isExpected(error)) throw error;
    }
    await pause(node, SPAWN_AGAIN_MS);
  }
}

function accuseUnexpected(scene: Scene, who: string, error: unknown): void {
  if (isExpected(error)) return;
  const { code, message } = asGridError(error);
  scene.accuse(`${who} is told ${code}: ${message}`);
}

function between(node: SimulatedNode, [low, high]: readonly [number, number]): number {
  return low + node.random() * (high - low);
}

function pause({ clock }: SimulatedNode, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.setTimeout(resolve, delayMs));
}
