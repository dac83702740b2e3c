/** Who of two hosts is to run a domain, by what each has of it, and what follows for either. Pure. */

/** What one side has of the domain. */
export interface Sight {
  readonly running: boolean;
  /** Why it is not: `migration` (sent but not handed over, or not yet received), `post-copy`. */
  readonly pausedFor?: 'migration' | 'post-copy' | 'post-copy-failed' | 'starting' | 'other';
  /** A copying or saving is under way. */
  readonly busy: boolean;
}

export type Step =
  /** End the job here and look again. */
  | 'abort'
  /** It is between the hosts: look again later. */
  | 'wait'
  | 'end-here'
  | 'end-there'
  | 'resume-here';

export type Owner = 'here' | 'there' | 'nowhere';

/** The next step; or, when nothing is to be done, who runs it. */
export function judge(
  here: Sight | undefined,
  there: Sight | undefined,
): { readonly step: Step } | { readonly owner: Owner } {
  if (here === undefined) return judgeThere(there);
  // What remains will arrive and libvirt end this side, or it says that it failed.
  if (here.pausedFor === 'post-copy') return { step: 'wait' };
  // Neither side has all of its memory, and none will ever have.
  if (here.pausedFor === 'post-copy-failed') return { step: 'end-here' };
  if (here.busy) return { step: 'abort' };
  // A guest that was handed over has gone on: what stands still here is its past.
  if (!here.running && there?.running && here.pausedFor !== 'other') return { step: 'end-here' };
  // It never ran there; or it did, and this side was told of a failure and went on: then this side is the one in use.
  if (there !== undefined) return { step: 'end-there' };
  return here.pausedFor === 'migration' ? { step: 'resume-here' } : { owner: 'here' };
}

function judgeThere(there: Sight | undefined): { readonly step: Step } | { readonly owner: Owner } {
  if (there === undefined) return { owner: 'nowhere' };
  if (there.running) return { owner: 'there' };
  if (there.busy) return { step: 'wait' };
  // Paused by somebody: not our business. Anything else never got all of its memory.
  return there.pausedFor === 'other' ? { owner: 'there' } : { step: 'end-there' };
}
