/** The streams of a log of commands on JetStream: their names and subjects, made or checked. */
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { PartitionsMismatch } from './errors.ts';
import { isGone, type NatsCalls } from './nats-calls.ts';
import { DUPLICATE_WINDOW_MS } from './port.ts';

export interface StreamNames {
  readonly commands: string;
  readonly deadLetters: string;
  /** Commands for later, where the server has no schedules. */
  readonly later: string;
  /** `to` as `kind/key`. */
  commandSubject(partition: number, to: string): string;
  deadLetterSubject(to: string): string;
  /** Of one command for later, in the stream of the commands or in the one called `later`. */
  waitingSubject(where: Waitings, partition: number, to: string, id: string): string;
  /** Of all of a partition. */
  waitingSubjects(where: Waitings, partition: number | '*'): string;
}

/** Where commands for later are: with the server's schedules, or with ours. */
export type Waitings = 'scheduled' | 'later';

/** Headers of commands for later; the server keeps them when it publishes what was scheduled, but not the message's id. */
export const COMMAND_ID = 'Shadowgrid-Command-Id';
export const COMMAND_AT = 'Shadowgrid-Command-At';

export function streamNames(namespace: string): StreamNames {
  const tokens = (to: string) => to.replace('/', '.');
  return {
    commands: `${namespace}-commands`,
    deadLetters: `${namespace}-dead-letters`,
    later: `${namespace}-later`,
    commandSubject: (partition, to) => `${namespace}.command.${partition}.${tokens(to)}`,
    deadLetterSubject: (to) => `${namespace}.dead-letter.${tokens(to)}`,
    waitingSubject: (where, partition, to, id) =>
      `${namespace}.${where}.${partition}.${tokens(to)}.${tokenOf(id)}`,
    waitingSubjects: (where, partition) => `${namespace}.${where}.${partition}.*.*.*`,
  };
}

/** `kind/key` of the subject of a command or of a dead letter: its last two tokens. */
export function addressIn(subject: string): string {
  return subject.split('.').slice(-2).join('/');
}

/** One token for any text, another one for another. */
function tokenOf(id: string): string {
  return encodeURIComponent(id).replaceAll('.', '%2E').replaceAll('*', '%2A');
}

const EVERY_ADDRESS = '*/*';

export interface OpenStreams {
  /** When the stream of the commands was made. */
  readonly identity: string;
  /** The server publishes at a later time. */
  readonly schedules: boolean;
  /** Commands wait in the stream `later`, or did before the server had schedules. */
  readonly later: boolean;
}

/** Makes the streams where they are not. Throws {@link PartitionsMismatch}. */
export async function openStreams(
  calls: NatsCalls,
  names: StreamNames,
  { partitions, replicas }: { readonly partitions: number; readonly replicas: number },
): Promise<OpenStreams> {
  const kept = {
    storage: StorageType.File,
    num_replicas: replicas,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  };
  // The subjects say how many partitions there are, to us and to the server.
  const subjects = Array.from({ length: partitions }, (_, i) => names.commandSubject(i, EVERY_ADDRESS));
  const scheduled = names.waitingSubjects('scheduled', '*');
  const { streams } = calls.manager;
  const found =
    (await streamInfo(calls, names.commands)) ??
    (await streams.add({ name: names.commands, subjects, retention: RetentionPolicy.Workqueue, ...kept }));
  const existing = found.config.subjects.filter((subject) => subject !== scheduled).length;
  if (existing !== partitions) throw new PartitionsMismatch(names.commands, partitions, existing);
  const schedules = await allowSchedules(calls, found, [...subjects, scheduled]);
  const later = (await streamInfo(calls, names.later)) !== undefined;
  if (!schedules && !later) {
    // A command has a subject of its own: the same one for another time takes its place.
    const perCommand = { max_msgs_per_subject: 1, discard: DiscardPolicy.Old };
    await streams.add({
      name: names.later,
      subjects: [names.waitingSubjects('later', '*')],
      ...perCommand,
      ...kept,
    });
  }
  if ((await streamInfo(calls, names.deadLetters)) === undefined) {
    await streams.add({
      name: names.deadLetters,
      subjects: [names.deadLetterSubject(EVERY_ADDRESS)],
      ...kept,
    });
  }
  return { identity: found.created, schedules, later: later || !schedules };
}

/** Servers before 2.12 ignore the wish silently: what counts is what they made of it. */
async function allowSchedules(
  { manager }: NatsCalls,
  { config }: StreamInfo,
  subjects: string[],
): Promise<boolean> {
  if (config.allow_msg_schedules === true) return true;
  try {
    const wish = { subjects, allow_msg_schedules: true };
    const { config: made } = await manager.streams.update(config.name, wish);
    return made.allow_msg_schedules === true;
  } catch (error) {
    if (error instanceof JetStreamApiError) return false;
    throw error;
  }
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
