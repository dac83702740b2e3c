/** What a grid needs of a log. */

/** Where a grid writes what an operator should know. */
export interface GridLog {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
}
