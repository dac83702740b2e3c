/** A minute of a cluster under every fault, and what it must never do: the figures of the simulation come from here. */
import type { ActorSystem } from '../../system/mod.ts';
import { everyFault, type Faults } from '../faults.ts';
import { Random } from '../random.ts';
import { Simulation } from '../simulation.ts';
import { type Ledger, RACKS, TARGETS, type Target } from './ledger.ts';
import { member, outsider, type Scene } from './member.ts';
import { Ownership } from './ownership.ts';
import { Promises } from './promises.ts';

export interface ClusterScenarioOptions {
  readonly seed: number;
  /** False: leases do not fence, and the scenario must find what comes of it. Default true. */
  readonly fencing?: boolean;
  /** Default: every fault. */
  readonly faults?: Faults;
  /** Tells more, for people who read the trace; the run is the same. Default false. */
  readonly detailed?: boolean;
}

export interface ClusterScenarioOutcome {
  /** What should not have happened, in the order in which it was seen. */
  readonly violations: readonly { readonly atMs: number; readonly what: string }[];
  /** Virtual milliseconds. */
  readonly elapsedMs: number;
  /** Durable commands that clients were promised. */
  readonly commands: number;
  readonly hash: string;
  /** `TIME WHO WHAT`, time in seconds. */
  readonly trace: readonly string[];
}

/** Virtual milliseconds: faults and leavers end, clients stop, it must be over. */
const HEAL_MS = 42_000;
const QUIET_MS = 52_000;
const END_MS = 60_000;
const AT_LATEST_MS = 120_000;
/** How often it is looked whether all is done. */
const STEP_MS = 1_000;
const BUCKET = 'leases';

export async function runClusterScenario(options: ClusterScenarioOptions): Promise<ClusterScenarioOutcome> {
  const { seed, fencing = true, faults = everyFault, detailed = false } = options;
  const simulation = new Simulation({ seed, faults, healAtMs: HEAL_MS });
  const { trace } = simulation;
  const violations: { atMs: number; what: string }[] = [];
  const accuse = (what: string) => {
    violations.push({ atMs: simulation.elapsed, what });
    trace.tell('violation', what);
  };
  const draws = new Random(seed).fork('scenario');
  const tell: Scene['tell'] = detailed ? (who, what) => trace.note(who, what) : () => undefined;
  const ownership = new Ownership({ simulation, bucket: BUCKET, accuse, tell });
  const promises = new Promises(accuse);
  const scene: Scene = {
    ownership,
    promises,
    bucket: BUCKET,
    ttlMs: draws.integer(2_000, 4_000),
    heartbeatMs: draws.integer(300, 1_000),
    fencing,
    calmMs: HEAL_MS,
    quietMs: QUIET_MS,
    elapsed: () => simulation.elapsed,
    begun: false,
    clients: 0,
    accuse,
    tell,
  };
  const members = ['a', 'b', 'c', 'd'].slice(0, draws.integer(3, 4));
  let outside: ActorSystem | undefined;
  members.forEach((name, i) => {
    // The first two begin at once, which is when they meet.
    const delayMs = i < 2 ? 0 : draws.between(1_000, 25_000);
    simulation.addNode(name, member(scene, RACKS[i % RACKS.length] as string, delayMs));
  });
  simulation.addNode(
    'x',
    outsider(scene, (system) => {
      outside = system;
    }),
  );
  try {
    await simulation.runUntil(END_MS);
    const done = () => unfinished(ownership, members.length);
    while (done() !== undefined && simulation.elapsed < AT_LATEST_MS) {
      await simulation.runUntil(simulation.elapsed + STEP_MS);
    }
    const left = done();
    if (left !== undefined)
      accuse(`not at rest ${(AT_LATEST_MS - HEAL_MS) / 1_000} s after healing: ${left}`);
    promises.check(await readAll(simulation, outside as ActorSystem, accuse));
  } catch (error) {
    accuse(`thrown: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  return {
    violations,
    elapsedMs: simulation.elapsed,
    commands: promises.kept,
    hash: trace.hash,
    trace: trace.lines,
  };
}

/** Why the cluster is not at rest; undefined when it is. */
function unfinished({ running }: Ownership, members: number): string | undefined {
  if (running.length < members) return `${running.length} of ${members} members are there`;
  for (const system of running) {
    if (!system.settled) return `${system.node} is not settled`;
    const waiting = system.commandStats?.waiting ?? 0;
    if (waiting > 0) return `${waiting} commands wait at ${system.node}`;
  }
  return undefined;
}

async function readAll(
  simulation: Simulation,
  outside: ActorSystem,
  accuse: (what: string) => void,
): Promise<ReadonlyMap<Target, readonly string[]>> {
  const lists = new Map<Target, readonly string[]>();
  const read = async (target: Target) => {
    try {
      lists.set(target, await outside.ref<Ledger>(target.definition, target.key).ask({ type: 'list' }));
    } catch (error) {
      accuse(`${target.address} does not answer: ${String(error)}`);
    }
  };
  await simulation.complete(Promise.all(TARGETS.map(read)));
  return lists;
}
