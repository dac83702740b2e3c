/** What callers of a cluster see when one of its nodes is killed, and when one is drained: three processes, one nats-server. */
import type { ActorRef } from '../../runtime/mod.ts';
import { answers, type Clustered, startClustered } from '../support/clustered.ts';
import type { ledger } from '../support/ledger.ts';
import { type Benchmark, median, quantile, round } from './benchmark.ts';

/** All of them on the node that is killed. */
const ACTORS = 1_000;
const NODES = ['a', 'b', 'c'];
const LEASE_TTL_MS = 3_000;
const HEARTBEAT_MS = 500;
/** Calls a second, to all actors in turn, while a node is drained. */
const RATE = 400;
/** Of usual calls, before a drain. */
const USUAL_MS = 3_000;
/** Calls go on for so long after a drain. */
const AFTER_MS = 1_000;

export const failover: Benchmark = async ({ log, runs = 5 }) => {
  const takeovers: number[] = [];
  const drains: Drained[] = [];
  await using clustered = await startClustered({
    nodes: NODES,
    // A third of them each, more or less.
    ledgers: ACTORS * NODES.length * 1.5,
    ttlMs: LEASE_TTL_MS,
    heartbeatMs: HEARTBEAT_MS,
  });
  for (let run = 0; run < runs; run++) {
    const node = NODES[run % NODES.length]!;
    const takeover = await kill(clustered, node);
    takeovers.push(takeover);
    await clustered.nodes.start(node);
    await clustered.nodes.waitForStable();
    const drained = await drain(clustered, node);
    drains.push(drained);
    await clustered.nodes.start(node);
    await clustered.nodes.waitForStable();
    log(
      `run ${run + 1}: killed, all answered within ${takeover.toFixed(0)} ms; drained in ` +
        `${drained.tookMs.toFixed(0)} ms, ${drained.addedMs.length} calls meanwhile, ${drained.failed} failed, ` +
        `usual p50 ${drained.usualMs.toFixed(1)} ms, to which ${quantile(drained.addedMs, 0.5).toFixed(1)} ms ` +
        `were added (p50), at most ${quantile(drained.addedMs, 1).toFixed(1)} ms`,
    );
  }
  const addedMs = drains.flatMap((drained) => drained.addedMs);
  return {
    actors: ACTORS,
    leaseTtlMs: LEASE_TTL_MS,
    takeoverMaxMs: Math.round(Math.max(...takeovers)),
    drainFailed: drains.reduce((sum, { failed }) => sum + failed, 0),
    drainP99Ms: round(quantile(addedMs, 0.99), 1),
    drainMaxMs: round(quantile(addedMs, 1), 1),
    drainCalls: addedMs.length,
    drainMs: Math.round(median(drains.map(({ tookMs }) => tookMs))),
    usualP50Ms: round(median(drains.map(({ usualMs }) => usualMs)), 1),
  };
};

/** Milliseconds from the kill until all of {@link ACTORS} that lived on the node have answered elsewhere. */
async function kill({ nodes, ledgers }: Clustered, node: string): Promise<number> {
  const theirs = new Set((await nodes.call(node, 'keys')) as string[]);
  const victims = ledgers.filter(({ address }) => theirs.has(address.slice('ledger/'.length)));
  if (victims.length < ACTORS) throw new Error(`only ${victims.length} actors live on ${node}`);
  await nodes.kill(node);
  const killed = performance.now();
  await Promise.all(victims.slice(0, ACTORS).map((victim) => answers(victim, 20 * LEASE_TTL_MS)));
  return performance.now() - killed;
}

interface Drained {
  readonly tookMs: number;
  readonly failed: number;
  /** Median before the drain. */
  readonly usualMs: number;
  /** Of each call that was made during the drain: what it took beyond the usual. */
  readonly addedMs: readonly number[];
}

async function drain({ nodes, ledgers }: Clustered, node: string): Promise<Drained> {
  const caller = new Caller(ledgers);
  await caller.callFor(USUAL_MS);
  const usualMs = quantile(await caller.finished(), 0.5);
  const began = performance.now();
  let tookMs: number | undefined;
  const stopped = nodes.stop(node).then(() => {
    tookMs = performance.now() - began;
  });
  while (tookMs === undefined) await caller.callFor(10);
  const during = caller.finished();
  await stopped;
  const addedMs = (await during).map((ms) => ms - usualMs);
  // What breaks afterwards was broken by the drain, too.
  await caller.callFor(AFTER_MS);
  await caller.finished();
  return { tookMs, failed: caller.failed, usualMs, addedMs };
}

/** Calls at a steady rate, whether or not earlier calls were answered. */
class Caller {
  readonly #ledgers: readonly ActorRef<typeof ledger>[];
  readonly #underWay = new Set<Promise<void>>();
  #times: number[] = [];
  #next = 0;
  #due = performance.now();
  failed = 0;

  constructor(ledgers: readonly ActorRef<typeof ledger>[]) {
    this.#ledgers = ledgers;
  }

  async callFor(ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (performance.now() < until) {
      // From when the call should have been made: a caller that is late itself hides nothing.
      for (; this.#due <= performance.now(); this.#due += 1_000 / RATE) this.#call(this.#due);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Milliseconds that the calls made since the last time took, once all of them are answered. */
  async finished(): Promise<number[]> {
    const times = this.#times;
    this.#times = [];
    await Promise.all(this.#underWay);
    return times;
  }

  #call(due: number): void {
    // A prime apart, so that calls that follow each other go to all nodes.
    this.#next = (this.#next + 7_919) % this.#ledgers.length;
    const times = this.#times;
    const answered = this.#ledgers[this.#next]!.ask({ type: 'look' }).then(
      () => void times.push(performance.now() - due),
      () => {
        this.failed += 1;
      },
    );
    this.#underWay.add(answered);
    void answered.finally(() => this.#underWay.delete(answered));
  }
}
