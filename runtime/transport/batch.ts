/**
 * Batch frames: many messages in one, as a MessagePack array. Single messages are maps, so the two cannot be confused.
 * Requests: `[subject, body, subject, body, ...]`; answers: `[index, answer, index, answer, ...]`.
 */
import { decode } from '../codec.ts';
import { MalformedMessage } from '../errors.ts';

/** A frame is sent when it holds this many messages; more are taken, up to {@link MOST_MESSAGES}. */
export const BATCH_MESSAGES = 64;
/** Bytes a frame is kept under; a message that is larger travels by itself. */
export const BATCH_BYTES = 64 * 1024;
/** What a receiver takes, so that a frame of tiny garbage is not answered with a flood of errors. */
const MOST_MESSAGES = 4096;

/** array 32: room for any count, known when the frame ends. */
const HEADER_BYTES = 5;
/** Of a string's or a number's head. */
const HEAD_BYTES = 5;

/** One frame after the other, in memory that is used again. */
export class BatchWriter {
  #bytes = new Uint8Array(4096);
  #end = HEADER_BYTES;
  #count = 0;

  /** Messages in the frame so far. */
  get count(): number {
    return this.#count;
  }

  /** Whether a message of so many bytes still fits. */
  fits(headLength: number, bytes: number, limit: number): boolean {
    return this.#end + 3 * headLength + HEAD_BYTES + bytes <= limit;
  }

  /** Adds a message, encoded already; returns where in the frame it starts. */
  add(head: string | number, message: Uint8Array): number {
    this.#reserve(HEAD_BYTES + (typeof head === 'string' ? 3 * head.length : 0) + message.length);
    if (typeof head === 'string') this.#writeString(head);
    else this.#writeCount(head);
    const start = this.#end;
    this.#bytes.set(message, start);
    this.#end += message.length;
    this.#count += 1;
    return start;
  }

  /** The frame; the writer begins another. */
  take(): Uint8Array {
    const items = 2 * this.#count;
    this.#bytes.set([0xdd, items >>> 24, items >>> 16, items >>> 8, items]);
    const frame = this.#bytes.slice(0, this.#end);
    this.#end = HEADER_BYTES;
    this.#count = 0;
    return frame;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#end + bytes));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
  }

  /** str 16. Subjects are nearly always ASCII, which is written without a call. */
  #writeString(string: string): void {
    const start = this.#end + 3;
    const bytes = this.#bytes;
    let length = string.length;
    for (let i = 0; i < length; i++) {
      const code = string.charCodeAt(i);
      if (code > 0x7f) {
        length = text.encodeInto(string, bytes.subarray(start)).written;
        break;
      }
      bytes[start + i] = code;
    }
    bytes[start - 3] = 0xda;
    bytes[start - 2] = length >>> 8;
    bytes[start - 1] = length;
    this.#end = start + length;
  }

  #writeCount(count: number): void {
    const bytes = this.#bytes;
    if (count < 0x80) {
      bytes[this.#end++] = count;
      return;
    }
    bytes[this.#end++] = 0xcd;
    bytes[this.#end++] = count >>> 8;
    bytes[this.#end++] = count;
  }
}

/** Whether these bytes are a MessagePack array. */
export function isBatch(data: Uint8Array): boolean {
  const first = data[0];
  return first !== undefined && ((first & 0xf0) === 0x90 || first === 0xdc || first === 0xdd);
}

/** The items of a frame, a head and a message in turns; both unchecked. Throws `MalformedMessage` or `PayloadTooLarge`. */
export function readBatch(data: Uint8Array, maxBytes: number): readonly unknown[] {
  const items = decode(data, { maxBytes, maxDepth: MAX_DEPTH });
  if (!Array.isArray(items) || items.length % 2 !== 0 || items.length > 2 * MOST_MESSAGES) {
    throw new MalformedMessage('batch frame is malformed', {
      hint: `an array of at most ${MOST_MESSAGES} pairs: a subject or an index, and its message`,
    });
  }
  return items;
}

/** More than a message of its own may nest, and the frame: what one sender encodes never spoils a neighbour's. */
const MAX_DEPTH = 34;
const text = new TextEncoder();
