/** The server's side of request/reply: one answer to a single request, frames of answers to a frame. */
import { decodeMessagePackOrJson, encode, encodeBriefly } from '../codec.ts';
import { MalformedMessage, Misdirected } from '../errors.ts';
import { BATCH_BYTES, BATCH_MESSAGES, BatchWriter, readBatch } from './batch.ts';
import { NO_ANSWER, type RequestContext } from './context.ts';
import type { Transport, TransportMessage } from './port.ts';
import type { Turn } from './turn.ts';
import { failedReply, replyBytes } from './wire.ts';

export type Handler = (body: unknown, context: RequestContext) => unknown;

const MOST_FOUND = 65_536;
const NO_FIELDS = { value: {}, format: 'json' } as const;

export class Answers {
  readonly #transport: Transport;
  readonly #turn: Turn;
  /** Handlers that frames reach, by subject; one ending in `.*` or `.*.*` by that. */
  readonly #direct = new Map<string, Handler>();
  /** What was found for the subjects of late. */
  readonly #found = new Map<string, Handler>();
  readonly #spare: BatchWriter[] = [];

  constructor(transport: Transport, turn: Turn) {
    this.#transport = transport;
    this.#turn = turn;
  }

  /** Makes a handler reachable by frames; the returned function ends that. */
  admit(subject: string, handler: Handler): () => void {
    this.#direct.set(subject, handler);
    this.#found.clear();
    return () => {
      this.#direct.delete(subject);
      this.#found.clear();
    };
  }

  /** `direct`: where the sender may send more of the kind, in frames. */
  async single(message: TransportMessage, handler: Handler, direct: string | undefined): Promise<void> {
    const { subject, reply } = message;
    let format: 'msgpack' | 'json' = message.data[0] === 0x7b ? 'json' : 'msgpack';
    let answer: object;
    try {
      // An empty payload is what people send who have nothing to say: no fields.
      const decoded = message.data.length === 0 ? NO_FIELDS : decodeMessagePackOrJson(message.data);
      format = decoded.format;
      // Most handlers are asynchronous; what is not should not wait for a microtask.
      const result = handler(decoded.value, { subject, format, direct: false });
      const body = result instanceof Promise ? await result : result;
      if (body === NO_ANSWER) return;
      answer = body === undefined ? { ok: true } : { ok: true, body };
    } catch (error) {
      answer = failedReply(error);
    }
    if (reply === undefined) return;
    try {
      const bytes = replyBytes(answer, failedReply, format, this.#transport.maxPayload);
      this.#transport.publish(reply, bytes, direct === undefined ? undefined : { reply: direct });
    } catch {
      // The connection is gone: the caller's deadline tells it.
    }
  }

  batch(message: TransportMessage): void {
    const { data, reply } = message;
    if (reply === undefined) return;
    const replies = new Replies(this.#transport, this.#turn, this.#spare, reply);
    let items: readonly unknown[];
    try {
      items = readBatch(data, this.#transport.maxPayload);
    } catch (error) {
      replies.refuse(error);
      return;
    }
    for (let i = 0; i < items.length; i += 2) this.#one(items[i], items[i + 1], replies, i / 2);
  }

  #handlerOf(subject: string): Handler | undefined {
    const known = this.#found.get(subject);
    if (known !== undefined) return known;
    const handler = this.#find(subject);
    if (this.#found.size >= MOST_FOUND) this.#found.clear();
    if (handler !== undefined) this.#found.set(subject, handler);
    return handler;
  }

  /** `a.b.c` is served by `a.b.c`, `a.b.*` or `a.*.*`. */
  #find(subject: string): Handler | undefined {
    const parent = subject.slice(0, subject.lastIndexOf('.'));
    const grandparent = parent.slice(0, parent.lastIndexOf('.'));
    return (
      this.#direct.get(subject) ?? this.#direct.get(`${parent}.*`) ?? this.#direct.get(`${grandparent}.*.*`)
    );
  }

  #one(subject: unknown, body: unknown, replies: Replies, index: number): void {
    try {
      if (typeof subject !== 'string') {
        throw new MalformedMessage(`message ${index} of the frame: its subject is not a string`, {
          field: 'subject',
        });
      }
      const handler = this.#handlerOf(subject);
      if (handler === undefined) throw new Misdirected(subject);
      const result = handler(body, { subject, format: 'msgpack', direct: true });
      if (result instanceof Promise) {
        result.then(
          (value) => replies.add(index, value),
          (error) => replies.fail(index, error),
        );
      } else replies.add(index, result);
    } catch (error) {
      replies.fail(index, error);
    }
  }
}

/** The answers to one frame; those that are ready in one turn go back in one. */
class Replies {
  readonly #transport: Transport;
  readonly #turn: Turn;
  readonly #spare: BatchWriter[];
  readonly #subject: string;
  #writer: BatchWriter | undefined;

  constructor(transport: Transport, turn: Turn, spare: BatchWriter[], subject: string) {
    this.#transport = transport;
    this.#turn = turn;
    this.#spare = spare;
    this.#subject = subject;
  }

  add(index: number, body: unknown): void {
    this.#write(index, body === undefined ? DONE : { ok: true, body });
  }

  fail(index: number, error: unknown): void {
    this.#write(index, failedReply(error));
  }

  /** The whole frame. */
  refuse(error: unknown): void {
    const { maxPayload } = this.#transport;
    this.#publish(replyBytes(failedReply(error), failedReply, 'msgpack', maxPayload));
  }

  #write(index: number, answer: object): void {
    const { maxPayload } = this.#transport;
    let bytes: Uint8Array;
    try {
      bytes = answer === DONE ? DONE_BYTES : encodeBriefly(answer, { maxBytes: maxPayload - FRAME_ROOM });
    } catch (error) {
      bytes = encodeBriefly(failedReply(error));
    }
    if (this.#writer !== undefined && !this.#writer.fits(0, bytes.length, Math.min(BATCH_BYTES, maxPayload)))
      this.#flush();
    if (this.#writer === undefined) {
      this.#writer = this.#spare.pop() ?? new BatchWriter();
      this.#turn.put(this.#flush);
    }
    this.#writer.add(index, bytes);
    if (this.#writer.count >= BATCH_MESSAGES) this.#flush();
    else this.#turn.extend();
  }

  readonly #flush = (): void => {
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#writer = undefined;
    const bytes = writer.take();
    if (this.#spare.length < SPARE_WRITERS) this.#spare.push(writer);
    this.#publish(bytes);
  };

  #publish(bytes: Uint8Array): void {
    try {
      this.#transport.publish(this.#subject, bytes);
    } catch {
      // The connection is gone: the callers' deadlines tell them.
    }
  }
}

/** The answer without a body: what is told is answered so. */
const DONE = { ok: true };
const DONE_BYTES = encode(DONE);
/** Bytes of a frame around its only answer, at most. */
const FRAME_ROOM = 16;
const SPARE_WRITERS = 16;
