/** What must hold before a migration begins, and what is known of both sides then. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { GuestAgent } from '../../agent/mod.ts';
import { DomainNotFound, HypervisorUnavailable, MigrationRefused } from '../../errors.ts';
import type { Checkpoints, MigrationOptions, MigrationTarget } from '../../port/mod.ts';
import {
  type Connection,
  type Domain,
  DomainState,
  VIR_DOMAIN_JOB_NONE,
  VIR_DOMAIN_XML_MIGRATABLE,
  VIR_DOMAIN_XML_SECURE,
} from '../binding/mod.ts';
import { destinationXml, type LocalDisk, localDisks } from './destination-xml.ts';
import { type DiskPlan, planDisks } from './disks.ts';
import type { Departures } from './journal.ts';
import type { CopyMode } from './request.ts';
import { find, hostUuid, look, openTarget } from './sides.ts';

/** The driver, as migration sees it. */
export interface Source {
  readonly uri: string;
  readonly runDir: string;
  readonly storeDir: string;
  readonly departures: Departures;
  readonly checkpoints: () => Checkpoints;
  readonly agent: (name: string, signal: AbortSignal) => Promise<GuestAgent>;
  /** How others reach this host. */
  readonly target: () => Promise<MigrationTarget>;
  readonly hostname: () => Promise<string>;
  readonly mode: () => Promise<CopyMode>;
  /** Removes what a domain that lives elsewhere now has left in the run folder. */
  readonly tidy: (name: string) => Promise<void>;
}

interface Connections extends AsyncDisposable {
  /** To our daemon: for the call that takes all the time. */
  readonly call: Connection;
  /** To our daemon: asks and aborts meanwhile. */
  readonly watch: Connection;
  readonly there: Connection;
}

export interface Prepared {
  readonly name: string;
  readonly uuid: string;
  /** Name of this host. */
  readonly from: string;
  /** Names files and sockets of this migration. */
  readonly id: string;
  readonly target: MigrationTarget;
  readonly options: MigrationOptions;
  readonly connections: Connections;
  readonly xml: { readonly here: string; readonly there: string };
  readonly disks: readonly LocalDisk[];
  readonly plans: readonly DiskPlan[];
  readonly mode: CopyMode;
}

/** How long the guest may take to answer before anything is begun. */
const ANSWER_MS = 10_000;

/** Rejects with DomainNotFound, MigrationRefused, or HypervisorUnavailable if our own daemon cannot be reached. */
export async function prepare(
  source: Source,
  name: string,
  target: MigrationTarget,
  options: MigrationOptions,
): Promise<Prepared> {
  if (options.signal?.aborted) throw new MigrationRefused(name, 'it was cancelled');
  await using opening = new AsyncDisposableStack();
  const connections = await connect(source.uri, name, target);
  opening.use(connections);
  const { watch, there } = connections;
  await refuseSelf(name, watch, there);
  using domain = await find(watch, name);
  if (domain === undefined || (await look(watch, name, undefined)) === undefined)
    throw new DomainNotFound(name);
  await refuseBusy(domain);
  await makeWay(there, name, domain.uuid, target.host);
  await refuseSilent(source, name);
  const here = await domain.xml(VIR_DOMAIN_XML_MIGRATABLE | VIR_DOMAIN_XML_SECURE);
  const disks = options.copyStorage === false ? [] : localDisks(here, source);
  const prepared = {
    name,
    uuid: domain.uuid,
    from: await source.hostname(),
    mode: await source.mode(),
    id: randomUUID().slice(0, 8),
    target,
    options,
    connections,
    xml: { here, there: destinationXml(here, source, target) },
    disks,
    plans: await planDisks(domain, disks, source, target),
  };
  opening.move();
  return prepared;
}

/** Where the memory of a cold migration goes: a folder that both sides see. */
export function imageOf({ target, id, name }: Prepared): string {
  if (target.via.kind === 'unix') return join(target.via.folder, `${id}.save`);
  throw new MigrationRefused(name, 'a cold migration needs a folder that both hosts see', {
    field: 'target.via',
    hint: 'migrate live',
  });
}

async function connect(uri: string, name: string, target: MigrationTarget): Promise<Connections> {
  await using opening = new AsyncDisposableStack();
  const own = async () => opening.use(await openTarget({ ...target, uri, host: 'this host' }));
  const call = await own();
  const watch = await own();
  const there = opening.use(await openTarget(target).catch((error: unknown) => refuseTarget(name, error)));
  const opened = opening.move();
  return { call, watch, there, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function refuseTarget(name: string, error: unknown): never {
  if (!(error instanceof HypervisorUnavailable)) throw error;
  throw new MigrationRefused(name, error.message, { hint: error.hint, retryable: true, cause: error });
}

async function refuseSelf(name: string, here: Connection, there: Connection): Promise<void> {
  if ((await hostUuid(here)) !== (await hostUuid(there))) return;
  throw new MigrationRefused(name, 'the target is this host', {
    field: 'target.uri',
    hint: 'name another host; libvirt tells hosts apart by their host_uuid',
  });
}

async function refuseBusy(domain: Domain): Promise<void> {
  const { state } = await domain.state();
  if (state !== DomainState.running && state !== DomainState.blocked) {
    throw new MigrationRefused(domain.name, 'it does not run', { hint: 'resume it' });
  }
  if ((await domain.jobInfo()).type !== VIR_DOMAIN_JOB_NONE) {
    throw new MigrationRefused(domain.name, 'libvirt has something else under way with it', {
      retryable: true,
    });
  }
}

/** What an earlier attempt left of this very domain at the target never ran; anything else keeps its name. */
async function makeWay(there: Connection, name: string, uuid: string, host: string): Promise<void> {
  using taken = await find(there, name);
  if (taken === undefined) return;
  const sight = taken.uuid === uuid ? await look(there, name, uuid) : undefined;
  if (sight === undefined || sight.running || sight.pausedFor === 'other') {
    throw new MigrationRefused(name, `${host} runs another domain of that name`, {
      hint: 'end that one, or choose another host',
    });
  }
  await taken.destroy();
}

/** Of a guest that does not answer it cannot be told afterwards whether it lives. */
async function refuseSilent(source: Source, name: string): Promise<void> {
  try {
    const agent = await source.agent(name, AbortSignal.timeout(ANSWER_MS));
    await agent.stats();
  } catch (cause) {
    throw new MigrationRefused(name, 'its guest does not answer', {
      hint: 'wait until it has booted',
      retryable: true,
      cause,
    });
  }
}
