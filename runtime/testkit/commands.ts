/** The simulated driver of the CommandLog port: one log at the broker, which each node reaches over its connection. */
import {
  type CommandLog,
  type CommandReader,
  memoryCommandLog,
  type ReadOptions,
  type TakenCommand,
} from '../commands/mod.ts';
import type { GridError } from '../errors.ts';
import type { Entry } from './agenda.ts';
import type { Connection, Session } from './connection.ts';
import type { SimulatedProcess } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import { Client, type SimulatedServer } from './server.ts';

/** As the JetStream driver. */
const TIMEOUT_MS = 5_000;
/** Milliseconds until what was not confirmed is asked for again. */
const RETRY_MS = 250;

export class SimulatedCommands {
  /** What is really stored, for what checks the nodes. */
  readonly log: CommandLog;
  readonly #scheduler: Scheduler;
  readonly #server: SimulatedServer;

  /** `epoch`: the broker's time at the start, ms since the epoch. `partitions`: default as the log's own. */
  constructor(scheduler: Scheduler, server: SimulatedServer, epoch: number, partitions: number | undefined) {
    this.#scheduler = scheduler;
    this.#server = server;
    this.log = memoryCommandLog({
      ...(partitions !== undefined && { partitions }),
      clock: {
        now: () => epoch + scheduler.elapsed,
        setTimeout: (run, delayMs) =>
          scheduler.after(delayMs, () => {
            scheduler.touch();
            run();
          }),
        clearTimeout: (timer) => timer !== undefined && scheduler.cancel(timer as Entry),
      },
    });
  }

  /** The log as a node sees it. */
  open(connection: Connection, process: SimulatedProcess): CommandLog {
    const { log } = this;
    const client = new Client(this.#server, connection, process, TIMEOUT_MS);
    return {
      partitions: log.partitions,
      append: (command) => {
        const copy = { ...command, data: command.data.slice() };
        return client.call(`append ${command.id}`, () => log.append(copy));
      },
      cancel: (command) => client.call(`cancel ${command.id}`, () => log.cancel(command)),
      bury: (burial) => client.call(`bury ${burial.command.id}`, () => log.bury(burial)),
      deadLetters: (query) => client.call('list dead letters', () => log.deadLetters(query)),
      deadLetter: (seq) => client.call(`dead letter ${seq}`, () => log.deadLetter(seq)),
      removeDeadLetter: (seq) => client.call(`remove dead letter ${seq}`, () => log.removeDeadLetter(seq)),
      open: async (partition, options) => {
        const reading = new Reading(log, this.#scheduler, partition, options.inFlight);
        const reader = new Reader({ reading, client, connection, process, options });
        try {
          await client.call(`open commands ${partition}`, () => reader.follow(connection.session));
        } catch (error) {
          await reader.close();
          throw error;
        }
        reader.stand();
        return reader;
      },
    };
  }
}

/** What the broker keeps for a reader, whichever connection it comes by. */
class Reading {
  readonly #log: CommandLog;
  readonly #scheduler: Scheduler;
  readonly #partition: number;
  readonly #inFlight: number | undefined;
  readonly #taken = new Map<number, TakenCommand>();
  #inner: CommandReader | undefined;
  #turn = 0;
  #ended: GridError | undefined;

  constructor(log: CommandLog, scheduler: Scheduler, partition: number, inFlight: number | undefined) {
    this.#log = log;
    this.#scheduler = scheduler;
    this.#partition = partition;
    this.#inFlight = inFlight;
  }

  /** From the first unsettled command on, unless another reader has come in the meantime. */
  async start(take: ReadOptions['take'], onEnd: ReadOptions['onEnd']): Promise<void> {
    this.#scheduler.touch();
    if (this.#ended !== undefined) {
      onEnd(this.#ended);
      return;
    }
    this.#turn += 1;
    const turn = this.#turn;
    this.#taken.clear();
    this.#inner = await this.#log.open(this.#partition, {
      ...(this.#inFlight !== undefined && { inFlight: this.#inFlight }),
      take: (command) => {
        if (turn !== this.#turn) return;
        this.#taken.set(command.seq, command);
        take(command);
      },
      onEnd: (reason) => {
        if (turn !== this.#turn) return;
        this.#ended = reason;
        onEnd(reason);
      },
    });
  }

  async settle(seq: number): Promise<void> {
    await this.#taken.get(seq)?.settle();
    this.#taken.delete(seq);
  }

  stop(): void {
    this.#scheduler.touch();
    void this.#inner?.close();
  }
}

interface ReaderWiring {
  readonly reading: Reading;
  readonly client: Client;
  readonly connection: Connection;
  readonly process: SimulatedProcess;
  readonly options: ReadOptions;
}

/** A node's side of it: hands over what it has not handed over yet. */
class Reader implements CommandReader {
  readonly #wiring: ReaderWiring;
  readonly #forget: () => void;
  #current: Session | undefined;
  /** What came before the answer to its opening; undefined since then. */
  #early: TakenCommand[] | undefined = [];
  #reached = 0;
  #ended = false;

  constructor(wiring: ReaderWiring) {
    this.#wiring = wiring;
    const { connection } = wiring;
    this.#forget = connection.onStatus((status) => {
      if (status !== 'connected' || this.#current === undefined) return;
      connection.up((session) => void this.follow(session));
    });
  }

  /** At the broker: begins anew with what is unsettled, by this session. */
  async follow(session: Session): Promise<void> {
    if (this.#ended || !session.open || session === this.#current) return;
    this.#current = session;
    const send = (work: () => void) =>
      session.down.send(() => {
        if (!this.#ended && session === this.#current) work();
      });
    await this.#wiring.reading.start(
      (command) => send(() => this.#take(command)),
      (reason) => send(() => this.#end(reason)),
    );
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#forget();
    const { connection, reading } = this.#wiring;
    connection.up(() => reading.stop());
  }

  /** It was opened: hands over from now on. */
  stand(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const command of early) if (!this.#ended) this.#take(command);
  }

  #take(command: TakenCommand): void {
    if (this.#early !== undefined) {
      this.#early.push(command);
      return;
    }
    if (command.seq <= this.#reached) return;
    this.#reached = command.seq;
    this.#wiring.options.take({ ...command, settle: () => this.#settle(command.seq) });
  }

  #end(reason: GridError): void {
    this.#ended = true;
    this.#forget();
    this.#wiring.options.onEnd(reason);
  }

  async #settle(seq: number): Promise<void> {
    const { client, process, reading } = this.#wiring;
    while (!this.#ended) {
      try {
        await client.call(`settle ${seq}`, () => reading.settle(seq));
        return;
      } catch {
        await new Promise<void>((resolve) => process.clock.setTimeout(resolve, RETRY_MS));
      }
    }
  }
}
