/** One migration from its first step to its report: over, and found alive there; or back. */
import { join } from 'node:path';
import { HypervisorUnavailable, MigrationLost } from '../../errors.ts';
import type { MigrationProgress, MigrationReport } from '../../port/mod.ts';
import { VIR_DOMAIN_JOB_STATS_COMPLETED } from '../binding/mod.ts';
import { nothingBegun } from '../failures.ts';
import { restoreThere, saveCold } from './cold.ts';
import { relocate } from './destination-xml.ts';
import { makeDisks, removeFiles } from './disks.ts';
import { migrateLive } from './live.ts';
import { imageOf, type Prepared, type Source } from './prepare.ts';
import { askAgent, probeOrWake } from './probe.ts';
import { migrationRequest } from './request.ts';
import { settle } from './settle.ts';
import { look, withDomain } from './sides.ts';
import { answersHere, migrateBack, restoreHere, type Saved } from './way-back.ts';

const DEADLINE_MS = 120_000;
const PROBE_MS = 30_000;
/** The one taken for a migration displaces none that somebody asked for. */
const KEEP = 1000;

type Method = MigrationReport['method'];

/** What is known of the journey so far. */
interface Journey {
  readonly method: Method;
  readonly copiedMiB: number;
  readonly downtimeMs: number;
}

export class Move {
  readonly #source: Source;
  readonly #move: Prepared;
  readonly #began = performance.now();
  readonly #deadline: number;
  /** Whether the target could not be asked at the end. */
  #unsettled = false;

  constructor(source: Source, move: Prepared) {
    this.#source = source;
    this.#move = move;
    this.#deadline = this.#began + (move.options.deadlineMs ?? DEADLINE_MS);
  }

  /** Rejects with MigrationLost, or HypervisorUnavailable where it cannot be known who runs the domain. */
  async run(): Promise<MigrationReport> {
    const { cold = 'never', wayBack = 'none' } = this.#move.options;
    if (cold === 'only') return await this.#cold();
    const id = `before-${this.#move.id}`;
    const { name } = this.#move;
    const { checkpoints } = this.#source;
    if (wayBack === 'none') return await this.#live();
    await checkpoints().take(name, { id, keep: KEEP });
    const remove = () => checkpoints().remove(name, id);
    try {
      const report = await this.#live({ kind: 'checkpoint', id });
      await remove();
      return report;
    } catch (error) {
      // As long as it may be needed it stays.
      if (nothingBegun(error)) await remove();
      throw error;
    }
  }

