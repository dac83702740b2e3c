/** The KeyValue port: a durable map with revisions and compare-and-set. Drivers: JetStream KV, memory. */

export interface KeyValueEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Grows with every write of the bucket. */
  readonly revision: number;
}

export type KeyValueChange =
  | ({ readonly operation: 'put' } & KeyValueEntry)
  | { readonly operation: 'delete'; readonly key: string; readonly revision: number };

export interface KeyValueWatch {
  stop(): void;
}

/**
 * Keys are dotted tokens `[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*`; filters may hold `*` and a last `>`.
 * Every call throws `TransportSuspended` at once while the connection is lost, and `StoreUnavailable`
 * when a call was not confirmed (a write may then have been made).
 */
export interface KeyValue {
  get(key: string): Promise<KeyValueEntry | undefined>;
  /** Resolves with the revision when stored; `KeyExists` when there is a live value. */
  create(key: string, value: Uint8Array): Promise<number>;
  /** Compare-and-set: `RevisionConflict` unless the key is at `revision`. */
  update(key: string, value: Uint8Array, revision: number): Promise<number>;
  put(key: string, value: Uint8Array): Promise<number>;
  /** Idempotent; with `revision`, `RevisionConflict` unless the key is at it. */
  delete(key: string, revision?: number): Promise<void>;
  /**
   * Keys with a live value, in no order. With `orDeleted`, keys that have been deleted may be among them: where that does
   * no harm, it is faster.
   */
  keys(filter: string, options?: { readonly orDeleted?: boolean }): Promise<string[]>;
  /** Live values, in no order. */
  entries(filter: string): Promise<KeyValueEntry[]>;
  /** Hands over what is there, then every change; resolves when the watch stands. Survives reconnects. */
  watch(filter: string, handler: (change: KeyValueChange) => void): Promise<KeyValueWatch>;
}
