/** The ways back for a guest that has left and does not answer where it is. Each rejects if there is none. */
import { GuestUnreachable, MigrationLost } from '../../errors.ts';
import { destinationXml } from './destination-xml.ts';
import { removeFiles } from './disks.ts';
import { migrateLive } from './live.ts';
import type { Prepared, Source } from './prepare.ts';
import { migrationRequest } from './request.ts';
import { openTarget, withDomain } from './sides.ts';

const BACK_MS = 60_000;

/** A state that was saved before it left. */
export type Saved =
  | { readonly kind: 'image'; readonly path: string }
  | { readonly kind: 'checkpoint'; readonly id: string };

/** Ends it at the target and makes it again here as it was when it was saved. */
export async function restoreHere(source: Source, move: Prepared, saved: Saved): Promise<void> {
  const { name, connections } = move;
  await withDomain(connections.there, name, (domain) => domain.destroy());
  if (saved.kind === 'checkpoint') await source.checkpoints().rollBack(name, saved.id);
  else await connections.watch.restore(saved.path, { xml: move.xml.here });
}

/** Brings it back as it is: it may have been the other QEMU that it did not get along with. */
export async function migrateBack(source: Source, move: Prepared): Promise<void> {
  const { name, id, target, options, connections, mode } = move;
  await using call = await openTarget(target);
  const disks = move.disks.map((disk) => disk.target);
  const xml = destinationXml(move.xml.there, target, source);
  const request = migrationRequest(await source.target(), options, { id: `${id}b`, xml, disks, mode });
  const deadline = performance.now() + BACK_MS;
  const { failure } = await migrateLive({ call, watch: connections.there }, name, request, { deadline });
  await removeFiles(request.sockets);
  if (failure !== undefined)
    throw new MigrationLost(name, `it cannot be brought back: ${failure.why}`, failure.cause);
}

/** Asks the guest here; a guest that does not answer here either is lost. */
export async function answersHere(source: Source, move: Prepared, ms: number): Promise<void> {
  const signal = AbortSignal.timeout(Math.ceil(ms));
  const agent = await source.agent(move.name, signal);
  await agent.stats();
  if (signal.aborted) throw new GuestUnreachable(move.name, 'it answered too late');
}
