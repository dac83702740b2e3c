/** The two streams of a log of commands on JetStream: their names and subjects, made or checked. */
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { PartitionsMismatch } from './errors.ts';
import { isGone, type NatsCalls } from './nats-calls.ts';
import { DUPLICATE_WINDOW_MS } from './port.ts';

export interface StreamNames {
  readonly commands: string;
  readonly deadLetters: string;
  /** `to` as `kind/key`. */
  commandSubject(partition: number, to: string): string;
  deadLetterSubject(to: string): string;
}

export function streamNames(namespace: string): StreamNames {
  const tokens = (to: string) => to.replace('/', '.');
  return {
    commands: `${namespace}-commands`,
    deadLetters: `${namespace}-dead-letters`,
    commandSubject: (partition, to) => `${namespace}.command.${partition}.${tokens(to)}`,
    deadLetterSubject: (to) => `${namespace}.dead-letter.${tokens(to)}`,
  };
}

/** `kind/key` of a subject of either stream: its last two tokens. */
export function addressIn(subject: string): string {
  return subject.split('.').slice(-2).join('/');
}

const EVERY_ADDRESS = '*/*';

/** Makes the streams where they are not. Throws {@link PartitionsMismatch}. Returns when the first was made, its identity. */
export async function openStreams(
  calls: NatsCalls,
  names: StreamNames,
  { partitions, replicas }: { readonly partitions: number; readonly replicas: number },
): Promise<string> {
  const kept = {
    storage: StorageType.File,
    num_replicas: replicas,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  };
  // The subjects say how many partitions there are, to us and to the server.
  const subjects = Array.from({ length: partitions }, (_, i) => names.commandSubject(i, EVERY_ADDRESS));
  const found = await streamInfo(calls, names.commands);
  if (found !== undefined && found.config.subjects.length !== partitions) {
    throw new PartitionsMismatch(names.commands, partitions, found.config.subjects.length);
  }
  const { streams } = calls.manager;
  const { created } =
    found ??
    (await streams.add({ name: names.commands, subjects, retention: RetentionPolicy.Workqueue, ...kept }));
  if ((await streamInfo(calls, names.deadLetters)) === undefined) {
    await streams.add({
      name: names.deadLetters,
      subjects: [names.deadLetterSubject(EVERY_ADDRESS)],
      ...kept,
    });
  }
  return created;
}

/** Undefined when there is none. */
async function streamInfo(calls: NatsCalls, name: string) {
  try {
    return await calls.manager.streams.info(name);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** What is handed over and not settled is handed over again after so long, which the reader knows to ignore. */
const ACK_WAIT_MS = 30_000;

/** A durable pull consumer of one partition. The server allows one at a time. */
export function consumerConfig(
  names: StreamNames,
  {
    name,
    partition,
    inFlight,
  }: { readonly name: string; readonly partition: number; readonly inFlight: number },
): Partial<ConsumerConfig> {
  return {
    durable_name: name,
    filter_subject: names.commandSubject(partition, EVERY_ADDRESS),
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(ACK_WAIT_MS),
    max_ack_pending: inFlight,
  };
}
