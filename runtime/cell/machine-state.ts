/** A machine's snapshot as the runtime sees it. */

/** What of an XState snapshot the runtime looks at. */
export interface MachineState {
  readonly status: string;
  readonly value: unknown;
  readonly context: unknown;
  readonly error?: unknown;
}
