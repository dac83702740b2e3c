/** What a handler is told about the request it answers. */

export interface RequestContext {
  readonly subject: string;
  /** What the request came as; the answer goes back as the same. */
  readonly format: 'msgpack' | 'json';
  /** It came to this mux alone, in a frame; else whoever serves the subject got it, of whom there may be others. */
  readonly direct: boolean;
}

/** What a handler returns that leaves the request to others who got it too: nothing is answered. */
export const NO_ANSWER: unique symbol = Symbol('no answer');

export interface StreamContext extends RequestContext {
  /** Fires when the caller cancelled, stopped renewing, or cannot be reached. */
  readonly signal: AbortSignal;
}