  async #live(saved?: Saved): Promise<MigrationReport> {
    const { name, uuid, id, target, options, connections, xml, disks, plans, mode } = this.#move;
    const request = migrationRequest(target, options, {
      id,
      xml: xml.there,
      disks: disks.map((disk) => disk.target),
      mode,
    });
    const made = plans.map(({ path }) => path);
    await makeDisks(name, plans);
    await this.#source.departures.write(name, {
      uuid,
      target: target.uri,
      made,
      sockets: request.sockets,
    });
    const course = await migrateLive(connections, name, request, { ...options, deadline: this.#deadline });
    await removeFiles(request.sockets);
    const method = mode === 'stopped' ? 'stopped' : course.postCopy ? 'post-copy' : 'pre-copy';
    const journey = { method, copiedMiB: course.copiedMiB, downtimeMs: 0 } as const;
    const { failure } = course;
    const owner = failure === undefined ? 'there' : await this.#settle(failure.cause);
    if (owner === 'there') return await this.#arrived({ ...journey, ...(await this.#completed()) }, saved);
    if (!this.#unsettled) await removeFiles(made);
    const why = failure?.why ?? 'it was gone when it had arrived';
    if (owner === 'nowhere') return await this.#bringBack(journey, why, saved, failure?.cause);
    const { cold = 'never' } = options;
    if (cold === 'fallback' && failure?.mayGoCold && target.via.kind === 'unix' && !this.#unsettled)
      return await this.#cold();
    return await this.#report('returned', journey, why);
  }

  async #cold(): Promise<MigrationReport> {
    const { name, uuid, target, options, connections, xml, disks } = this.#move;
    const image = imageOf(this.#move);
    const folders = { from: this.#source, to: target };
    const made = disks.map(({ path }) => relocate(path, folders.from, folders.to));
    await this.#source.departures.write(name, {
      uuid,
      target: target.uri,
      image,
      xml: xml.here,
      made,
      sockets: [],
    });
    this.#tell('cold');
    const cold = { name, image, xml, disks, folders };
    const stopped = performance.now();
    try {
      const deadlineMs = Math.max(1, Math.ceil(this.#deadline - stopped));
      await saveCold(cold, connections, { signal: options.signal, deadlineMs });
    } catch (error) {
      return await this.#report('returned', { method: 'cold', copiedMiB: 0, downtimeMs: 0 }, reason(error));
    }
    const saved: Saved = { kind: 'image', path: image };
    const journey = (): Journey => ({
      method: 'cold',
      copiedMiB: 0,
      downtimeMs: performance.now() - stopped,
    });
    try {
      await restoreThere(cold, connections.there);
    } catch (error) {
      await removeFiles(made);
      return await this.#bringBack(journey(), reason(error), saved, error);
    }
    return await this.#arrived(journey(), saved);
  }

  /** Who runs it after a failure. A target that cannot be asked has nothing that runs unless this side has not. */
  async #settle(cause: unknown) {
    const { name, uuid, connections } = this.#move;
    try {
      return await settle({ here: connections.watch, there: connections.there }, name, uuid);
    } catch (error) {
      this.#unsettled = true;
      const here = await look(connections.watch, name, uuid).catch(() => undefined);
      if (here?.running && !here.busy) return 'here';
      throw new HypervisorUnavailable(
        `it cannot be told whether ${name} runs here or on ${this.#move.target.host}: ${reason(error)}`,
        'call resolve when libvirt of both hosts answers',
        cause,
      );
    }
  }

  async #completed(): Promise<Partial<Journey>> {
    const { connections, name } = this.#move;
    let found: Partial<Journey> = {};
    await withDomain(connections.there, name, async (domain) => {
      const { parameters } = await domain.jobStats(VIR_DOMAIN_JOB_STATS_COMPLETED);
      const copied = Number(parameters.memory_processed ?? 0) + Number(parameters.disk_processed ?? 0);
      found = { downtimeMs: Number(parameters.downtime ?? 0), copiedMiB: copied / 2 ** 20 };
    }).catch(() => {});
    return found;
  }

  async #arrived(journey: Journey, saved: Saved | undefined): Promise<MigrationReport> {
    const { name, target, options, connections, disks } = this.#move;
    this.#tell('probing');
    const socket = join(target.runDir, 'agent', `${name}.sock`);
    const ask = options.probe ?? ((signal: AbortSignal) => askAgent(socket, name, signal));
    const asked = performance.now();
    try {
      await probeOrWake(connections.there, name, ask, options.probeMs ?? PROBE_MS);
    } catch (error) {
      const why = `its guest did not answer on ${target.host}: ${reason(error)}`;
      return await this.#bringBack(journey, why, saved, error);
    }
    const answeredMs = performance.now() - asked;
    await removeFiles(disks.map(({ path }) => path));
    await this.#source.tidy(name);
    if (saved?.kind === 'image') await removeFiles([saved.path]);
    return { ...(await this.#report('moved', journey)), answeredMs };
  }

  async #bringBack(
    journey: Journey,
    why: string,
    saved: Saved | undefined,
    cause: unknown,
  ): Promise<MigrationReport> {
    const { name, connections, options } = this.#move;
    this.#tell('returning');
    try {
      if (saved !== undefined) await restoreHere(this.#source, this.#move, saved);
      else await migrateBack(this.#source, this.#move);
      await answersHere(this.#source, this.#move, options.probeMs ?? PROBE_MS);
    } catch (error) {
      const end = (connection: typeof connections.there) =>
        withDomain(connection, name, (domain) => domain.destroy());
      await Promise.all([end(connections.there), end(connections.watch)]);
      await this.#source.departures.remove(name);
      throw new MigrationLost(name, `${why}; ${reason(error)}`, cause);
    }
    if (saved?.kind === 'image') await removeFiles([saved.path]);
    return await this.#report('returned', journey, why);
  }

  async #report(
    outcome: MigrationReport['outcome'],
    journey: Journey,
    why?: string,
  ): Promise<MigrationReport> {
    const { name, from, target } = this.#move;
    if (!this.#unsettled) await this.#source.departures.remove(name);
    return {
      domain: name,
      from,
      to: target.host,
      outcome,
      ...journey,
      totalMs: performance.now() - this.#began,
      ...(why !== undefined && { why }),
      ...(this.#unsettled && { unsettled: true }),
    };
  }

  #tell(phase: MigrationProgress['phase']): void {
    this.#move.options.onProgress?.({ phase });
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
