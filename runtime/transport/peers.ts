/** Which node answers for a subject, learnt from its answers, so that requests to one node can share frames. */
import { Peer } from './call.ts';

/** Subjects remembered; the oldest are forgotten first, and then found again by subject. */
const MOST_ROUTES = 131_072;

export class Peers {
  readonly #peers = new Map<string, Peer>();
  readonly #routes = new Map<string, Peer>();
  readonly #flush: (peer: Peer) => void;

  constructor(flush: (peer: Peer) => void) {
    this.#flush = flush;
  }

  /** Who answered for `subject` last, if it takes frames. */
  find(subject: string): Peer | undefined {
    const peer = this.#routes.get(subject);
    return peer === undefined || peer.shut ? undefined : peer;
  }

  /** `subject` was answered, `now`, by the node that takes frames on `direct`. */
  learn(subject: string, direct: string, now: number): void {
    const known = this.#routes.get(subject);
    if (known?.subject === direct) {
      known.heardAt = now;
      return;
    }
    let peer = this.#peers.get(direct);
    if (peer === undefined) {
      peer = new Peer(direct, this.#flush);
      this.#peers.set(direct, peer);
    }
    if (peer.shut) return;
    peer.heardAt = now;
    if (known === undefined && this.#routes.size >= MOST_ROUTES) {
      const [oldest] = this.#routes.keys();
      this.#routes.delete(oldest!);
    }
    this.#routes.set(subject, peer);
  }

  forget(subject: string): void {
    this.#routes.delete(subject);
  }

  /** Frames do not arrive. One that took frames before may do so again; one that never did is not tried again. */
  shut(peer: Peer): void {
    peer.shut = true;
    if (peer.proven) this.#peers.delete(peer.subject);
  }
}
