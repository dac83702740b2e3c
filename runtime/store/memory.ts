/** The in-memory driver of the KeyValue port, for tests and simulations; outlives the systems that use it. */
import { KeyExists, RevisionConflict } from '../errors.ts';
import { matches } from '../subject.ts';
import type { KeyValue, KeyValueChange, KeyValueEntry } from './port.ts';

export function memoryKeyValue(): KeyValue {
  const live = new Map<string, KeyValueEntry>();
  const watchers = new Set<(change: KeyValueChange) => void>();
  let revision = 0;

  const write = (key: string, value: Uint8Array): number => {
    revision += 1;
    const entry = { key, value: value.slice(), revision };
    live.set(key, entry);
    announce({ operation: 'put', ...entry });
    return revision;
  };
  const announce = (change: KeyValueChange) => {
    for (const watcher of watchers) queueMicrotask(() => watchers.has(watcher) && watcher(change));
  };
  const check = (key: string, expected: number) => {
    if ((live.get(key)?.revision ?? 0) !== expected) throw new RevisionConflict(key, expected);
  };

  return {
    get: async (key) => live.get(key),
    create: async (key, value) => {
      if (live.has(key)) throw new KeyExists(key);
      return write(key, value);
    },
    update: async (key, value, expected) => {
      check(key, expected);
      return write(key, value);
    },
    put: async (key, value) => write(key, value),
    delete: async (key, expected) => {
      if (expected !== undefined) check(key, expected);
      if (!live.delete(key)) return;
      revision += 1;
      announce({ operation: 'delete', key, revision });
    },
    keys: async (filter) => [...live.keys()].filter((key) => matches(filter, key)),
    entries: async (filter) => [...live.values()].filter((entry) => matches(filter, entry.key)),
    watch: async (filter, handler) => {
      const watcher = (change: KeyValueChange) => {
        if (matches(filter, change.key)) handler(change);
      };
      watchers.add(watcher);
      for (const entry of live.values()) {
        queueMicrotask(() => watchers.has(watcher) && watcher({ operation: 'put', ...entry }));
      }
      return { stop: () => void watchers.delete(watcher) };
    },
  };
}
