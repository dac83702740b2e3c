/** Commands for later on JetStream: given to the server's schedules, or to a stream of ours where it has none. */
import type { JetStreamPublishOptions } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import type { Clock } from '../clock.ts';
import type { NatsCalls } from './nats-calls.ts';
import { COMMAND_AT, COMMAND_ID, type StreamNames, type Waitings } from './nats-streams.ts';
import type { NewCommand } from './port.ts';

export interface NatsWaitingOptions {
  readonly calls: NatsCalls;
  readonly names: StreamNames;
  readonly where: Waitings;
  readonly clock: Clock;
}

/** Each command has a subject of its own, by which it is moved and taken back. */
export class NatsWaiting {
  readonly #options: NatsWaitingOptions;
  readonly #stream: string;

  constructor(options: NatsWaitingOptions) {
    const { names, where } = options;
    this.#options = options;
    this.#stream = where === 'scheduled' ? names.commands : names.later;
  }

  async add(partition: number, command: NewCommand, at: number): Promise<void> {
    const { names, where, clock } = this.#options;
    const { id, to } = command;
    const subject = names.waitingSubject(where, partition, to, id);
    const target = names.commandSubject(partition, to);
    if (await this.#publish(subject, command, at, { target, unique: `${id}@${at}` })) return;
    // Known already: it waits, or it has come, or it was taken back or moved, of which the window knows nothing.
    const waiting = await this.#find(subject);
    if (waiting === undefined ? at <= clock.now() : waiting.at === at) return;
    await this.#publish(subject, command, at, { target, unique: `${id}@${at}~${crypto.randomUUID()}` });
  }

  async cancel(partition: number, { id, to }: Pick<NewCommand, 'id' | 'to'>): Promise<boolean> {
    const { calls, names, where } = this.#options;
    const waiting = await this.#find(names.waitingSubject(where, partition, to, id));
    if (waiting === undefined) return false;
    // What is only deleted, nats-server 2.9 has again after a SIGKILL; later ones do not, and erasing takes them long.
    const erase = where === 'later';
    try {
      return await calls.call(`take back a command to ${to}`, () =>
        calls.manager.streams.deleteMessage(this.#stream, waiting.seq, erase),
      );
    } catch (error) {
      if (await this.#holds(waiting.seq)) throw error;
      return false;
    }
  }

  /** False when the server has had it before. */
  async #publish(
    subject: string,
    { id, to, data }: NewCommand,
    at: number,
    { target, unique }: { readonly target: string; readonly unique: string },
  ): Promise<boolean> {
    const { calls, where } = this.#options;
    const marked = headers();
    marked.set(COMMAND_ID, id);
    marked.set(COMMAND_AT, String(at));
    const options: Partial<JetStreamPublishOptions> = {
      msgID: unique,
      headers: marked,
      ...(where === 'scheduled' && { schedule: { specification: { at: new Date(Math.ceil(at)) }, target } }),
    };
    const { duplicate } = await calls.call(`append a command to ${to}`, () =>
      calls.client.publish(subject, data, options),
    );
    return !duplicate;
  }

  async #find(subject: string): Promise<{ readonly seq: number; readonly at: number } | undefined> {
    const { calls } = this.#options;
    const found = await calls.call('look for a command', () =>
      calls.manager.streams.getMessage(this.#stream, { last_by_subj: subject }),
    );
    return found === null ? undefined : { seq: found.seq, at: Number(found.header.get(COMMAND_AT)) };
  }

  async #holds(seq: number): Promise<boolean> {
    const { calls } = this.#options;
    const found = await calls.call('look for a command', () =>
      calls.manager.streams.getMessage(this.#stream, { seq }),
    );
    return found !== null;
  }
}
