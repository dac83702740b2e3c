/** What a watcher of the system is told about its actors. */
import type { Address } from '../address.ts';

export type InspectionKind =
  | 'created'
  | 'received'
  | 'transition'
  | 'stored'
  | 'effect'
  | 'failed'
  | 'stopped';

export interface InspectionRecord {
  /** Unique in the cluster: node, start of the process, counter. */
  readonly id: string;
  readonly address: Address;
  /** Milliseconds since the epoch. */
  readonly t: number;
  readonly kind: InspectionKind;
  /** Type of the message or effect; code of the error. */
  readonly type?: string;
  /** State value before and after. */
  readonly from?: unknown;
  readonly to?: unknown;
  /** Id of the message that brought this about. */
  readonly cause?: string;
}

/** A live actor as it is now. */
export interface CellReport {
  readonly phase: 'starting' | 'live' | 'draining' | 'ended';
  /** Messages that wait, and how many may. */
  readonly mailbox: { readonly depth: number; readonly bound: number };
  /** When it failed within the time that its definition counts restarts in, ms since the epoch. */
  readonly failures: readonly number[];
  /** Effects that have not come to their end. */
  readonly effects: number;
}
