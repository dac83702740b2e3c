/** The one truth that the nodes' key-value stores show: the last change of each key, in order of revision. */
import { KeyExists, RevisionConflict } from '../errors.ts';
import type { KeyValueChange, KeyValueEntry } from '../store/mod.ts';
import { compileFilter, Interest } from './interest.ts';

export interface Watcher {
  readonly filter: string;
  readonly changed: (change: KeyValueChange) => void;
}

export class Bucket {
  /** Deleted keys too. */
  readonly #last = new Map<string, KeyValueChange>();
  readonly #watchers = new Interest<Watcher>();
  #revision = 0;

  get revision(): number {
    return this.#revision;
  }

  get(key: string): KeyValueEntry | undefined {
    const change = this.#last.get(key);
    return change?.operation === 'put' ? entryOf(change) : undefined;
  }

  create(key: string, value: Uint8Array): number {
    if (this.get(key) !== undefined) throw new KeyExists(key);
    return this.put(key, value);
  }

  update(key: string, value: Uint8Array, revision: number): number {
    this.#expect(key, revision);
    return this.put(key, value);
  }

  put(key: string, value: Uint8Array): number {
    this.#revision += 1;
    this.#change({ operation: 'put', key, value, revision: this.#revision });
    return this.#revision;
  }

  delete(key: string, revision?: number): void {
    if (revision !== undefined) this.#expect(key, revision);
    if (this.get(key) === undefined) return;
    this.#revision += 1;
    this.#change({ operation: 'delete', key, revision: this.#revision });
  }

  entries(filter: string): KeyValueEntry[] {
    return this.since(filter, 0).flatMap((change) => (change.operation === 'put' ? [entryOf(change)] : []));
  }

  /** Last changes after `revision`, oldest first. */
  since(filter: string, revision: number): KeyValueChange[] {
    const wanted = compileFilter(filter);
    const changes = [];
    for (const change of this.#last.values()) {
      if (change.revision > revision && wanted(change.key)) changes.push(change);
    }
    return changes;
  }

  watch(watcher: Watcher): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  #expect(key: string, revision: number): void {
    if ((this.get(key)?.revision ?? 0) !== revision) throw new RevisionConflict(key, revision);
  }

  #change(change: KeyValueChange): void {
    // The map keeps the order of revisions.
    this.#last.delete(change.key);
    this.#last.set(change.key, change);
    this.#watchers.each(change.key, (watcher) => watcher.changed(change));
  }
}

function entryOf({ key, value, revision }: KeyValueChange & { readonly operation: 'put' }): KeyValueEntry {
  return { key, value, revision };
}
