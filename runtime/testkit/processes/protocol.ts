/** Between the harness and a node's process: lines of JSON, over its standard input and output. */
import type { MemberReport } from '../../cluster/mod.ts';

export type ToNode = { readonly id: number } & (
  | { readonly op: 'status' }
  /** `address`: KIND/KEY. */
  | { readonly op: 'owns'; readonly address: string }
  | { readonly op: 'call'; readonly name: string; readonly input: unknown }
  /** Gives its actors to others and ends. */
  | { readonly op: 'stop' }
);

/** An answer; `id` 0 says that the node has joined. */
export type FromNode = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

/** Answer to `status`. */
export interface NodeStatus {
  readonly settled: boolean;
  readonly members: readonly MemberReport[];
}

/** What programs write themselves goes out on the same stream, and does not begin like this. */
const MARK = 'shadowgrid-node ';

export function toLine(said: FromNode): string {
  return `${MARK}${JSON.stringify({ value: null, ...said })}\n`;
}

/** Undefined for a line of the program's own. */
export function fromLine(line: string): FromNode | undefined {
  return line.startsWith(MARK) ? JSON.parse(line.slice(MARK.length)) : undefined;
}
