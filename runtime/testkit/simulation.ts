/** A cluster in one thread, in virtual time: nodes, their clocks, network and store, and what goes wrong with them. */
import type { CommandLog } from '../commands/mod.ts';
import type { Bucket } from './bucket.ts';
import { SimulatedCommands } from './commands.ts';
import type { Direction } from './connection.ts';
import { type Faults, noFaults } from './faults.ts';
import { DEFAULT_BUCKET, Machine, type NodeProgram, type SimulatedNode, type World } from './machine.ts';
import { afflict, type Cluster } from './mishaps.ts';
import { SimulatedNetwork } from './network.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { type Outage, SimulatedServer } from './server.ts';
import { SimulatedStore } from './store.ts';
import { Trace } from './trace.ts';

export interface SimulationOptions {
  /** Everything random follows from it. */
  readonly seed: number;
  /** Default: none. They begin at once. */
  readonly faults?: Faults;
  /** Virtual milliseconds after which everything heals, so that it can be seen whether nodes find together. Default: never. */
  readonly healAtMs?: number;
  /** Of the log of commands. Default: as a log has it that is made without. */
  readonly commandPartitions?: number;
}

/** A bucket without the way to it. */
export type Truth = Pick<Bucket, 'get' | 'entries' | 'watch'>;

/** Milliseconds since the epoch at which virtual time begins. */
const EPOCH = Date.UTC(2026, 0, 1);
/** Milliseconds one way, until something is on disk, and until those who watch are told, when nothing is wrong. */
const WAY_MS = [0.1, 1] as const;
const WRITE_MS = [0.1, 0.6] as const;
const LAG_MS = [0, 0.5] as const;
/** How far virtual time goes on at once while something is waited for. */
const COMPLETION_STEP_MS = 5;

/**
 * Give each node's code what `addNode` returns or hands to its program, and nothing else that takes time or chance:
 *
 *     const simulation = new Simulation({ seed: 7, faults: everyFault, healAtMs: 45_000 });
 *     for (const name of ['a', 'b', 'c']) simulation.addNode(name, (node) => startMyNode(node));
 *     await simulation.runUntil(60_000);
 *
 * The same seed, the same `trace.hash`.
 */
export class Simulation implements Cluster {
  readonly trace: Trace;
  readonly #random: Random;
  readonly #scheduler = new Scheduler();
  readonly #server: SimulatedServer;
  readonly #world: World;
  readonly #machines = new Map<string, Machine>();
  readonly #endFaults: () => void;
  #faults: Faults;
  #brokerUp = true;
  #failure: { readonly error: unknown } | undefined;

  constructor({ seed, faults = noFaults, healAtMs, commandPartitions }: SimulationOptions) {
    this.#faults = faults;
    this.#random = new Random(seed);
    const scheduler = this.#scheduler;
    const trace = new Trace(() => scheduler.elapsed);
    this.trace = trace;
    const server = new SimulatedServer({
      scheduler,
      random: this.#random.fork('server'),
      work: (random) => random.between(...WRITE_MS),
    });
    this.#server = server;
    const random = this.#random.fork('store');
    const lag = (draws: Random) => this.#delay(draws, LAG_MS);
    this.#world = {
      scheduler,
      trace,
      network: new SimulatedNetwork(this.#random.fork('network')),
      store: new SimulatedStore({
        scheduler,
        server,
        random,
        lag,
        observe: (revision) => trace.count(-1, revision),
      }),
      commands: new SimulatedCommands(scheduler, server, EPOCH, commandPartitions),
      latency: (draws) => this.#delay(draws, WAY_MS),
      reachable: () => this.#brokerUp,
      fail: (error) => {
        this.#failure ??= { error };
      },
    };
    this.#world.network.faults = faults;
    server.faults = faults;
    this.#endFaults = afflict(scheduler, this.#random.fork('faults'), faults, this);
    if (healAtMs !== undefined) scheduler.at(healAtMs, () => this.heal());
  }

  /** Virtual milliseconds since the start. */
  get elapsed(): number {
    return this.#scheduler.elapsed;
  }

  /** Events run so far. */
  get events(): number {
    return this.#scheduler.events;
  }

  /** What is really in `node.store`, whatever the nodes believe. */
  get stored(): Truth {
    return this.bucket(DEFAULT_BUCKET);
  }

  /** What is really in `node.bucket(name)`. */
  bucket(name: string): Truth {
    return this.#world.store.bucket(name);
  }

  /** What is really in the log, as {@link stored}. */
  get commandLog(): CommandLog {
    return this.#world.commands.log;
  }

