/** The caller's side of request/reply: sends requests by themselves or in frames, and settles them. */
import type { Clock } from '../clock.ts';
import { decode, encode, encodeBriefly } from '../codec.ts';
import { Cancelled, DeadlineExceeded, GridError, NoResponders, RemoteError } from '../errors.ts';
import { BATCH_BYTES, BATCH_MESSAGES, isBatch, readBatch } from './batch.ts';
import { type Batch, Call, type Peer } from './call.ts';
import { Deadlines } from './deadlines.ts';
import { Peers } from './peers.ts';
import type { Transport, TransportMessage } from './port.ts';
import type { Turn } from './turn.ts';
import { isMisdirected, readReply } from './wire.ts';

export interface CallsWiring {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly turn: Turn;
  /** What a token stands behind in a reply subject. */
  readonly inbox: string;
  readonly nextToken: () => string;
}

/**
 * A node that has answered nothing for so long gets no frames: it may stand still, with its connection open, while what
 * it served is another's by now, whom the subject finds.
 */
const SILENT_MS = 1_000;

export class Calls {
  readonly #wiring: CallsWiring;
  readonly #single = new Map<string, Call>();
  readonly #batches = new Map<string, Batch>();
  readonly #deadlines: Deadlines;
  readonly #peers = new Peers((peer) => this.#flush(peer));

  constructor(wiring: CallsWiring) {
    this.#wiring = wiring;
    this.#deadlines = new Deadlines(wiring.clock, (now) => this.#expire(now));
  }

