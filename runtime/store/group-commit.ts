/**
 * Writes that wait for the disk together: while two groups are being stored, the next gathers. With a flush per
 * acknowledgement (`sync_interval: always`) one write costs about as much as fifty.
 */
import { JetStreamApiError, type JetStreamClient } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';

export interface Write {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Sequence of the subject's last message, 0 for none; undefined takes any. */
  readonly expected: number | undefined;
}

interface Waiting {
  readonly write: Write;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: unknown) => void;
}

/** While the server flushes one group it takes in the next. */
const MOST_IN_FLIGHT = 2;
/** The server takes 1,000 messages in one atomic batch; smaller groups keep its pauses short. */
const MOST_WRITES = 200;
const MOST_BYTES = 512 * 1024;
const EXPECTED = 'Nats-Expected-Last-Subject-Sequence';

/** For a stream with `allow_atomic` (nats-server 2.12). A subject is in one group at a time, later writes of it wait. */
export class GroupCommit {
  readonly #connection: NatsConnection;
  readonly #jetstream: JetStreamClient;
  #waiting: Waiting[] = [];
  #inFlight = 0;
  #scheduled = false;
  /** Subjects of the groups in flight. */
  readonly #busy = new Set<string>();

  constructor(connection: NatsConnection, jetstream: JetStreamClient) {
    this.#connection = connection;
    this.#jetstream = jetstream;
  }

  /** Resolves with the sequence once stored; rejects with the server's error, or when the server does not answer. */
  write(write: Write): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= MOST_IN_FLIGHT || this.#waiting.length === 0) return;
    this.#scheduled = true;
    // Requests arrive in bursts, one packet's worth at a time: what came together is stored together.
    setImmediate(() => {
      this.#scheduled = false;
      const group = this.#nextGroup();
      if (group.length === 0) return;
      this.#inFlight += 1;
      for (const { write } of group) this.#busy.add(write.subject);
      void this.#store(group).finally(() => {
        this.#inFlight -= 1;
        for (const { write } of group) this.#busy.delete(write.subject);
        this.#schedule();
      });
      this.#schedule();
    });
  }

  #nextGroup(): Waiting[] {
    const group: Waiting[] = [];
    const later: Waiting[] = [];
    const subjects = new Set<string>(this.#busy);
    let bytes = 0;
    for (const waiting of this.#waiting) {
      const { subject, data } = waiting.write;
      const full = group.length >= MOST_WRITES || (group.length > 0 && bytes + data.length > MOST_BYTES);
      if (full || subjects.has(subject)) {
        later.push(waiting);
        // What comes after must not overtake an earlier write of its subject.
        subjects.add(subject);
        continue;
      }
      group.push(waiting);
      subjects.add(subject);
      bytes += data.length;
    }
    this.#waiting = later;
    return group;
  }

  async #store(group: readonly Waiting[]): Promise<void> {
    if (group.length > 1) {
      try {
        const last = await this.#commit(group.map(({ write }) => write));
        for (const [index, { resolve }] of group.entries()) resolve(last - (group.length - 1 - index));
        return;
      } catch (error) {
        if (!(error instanceof JetStreamApiError)) {
          for (const { reject } of group) reject(error);
          return;
        }
        // Nothing of the group was stored. Each write on its own then finds out which one was at fault.
      }
    }
    await Promise.all(
      group.map(({ write, resolve, reject }) =>
        this.#jetstream
          .publish(write.subject, write.data, { headers: headersOf(write) })
          .then(({ seq }) => resolve(seq), reject),
      ),
    );
  }

  /** Sequence of the last of `writes`; theirs follow each other. */
  async #commit(writes: readonly Write[]): Promise<number> {
    const header = headers();
    header.set('Nats-Batch-Id', crypto.randomUUID());
    for (const [index, { subject, data, expected }] of writes.entries()) {
      header.set('Nats-Batch-Sequence', String(index + 1));
      if (expected === undefined) header.delete(EXPECTED);
      else header.set(EXPECTED, String(expected));
      if (index < writes.length - 1) this.#connection.publish(subject, data, { headers: header });
    }
    header.set('Nats-Batch-Commit', '1');
    const last = writes.at(-1)!;
    const { seq } = await this.#jetstream.publish(last.subject, last.data, { headers: header });
    return seq;
  }
}

function headersOf({ expected }: Write) {
  const header = headers();
  if (expected !== undefined) header.set(EXPECTED, String(expected));
  return header;
}
