/** Has faults come over a cluster at random times, and end some time later. */
import type { Direction } from './connection.ts';
import type { Faults } from './faults.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Outage } from './server.ts';

/** What faults are done to. */
export interface Cluster {
  readonly names: readonly string[];
  readonly brokerUp: boolean;
  statusOf(name: string): 'running' | 'paused' | 'crashed';
  isCut(name: string): boolean;
  /** Whether the node can be started again. */
  isProgrammed(name: string): boolean;
  pause(name: string): void;
  resume(name: string): void;
  crash(name: string): void;
  restart(name: string): void;
  cut(name: string, direction: Direction): void;
  heal(name: string): void;
  stepClock(name: string, byMs: number): void;
  failStore(outage: Outage): void;
  restoreStore(): void;
  stopBroker(): void;
  startBroker(): void;
}

/** Begins a fault and returns how it ends; undefined when there was nothing to do it to. */
type Strike = (cluster: Cluster, random: Random) => (() => void) | undefined;

const DIRECTIONS: readonly Direction[] = ['both', 'both', 'up', 'down'];
const OUTAGES: readonly Outage[] = ['stalled', 'refusing'];
/** Milliseconds by which a clock is set forward or back at most. */
const CLOCK_STEP_MS = 5_000;

const ofNodes = {
  pause: toOne(
    (cluster, name) => cluster.statusOf(name) === 'running',
    (cluster, name) => {
      cluster.pause(name);
      return () => cluster.resume(name);
    },
  ),
  crash: toOne(
    (cluster, name) => cluster.statusOf(name) !== 'crashed' && cluster.isProgrammed(name),
    (cluster, name) => {
      cluster.crash(name);
      return () => cluster.restart(name);
    },
  ),
  cut: toOne(
    (cluster, name) => !cluster.isCut(name),
    (cluster, name, random) => {
      cluster.cut(name, random.pick(DIRECTIONS));
      return () => cluster.heal(name);
    },
  ),
  clockStep: toOne(
    () => true,
    (cluster, name, random) => {
      const byMs = random.between(-CLOCK_STEP_MS, CLOCK_STEP_MS);
      cluster.stepClock(name, byMs);
      return () => cluster.stepClock(name, -byMs);
    },
  ),
} satisfies Partial<Record<keyof Faults, Strike>>;

const ofBroker = {
  storeOutage: (cluster, random) => {
    cluster.failStore(random.pick(OUTAGES));
    return () => cluster.restoreStore();
  },
  brokerRestart: (cluster) => {
    if (!cluster.brokerUp) return undefined;
    cluster.stopBroker();
    return () => cluster.startBroker();
  },
} satisfies Partial<Record<keyof Faults, Strike>>;

/** Begins now; the returned function ends it, and what lasts. */
export function afflict(scheduler: Scheduler, random: Random, faults: Faults, cluster: Cluster): () => void {
  let ended = false;
  const lasting = new Set<() => void>();
  const recur = (kind: keyof typeof ofNodes | keyof typeof ofBroker, strike: Strike, share: () => number) => {
    const fault = faults[kind];
    if (fault === undefined) return;
    const draws = random.fork(kind);
    const next = () => scheduler.after(draws.exponential(fault.everyMs) / share(), come);
    const come = () => {
      if (ended) return;
      const lastsMs = draws.between(...fault.lastsMs);
      const end = strike(cluster, draws);
      if (end !== undefined) {
        lasting.add(end);
        scheduler.after(lastsMs, () => {
          if (lasting.delete(end)) end();
        });
      }
      next();
    };
    next();
  };
  const nodes = () => Math.max(1, cluster.names.length);
  for (const kind of keysOf(ofNodes)) recur(kind, ofNodes[kind], nodes);
  for (const kind of keysOf(ofBroker)) recur(kind, ofBroker[kind], () => 1);
  return () => {
    ended = true;
    for (const end of lasting) end();
    lasting.clear();
  };
}

/** A strike at a node for which `fits` holds. */
function toOne(
  fits: (cluster: Cluster, name: string) => boolean,
  strike: (cluster: Cluster, name: string, random: Random) => () => void,
): Strike {
  return (cluster, random) => {
    const fit = cluster.names.filter((name) => fits(cluster, name));
    return fit.length === 0 ? undefined : strike(cluster, random.pick(fit), random);
  };
}

function keysOf<K extends string>(record: Readonly<Record<K, unknown>>): K[] {
  return Object.keys(record) as K[];
}
