/** What a handler is told about the request it answers. */

export interface RequestContext {
  readonly subject: string;
  /** What the request came as; the answer goes back as the same. */
  readonly format: 'msgpack' | 'json';
}

export interface StreamContext extends RequestContext {
  /** Fires when the caller cancelled, stopped renewing, or cannot be reached. */
  readonly signal: AbortSignal;
}
