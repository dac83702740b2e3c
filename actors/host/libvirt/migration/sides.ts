/** The two hosts of a migration: what each has of the domain, and ending what is too much. */
import { HypervisorUnavailable } from '../../errors.ts';
import type { MigrationTarget } from '../../port/mod.ts';
import {
  Connection,
  type Domain,
  DomainState,
  LibvirtError,
  LibvirtMissing,
  VIR_DOMAIN_JOB_BOUNDED,
  VIR_DOMAIN_JOB_UNBOUNDED,
  VIR_DOMAIN_PAUSED_MIGRATION,
  VIR_DOMAIN_PAUSED_POSTCOPY,
  VIR_DOMAIN_PAUSED_POSTCOPY_FAILED,
  VIR_DOMAIN_PAUSED_STARTING_UP,
} from '../binding/mod.ts';
import { isGone } from '../failures.ts';
import { readMetadata } from '../status.ts';
import type { Sight } from './verdict.ts';

/** virDomainPausedReason. */
const PAUSED_FOR: Readonly<Record<number, Sight['pausedFor']>> = {
  [VIR_DOMAIN_PAUSED_MIGRATION]: 'migration',
  [VIR_DOMAIN_PAUSED_STARTING_UP]: 'starting',
  [VIR_DOMAIN_PAUSED_POSTCOPY]: 'post-copy',
  [VIR_DOMAIN_PAUSED_POSTCOPY_FAILED]: 'post-copy-failed',
};
const BUSY: ReadonlySet<number> = new Set([VIR_DOMAIN_JOB_BOUNDED, VIR_DOMAIN_JOB_UNBOUNDED]);

/** Connects to the daemon of a target. Rejects with HypervisorUnavailable. */
export async function openTarget(target: MigrationTarget): Promise<Connection> {
  try {
    return await Connection.open(target.uri);
  } catch (error) {
    if (!(error instanceof LibvirtError) && !(error instanceof LibvirtMissing)) throw error;
    throw new HypervisorUnavailable(
      `libvirt of ${target.host} at ${target.uri} cannot be reached: ${error.message}`,
      'see whether it runs, and whether this host may open its socket',
      error,
    );
  }
}

/** The host of a daemon, as libvirt tells hosts apart. */
export async function hostUuid(connection: Connection): Promise<string> {
  return /<host>\s*<uuid>([^<]*)</.exec(await connection.capabilities())?.[1] ?? '';
}

/** The domain of that name; undefined if there is none. Free it. */
export async function find(connection: Connection, name: string): Promise<Domain | undefined> {
  try {
    return await connection.lookupByName(name);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** What a side has of our domain of that name; `uuid`, where it is known, tells it from another's. */
export async function look(
  connection: Connection,
  name: string,
  uuid: string | undefined,
): Promise<Sight | undefined> {
  try {
    using domain = await find(connection, name);
    if (domain === undefined || (uuid !== undefined && domain.uuid !== uuid)) return undefined;
    if ((await readMetadata(domain)) === undefined) return undefined;
    const { state, reason } = await domain.state();
    const running = state === DomainState.running || state === DomainState.blocked;
    // A domain that arrives has no job to ask about.
    const job = await domain.jobInfo().catch(() => undefined);
    return {
      running,
      busy: job !== undefined && BUSY.has(job.type),
      ...(!running && { pausedFor: PAUSED_FOR[reason] ?? 'other' }),
    };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Does `task` to the domain if it is (still) there. */
export async function withDomain(
  connection: Connection,
  name: string,
  task: (domain: Domain) => Promise<unknown>,
): Promise<void> {
  try {
    using domain = await find(connection, name);
    if (domain !== undefined) await task(domain);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
