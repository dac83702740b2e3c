/** Brings two hosts to where exactly one runs a domain, whatever state a migration was left in. */
import { setTimeout as delay } from 'node:timers/promises';
import { HypervisorUnavailable } from '../../errors.ts';
import { type Connection, LibvirtError } from '../binding/mod.ts';
import { look, withDomain } from './sides.ts';
import { judge, type Owner, type Step } from './verdict.ts';

interface Sides {
  /** Not the connection of a call that is under way: it would wait for that. */
  readonly here: Connection;
  readonly there: Connection;
}

const POLL_MS = 50;
const DEADLINE_MS = 30_000;

/**
 * Ends, aborts and resumes until one side is left. `uuid` as for look.
 * Rejects with what a side throws, and with HypervisorUnavailable if they do not come to rest.
 */
export async function settle(sides: Sides, name: string, uuid: string | undefined): Promise<Owner> {
  for (const deadline = performance.now() + DEADLINE_MS; ; await delay(POLL_MS)) {
    const [here, there] = await Promise.all([look(sides.here, name, uuid), look(sides.there, name, uuid)]);
    const verdict = judge(here, there);
    if ('owner' in verdict) return verdict.owner;
    if (performance.now() > deadline) {
      throw new HypervisorUnavailable(
        `the migration of ${name} does not come to rest`,
        `see what both hosts have of it: the next step would be ${verdict.step}`,
      );
    }
    await take(verdict.step, sides, name);
  }
}

async function take(step: Step, { here, there }: Sides, name: string): Promise<void> {
  switch (step) {
    case 'abort':
      return withDomain(here, name, (domain) => domain.abortJob().catch(overtaken));
    case 'end-here':
      return withDomain(here, name, (domain) => domain.destroy());
    case 'end-there':
      return withDomain(there, name, (domain) => domain.destroy());
    case 'resume-here':
      return withDomain(here, name, (domain) => domain.resume().catch(overtaken));
    case 'wait':
      return;
  }
}

/** libvirt may have gone on by itself since the look: the next one tells. */
function overtaken(error: unknown): void {
  if (!(error instanceof LibvirtError)) throw error;
}
