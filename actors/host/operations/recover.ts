/** What is to be done about an operation that was under way when the host agent ended. Pure. */
import type { JournalEntry } from './operation.ts';

export type Recovery =
  /** The driver has undone it at its opening, or it left nothing behind. */
  | { readonly do: 'forget' }
  /** Doing it again is the same as finishing it. */
  | { readonly do: 'repeat' }
  /** Find out which side runs the domain. */
  | { readonly do: 'resolve' };

/** `running`: whether the domain runs on this host now. */
export function recoveryOf({ operation, target }: JournalEntry, running: boolean): Recovery {
  switch (operation.task.kind) {
    case 'migrate':
      // Without a target the other side was never asked.
      return { do: target === undefined ? 'forget' : 'resolve' };
    case 'roll-back':
      // A domain that runs was not ended yet, or is back: going back once more would undo what it has done since.
      return { do: running ? 'forget' : 'repeat' };
    case 'remove-checkpoint':
      return { do: 'repeat' };
    case 'cool':
      return { do: running ? 'repeat' : 'forget' };
    case 'checkpoint':
    case 'verify-checkpoint':
    case 'warm':
    case 'activate':
    case 'limit-disk':
    case 'limit-network':
      return { do: 'forget' };
  }
}
