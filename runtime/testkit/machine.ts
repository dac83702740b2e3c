/** Where a node runs: its clock and its cable outlive its processes. */
import type { Clock } from '../clock.ts';
import type { CommandLog } from '../commands/mod.ts';
import { GridError } from '../errors.ts';
import type { KeyValue } from '../store/mod.ts';
import type { Transport } from '../transport/mod.ts';
import type { SimulatedCommands } from './commands.ts';
import { Connection, type Direction } from './connection.ts';
import type { SimulatedNetwork } from './network.ts';
import { type MachineClock, SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimulatedStore } from './store.ts';
import type { Trace } from './trace.ts';
import { SimulatedTransport } from './transport.ts';

/** One life of a node: what its code is given instead of the machine's. */
export interface SimulatedNode {
  readonly name: string;
  /** 1, then one more with each restart. */
  readonly incarnation: number;
  readonly clock: Clock;
  readonly transport: Transport;
  /** The bucket `actors`. */
  readonly store: KeyValue;
  /** Others of the same store; the same for every node. */
  readonly bucket: (name: string) => KeyValue;
  readonly commands: CommandLog;
  /** In [0, 1), from the seed. */
  readonly random: () => number;
}

/** A node's program. A `GridError` that is retryable ends the process, which is started again; anything else ends the run. */
export type NodeProgram = (node: SimulatedNode) => void | Promise<void>;

/** What the machines have in common. */
export interface World {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly network: SimulatedNetwork;
  readonly store: SimulatedStore;
  readonly commands: SimulatedCommands;
  /** Milliseconds one way. */
  readonly latency: (random: Random) => number;
  /** Whether there is a broker. */
  readonly reachable: () => boolean;
  /** Told of what no program should throw. */
  readonly fail: (error: unknown) => void;
}

export interface MachineOptions {
  readonly name: string;
  /** A number of its own, for the trace. */
  readonly index: number;
  readonly random: Random;
  readonly clock: MachineClock;
  readonly program: NodeProgram | undefined;
}

export const DEFAULT_BUCKET = 'actors';
/** Milliseconds until a dead connection is found out. */
const DETECTION_MS = [50, 5_000] as const;
/** Milliseconds after which a process that ended, or found no broker, is started again. */
const RESTART_MS = 500;

export class Machine {
  readonly clock: MachineClock;
  readonly #world: World;
  readonly #options: MachineOptions;
  #life: Life;
  #cut: Direction | undefined;

  constructor(world: World, options: MachineOptions) {
    this.clock = options.clock;
    this.#world = world;
    this.#options = options;
    this.#life = this.#boot(1);
  }

  /** The life that is on, or was the last one. */
  get node(): SimulatedNode {
    return this.#life.node;
  }

  get process(): SimulatedProcess {
    return this.#life.process;
  }

  get programmed(): boolean {
    return this.#options.program !== undefined;
  }

  get isCut(): boolean {
    return this.#cut !== undefined;
  }

  /** A crashed node, as soon as it can connect. */
  restart(): void {
    if (this.process.status !== 'crashed') return;
    if (this.isCut || !this.#world.reachable()) this.#restartLater();
    else this.#life = this.#boot(this.node.incarnation + 1);
  }

  cut(direction: Direction): void {
    this.#cut = direction;
    this.#life.connection.cut(direction);
  }

  heal(): void {
    this.#cut = undefined;
    this.#life.connection.heal();
  }

  /** The broker is gone. */
  reset(): void {
    this.#life.connection.reset();
  }

  #restartLater(): void {
    this.#world.scheduler.after(RESTART_MS, () => this.restart());
  }

  #boot(incarnation: number): Life {
    const { scheduler, trace, network, store, commands, latency, reachable } = this.#world;
    const { name, index, clock, program } = this.#options;
    trace.tell(name, `start ${incarnation}`);
    const random = this.#options.random.fork(`life ${incarnation}`);
    const process = new SimulatedProcess(scheduler, clock, random.fork('process'));
    const connection = new Connection({
      scheduler,
      process,
      random: random.fork('connection'),
      latency,
      detection: (draws) => draws.between(...DETECTION_MS),
      reachable,
    });
    const bucket = (of: string) => store.open(of, connection, process);
    const own = random.fork('node');
    const node: SimulatedNode = {
      name,
      incarnation,
      clock: process.clock,
      transport: new SimulatedTransport({
        network,
        connection,
        observe: ({ data }) => trace.count(index, data.length),
      }),
      store: bucket(DEFAULT_BUCKET),
      bucket,
      commands: commands.open(connection, process),
      random: () => own.random(),
    };
    if (program !== undefined) this.#execute(program, node, process);
    return { node, process, connection };
  }

  /** Not before the life is on. */
  #execute(program: NodeProgram, node: SimulatedNode, process: SimulatedProcess): void {
    const { scheduler, trace, fail } = this.#world;
    const execute = async () => {
      try {
        await program(node);
      } catch (error) {
        if (!(error instanceof GridError && error.retryable)) {
          fail(error);
          return;
        }
        trace.tell(node.name, `ended: ${error.code}`);
        process.crash();
        this.#restartLater();
      }
    };
    scheduler.after(0, () => process.run(() => void execute()));
  }
}

interface Life {
  readonly node: SimulatedNode;
  readonly process: SimulatedProcess;
  readonly connection: Connection;
}
