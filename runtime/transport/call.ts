/** One request that waits for its answer, the frame it travels in, and the node that is expected to answer it. */
import type { GridError } from '../errors.ts';
import { BatchWriter } from './batch.ts';

/** A class, not closures: thousands are made a second. */
export class Call {
  readonly subject: string;
  readonly deadlineMs: number;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  readonly #resolve: (body: unknown) => void;
  readonly #reject: (error: GridError) => void;
  /** Ends the watch over the caller's signal. */
  release: (() => void) | undefined;
  /** Who is expected to answer. */
  peer: Peer | undefined;
  /** Where it is remembered when it travels by itself. */
  token: string | undefined;
  /** The frame it travels in, and its bytes there. */
  batch: Batch | undefined;
  start = 0;
  end = 0;
  settled = false;

  constructor(
    subject: string,
    deadlineMs: number,
    expires: number,
    resolve: (body: unknown) => void,
    reject: (error: GridError) => void,
  ) {
    this.subject = subject;
    this.deadlineMs = deadlineMs;
    this.expires = expires;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  resolve(body: unknown): void {
    if (this.#settle()) this.#resolve(body);
  }

  reject(error: GridError): void {
    if (this.#settle()) this.#reject(error);
  }

  /** Nobody is expected to answer any more: it will be sent another way, or is settled. */
  leave(): void {
    if (this.peer !== undefined) this.peer.inFlight -= 1;
    this.peer = undefined;
    if (this.batch !== undefined) this.batch.open -= 1;
    this.batch = undefined;
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.leave();
    this.release?.();
    return true;
  }
}

/** A frame under way. */
export interface Batch {
  readonly token: string;
  readonly peer: Peer;
  readonly bytes: Uint8Array;
  /** By index in the frame; a call that has left is settled or in another batch. */
  readonly calls: readonly Call[];
  /** Calls that still wait. */
  open: number;
}

/** A node that takes frames. */
export class Peer {
  /** Its own subject. */
  readonly subject: string;
  readonly writer = new BatchWriter();
  /** What is in the writer. */
  pending: Call[] = [];
  /** Calls that wait for it, those in the writer included. */
  inFlight = 0;
  /** When it last answered anything, ms since the epoch. */
  heardAt = 0;
  /** It has answered a frame: frames do reach it. */
  proven = false;
  /** Frames do not reach it (gone, or not allowed): subjects do. */
  shut = false;
  readonly flush: () => void;

  constructor(subject: string, flush: (peer: Peer) => void) {
    this.subject = subject;
    this.flush = () => flush(this);
  }
}