  start(subject: string, body: object, deadlineMs: number, signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new Cancelled(`request to ${subject}`, signal.reason));
      const expires = this.#wiring.clock.now() + deadlineMs;
      const call = new Call(subject, deadlineMs, expires, resolve, reject);
      if (signal !== undefined) this.#watch(call, signal);
      try {
        this.#send(call, body);
        this.#deadlines.arm(expires);
      } catch (error) {
        this.#fail(call, error as GridError);
      }
    });
  }

  /** False when `token` is not of a request. */
  receive(token: string, message: TransportMessage): boolean {
    const call = this.#single.get(token);
    if (call !== undefined) {
      this.#single.delete(token);
      this.#receiveSingle(call, message);
      return true;
    }
    const batch = this.#batches.get(token);
    if (batch !== undefined) this.#receiveBatch(batch, message);
    return batch !== undefined;
  }

  close(): void {
    this.#deadlines.stop();
    for (const call of this.#waiting()) this.#fail(call, new Cancelled(`request to ${call.subject}`));
  }

  /**
   * To a node that is known and has something of ours already, in a frame with what follows in this turn; else at
   * once, so that a single call is never held back.
   */
  #send(call: Call, body: object): void {
    const peer = this.#peers.find(call.subject);
    const { transport, clock } = this.#wiring;
    const busy =
      peer !== undefined &&
      peer.inFlight > 0 &&
      clock.now() - peer.heardAt < SILENT_MS &&
      transport.status === 'connected';
    if (busy) this.#join(peer, call, encodeBriefly(body));
    else this.#sendSingle(call, encode(body), peer);
  }

  /** Into the frame, or into the next one; what is too large for any goes by itself, after those before it. */
  #join(peer: Peer, call: Call, message: Uint8Array): void {
    const limit = Math.min(BATCH_BYTES, this.#wiring.transport.maxPayload);
    if (peer.writer.fits(call.subject.length, message.length, limit)) {
      this.#append(peer, call, message);
    } else {
      const copy = message.slice();
      this.#flush(peer);
      if (peer.writer.fits(call.subject.length, copy.length, limit)) this.#append(peer, call, copy);
      else this.#sendSingle(call, copy, peer);
    }
    if (peer.pending.length >= BATCH_MESSAGES) this.#flush(peer);
    else this.#wiring.turn.extend();
  }

  #append(peer: Peer, call: Call, bytes: Uint8Array): void {
    if (peer.pending.length === 0) this.#wiring.turn.put(peer.flush);
    this.#expect(call, peer);
    call.start = peer.writer.add(call.subject, bytes);
    call.end = call.start + bytes.length;
    peer.pending.push(call);
  }

  #expect(call: Call, peer: Peer): void {
    call.peer = peer;
    peer.inFlight += 1;
  }

  #sendSingle(call: Call, bytes: Uint8Array, peer?: Peer): void {
    const { transport, inbox, nextToken } = this.#wiring;
    if (peer !== undefined) this.#expect(call, peer);
    const token = nextToken();
    call.token = token;
    this.#single.set(token, call);
    transport.publish(call.subject, bytes, { reply: inbox + token });
  }

  #flush(peer: Peer): void {
    const { transport, inbox, nextToken } = this.#wiring;
    const calls = peer.pending;
    if (calls.length === 0) return;
    peer.pending = [];
    const bytes = peer.writer.take();
    try {
      const [only] = calls;
      if (only !== undefined && calls.length === 1) {
        if (!only.settled) this.#sendSingle(only, bytes.slice(only.start, only.end));
        return;
      }
      const batch: Batch = { token: nextToken(), peer, bytes, calls, open: 0 };
      for (const call of calls) {
        if (call.settled) continue;
        call.batch = batch;
        batch.open += 1;
      }
      if (batch.open === 0) return;
      this.#batches.set(batch.token, batch);
      transport.publish(peer.subject, bytes, { reply: inbox + batch.token });
    } catch (error) {
      for (const call of calls) this.#fail(call, error as GridError);
    }
  }

  #receiveSingle(call: Call, message: TransportMessage): void {
    if (message.noResponders) {
      this.#peers.forget(call.subject);
      call.reject(new NoResponders(call.subject));
      return;
    }
    if (message.reply !== undefined) this.#peers.learn(call.subject, message.reply, this.#wiring.clock.now());
    try {
      const { maxPayload } = this.#wiring.transport;
      const reply = readReply(decode(message.data, { maxBytes: maxPayload }), call.subject);
      if (reply.ok) call.resolve(reply.body);
      else call.reject(new RemoteError(reply.error));
    } catch (error) {
      call.reject(error as GridError);
    }
  }

  #receiveBatch(batch: Batch, message: TransportMessage): void {
    if (message.noResponders) {
      this.#peers.shut(batch.peer);
      this.#flush(batch.peer);
      for (const call of batch.calls) if (call.batch === batch) this.#sendAgain(call, batch);
    } else {
      batch.peer.proven = true;
      batch.peer.heardAt = this.#wiring.clock.now();
      try {
        this.#settleBatch(batch, message.data);
      } catch (error) {
        for (const call of batch.calls) if (call.batch === batch) call.reject(error as GridError);
      }
    }
    if (batch.open === 0) this.#batches.delete(batch.token);
  }

  #settleBatch(batch: Batch, data: Uint8Array): void {
    const { maxPayload } = this.#wiring.transport;
    if (!isBatch(data)) {
      // One answer for all of them: the frame as such was refused.
      const reply = readReply(decode(data, { maxBytes: maxPayload }), batch.peer.subject);
      throw reply.ok
        ? new GridError('internal', 'a frame has no answer of its own')
        : new RemoteError(reply.error);
    }
    const items = readBatch(data, maxPayload);
    for (let i = 0; i < items.length; i += 2) {
      const call = batch.calls[items[i] as number];
      if (call === undefined || call.batch !== batch) continue;
      try {
        const reply = readReply(items[i + 1], call.subject);
        if (reply.ok) call.resolve(reply.body);
        else if (isMisdirected(reply.error)) this.#sendAgain(call, batch);
        else call.reject(new RemoteError(reply.error));
      } catch (error) {
        call.reject(error as GridError);
      }
    }
  }

  /** By subject, which finds whoever serves it now. It was not carried out where it went. */
  #sendAgain(call: Call, batch: Batch): void {
    this.#peers.forget(call.subject);
    call.leave();
    try {
      this.#sendSingle(call, batch.bytes.slice(call.start, call.end));
    } catch (error) {
      this.#fail(call, error as GridError);
    }
  }

  #watch(call: Call, signal: AbortSignal): void {
    const abort = () => this.#fail(call, new Cancelled(`request to ${call.subject}`, signal.reason));
    signal.addEventListener('abort', abort, { once: true });
    call.release = () => signal.removeEventListener('abort', abort);
  }

  #fail(call: Call, error: GridError): void {
    const { batch, token } = call;
    call.reject(error);
    if (token !== undefined) this.#single.delete(token);
    if (batch?.open === 0) this.#batches.delete(batch.token);
  }

  /** Rejects what is overdue; returns when to look again. */
  #expire(now: number): number | undefined {
    let next: number | undefined;
    for (const call of this.#waiting()) {
      if (call.expires > now) {
        if (next === undefined || call.expires < next) next = call.expires;
        continue;
      }
      const { batch, peer, subject, deadlineMs } = call;
      // Whoever had it may be gone without a trace: the next calls find by subject who is there.
      this.#peers.forget(subject);
      if (peer !== undefined && (peer.proven || batch !== undefined)) this.#peers.shut(peer);
      this.#fail(call, new DeadlineExceeded(`request to ${subject}`, deadlineMs));
    }
    return next;
  }

  *#waiting(): Generator<Call> {
    yield* this.#single.values();
    for (const batch of this.#batches.values())
      for (const call of batch.calls) if (call.batch === batch) yield call;
  }
}