  get names(): readonly string[] {
    return [...this.#machines.keys()];
  }

  get brokerUp(): boolean {
    return this.#brokerUp;
  }

  /** Starts a node. With `program`, a crash of the schedule of faults starts it again some time later. */
  addNode(name: string, program?: NodeProgram): SimulatedNode {
    if (this.#machines.has(name)) throw new Error(`there is a node ${name} already`);
    const random = this.#random.fork(`machine ${name}`);
    const { clockOffsetMs, clockDrift } = this.#faults;
    const clock = {
      epoch: EPOCH + random.between(-clockOffsetMs, clockOffsetMs),
      rate: 1 + random.between(-clockDrift, clockDrift),
    };
    const machine = new Machine(this.#world, { name, index: this.#machines.size, random, clock, program });
    this.#machines.set(name, machine);
    return machine.node;
  }

  /** The life that is on, or was the last one. */
  node(name: string): SimulatedNode {
    return this.#machine(name).node;
  }

  statusOf(name: string): 'running' | 'paused' | 'crashed' {
    return this.#machine(name).process.status;
  }

  isCut(name: string): boolean {
    return this.#machine(name).isCut;
  }

  isProgrammed(name: string): boolean {
    return this.#machine(name).programmed;
  }

  /** SIGSTOP. What comes, and timers, wait. */
  pause(name: string): void {
    this.trace.tell(name, 'pause');
    this.#machine(name).process.pause();
  }

  /** SIGCONT. */
  resume(name: string): void {
    this.trace.tell(name, 'resume');
    this.#machine(name).process.resume();
  }

  /** SIGKILL. What it sent is on its way; of its own code nothing runs any more. */
  crash(name: string): void {
    this.trace.tell(name, 'crash');
    this.#machine(name).process.crash();
  }

  /** Starts a node that crashed, as soon as it can connect. */
  restart(name: string): void {
    this.#machine(name).restart();
  }

  /** Lets nothing pass between the node and the broker. */
  cut(name: string, direction: Direction = 'both'): void {
    this.trace.tell(name, `cut ${direction}`);
    this.#machine(name).cut(direction);
  }

  /** Mends the way of one node; without a name everything, and faults end for good. */
  heal(name?: string): void {
    this.trace.tell(name ?? 'all', 'heal');
    if (name !== undefined) {
      this.#machine(name).heal();
      return;
    }
    this.#faults = noFaults;
    this.#world.network.faults = noFaults;
    this.#server.faults = noFaults;
    this.#endFaults();
    this.restoreStore();
    this.startBroker();
    for (const machine of this.#machines.values()) {
      machine.heal();
      machine.process.resume();
    }
  }

  /** Sets the node's clock forward, or back; what it has waited for so far is not touched. */
  stepClock(name: string, byMs: number): void {
    this.trace.tell(name, `clock ${byMs.toFixed(0)}`);
    this.#machine(name).clock.epoch += byMs;
  }

  failStore(outage: Outage): void {
    this.trace.tell('store', outage);
    this.#server.fail(outage);
  }

  restoreStore(): void {
    this.trace.tell('store', 'restored');
    this.#server.restore();
  }

  /** Ends every connection; none can be made until {@link startBroker}. */
  stopBroker(): void {
    this.trace.tell('broker', 'stop');
    this.#brokerUp = false;
    for (const machine of this.#machines.values()) machine.reset();
  }

  startBroker(): void {
    this.trace.tell('broker', 'start');
    this.#brokerUp = true;
  }

  /** Told after each event that may have changed something, when what it brought has settled. */
  onSettled(listener: () => void): void {
    this.#scheduler.onSettled = listener;
  }

  /** Lets virtual time go on to `elapsedMs` since the start. Rejects with what a node's code throws. */
  async runUntil(elapsedMs: number): Promise<void> {
    await this.#scheduler.runUntil(elapsedMs);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Lets virtual time go on until `promise` is settled; rejects as it does, or when that takes longer than `withinMs`. */
  async complete<T>(promise: Promise<T>, withinMs = 60_000): Promise<T> {
    let settled = false;
    const settle = () => {
      settled = true;
    };
    promise.then(settle, settle);
    const deadline = this.elapsed + withinMs;
    do await this.runUntil(this.elapsed + COMPLETION_STEP_MS);
    while (!settled && this.elapsed < deadline);
    if (!settled) throw new Error(`not settled within ${withinMs} ms of virtual time`);
    return promise;
  }

  #machine(name: string): Machine {
    const machine = this.#machines.get(name);
    if (machine === undefined) throw new Error(`there is no node ${name}`);
    return machine;
  }

  #delay(random: Random, usual: readonly [number, number]): number {
    const { slow, slowMs } = this.#faults;
    return random.between(...(random.chance(slow) ? slowMs : usual));
  }
}
