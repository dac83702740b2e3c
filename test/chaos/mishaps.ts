/** What happens to nodes and nats-servers: one thing a round, then everything is there again. */
import { setTimeout as pause } from 'node:timers/promises';
import type { NodeHarness } from '../../runtime/testkit/processes/mod.ts';
import type { NatsCluster } from '../support/nats-cluster.ts';
import type { Dice } from './dice.ts';

export interface Stage {
  readonly nodes: NodeHarness;
  readonly names: readonly string[];
  readonly servers: NatsCluster;
  readonly ttlMs: number;
}

export interface Mishap {
  /** For people. */
  readonly what: string;
  /** Resolves when what was ended runs again. */
  happen(): Promise<void>;
}

/** Decided before it happens, so that the seed alone says what there will be. */
export function nextMishap({ nodes, names, servers, ttlMs }: Stage, dice: Dice): Mishap {
  const node = dice.pick(names);
  const server = dice.below(servers.urls.length);
  const brief = dice.between(300, 4_000);
  const long = dice.between(ttlMs, ttlMs + 5_000);
  const mishap = (what: string, happen: () => Promise<void>): Mishap => ({ what, happen });
  return dice.pick([
    mishap(`node ${node} is killed`, async () => {
      await nodes.kill(node);
      await nodes.start(node);
    }),
    mishap(`node ${node} is killed, and gone for ${long} ms`, async () => {
      await nodes.kill(node);
      await pause(long);
      await nodes.start(node);
    }),
    mishap(`node ${node} is frozen for ${brief} ms`, async () => {
      nodes.freeze(node);
      await pause(brief);
      nodes.thaw(node);
    }),
    mishap(`node ${node} is frozen for ${long} ms`, async () => {
      nodes.freeze(node);
      await pause(long);
      nodes.thaw(node);
    }),
    mishap(`node ${node} is restarted`, async () => {
      await nodes.stop(node);
      await nodes.start(node);
    }),
    mishap(`node ${node} is cut off for ${long} ms`, async () => {
      nodes.partition(node, 'black-hole');
      await pause(long);
      nodes.heal(node);
    }),
    mishap(`node ${node} is disconnected for ${brief} ms`, async () => {
      nodes.partition(node, 'reset');
      await pause(brief);
      nodes.heal(node);
    }),
    mishap(`server ${server + 1} is killed, and gone for ${brief} ms`, async () => {
      await servers.end(server, 'SIGKILL');
      await pause(brief);
      servers.start(server);
    }),
    mishap(`server ${server + 1} is killed, and gone for ${long} ms`, async () => {
      await servers.end(server, 'SIGKILL');
      await pause(long);
      servers.start(server);
    }),
    mishap(`server ${server + 1} is frozen for ${brief} ms`, async () => {
      servers.freeze(server);
      await pause(brief);
      servers.thaw(server);
    }),
    mishap(`server ${server + 1} is frozen for ${long} ms`, async () => {
      servers.freeze(server);
      await pause(long);
      servers.thaw(server);
    }),
    mishap(`server ${server + 1} is restarted`, async () => {
      await servers.end(server, 'SIGTERM');
      servers.start(server);
    }),
  ]);
}
