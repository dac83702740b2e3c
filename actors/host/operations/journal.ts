/** The journal of a host: each operation is in it from before its first step until its last. */
import { decode, encode, type KeyValue } from '../../../runtime/mod.ts';
import type { JournalEntry } from './operation.ts';

export interface Journal {
  /** Resolves when it is stored. Rejects with what the store throws: then nothing may be begun. */
  begin(entry: JournalEntry): Promise<void>;
  end(operationId: string): Promise<void>;
  /** What was under way when the host agent ended, oldest first. */
  open(): Promise<JournalEntry[]>;
}

/** Kept in `store` under keys of `host`. */
export function operationJournal(store: KeyValue, host: string): Journal {
  const keyOf = (id: string) => `operation.${host}.${id}`;
  return {
    begin: async (entry) => void (await store.put(keyOf(entry.operation.id), encode(entry))),
    end: (id) => store.delete(keyOf(id)),
    open: async () => {
      const entries = await store.entries(keyOf('*'));
      return entries
        .map(({ value }) => decode(value) as JournalEntry)
        .sort((one, other) => one.at - other.at);
    },
  };
}
