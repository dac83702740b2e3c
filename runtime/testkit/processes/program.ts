/** What a module exports, as `start`, to be run as a node by the harness. */
import type { ActorSystem } from '../../system/mod.ts';

/** What the harness tells a node that it starts. */
export interface NodeArguments {
  /** Name of the node. */
  readonly node: string;
  /**
   * NATS, through the harness: `nats://127.0.0.1:PORT`. Of a cluster, connect with `ignoreClusterUpdates`: what servers
   * tell of each other leads past the harness, and then a partition cuts nothing.
   */
  readonly servers: readonly string[];
  /** As given to the harness: plain JSON. */
  readonly settings: unknown;
}

/** What the harness asks of a node that runs. */
export interface RunningNode {
  /** The harness stops it, which gives its actors to others. */
  readonly system: ActorSystem;
  /** After the system has stopped: connections and the like. */
  close?(): Promise<void>;
  /** What a test may ask of the program by name: plain JSON in and out. */
  readonly calls?: Readonly<Record<string, (input: unknown) => unknown>>;
}

/** Starts a node; resolves once it has joined. A module exports it as `start`. */
export type NodeProgram = (given: NodeArguments) => Promise<RunningNode>;
