/** How far an actor has come with its durable commands: tells one that was applied already, however late it comes again. */
import { z } from 'zod';

/** Where a command stands in the log that keeps it. */
export interface CommandPosition {
  /** Identity of the log: sequences start anew with another one. */
  readonly log: string;
  readonly seq: number;
  /** What its sender named it, if it did: a command that is sent again has the same. */
  readonly name?: string | undefined;
}

export const commandMark = z.object({
  log: z.string(),
  /** Commands up to this one are applied: the log hands them over in order, actor by actor. */
  seq: z.number(),
  /** Names of the last ones that had any. */
  names: z.array(z.string()).optional(),
});

export type CommandMark = z.infer<typeof commandMark>;

/** Names that an actor remembers: a sender that tries again later than this many named commands is not recognised. */
const NAMES = 64;

export function wasApplied(mark: CommandMark | undefined, { log, seq, name }: CommandPosition): boolean {
  if (mark === undefined) return false;
  return (mark.log === log && seq <= mark.seq) || (name !== undefined && mark.names?.includes(name) === true);
}

export function markApplied(mark: CommandMark | undefined, { log, seq, name }: CommandPosition): CommandMark {
  const names = name === undefined ? mark?.names : [...(mark?.names ?? []), name].slice(-NAMES);
  const reached = mark?.log === log ? Math.max(mark.seq, seq) : seq;
  return { log, seq: reached, ...(names !== undefined && { names }) };
}
