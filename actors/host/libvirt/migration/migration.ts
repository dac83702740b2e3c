/** The Migration part of the libvirt driver: how others reach this host, moving a domain away, settling what was interrupted. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestAgent } from '../../agent/mod.ts';
import { checkName } from '../../check-spec.ts';
import { CapabilityMissing } from '../../errors.ts';
import type {
  Checkpoints,
  Migration,
  MigrationOptions,
  MigrationReport,
  MigrationTarget,
} from '../../port/mod.ts';
import type { Access } from '../access.ts';
import type { Connection } from '../binding/mod.ts';
import { translate } from '../failures.ts';
import type { LifecycleFeed } from '../lifecycle-feed.ts';
import { copyMode } from './copy-mode.ts';
import { removeFiles } from './disks.ts';
import { type Departure, Departures } from './journal.ts';
import { Move } from './move.ts';
import { prepare, type Source } from './prepare.ts';
import type { CopyMode } from './request.ts';
import { settle } from './settle.ts';
import { find, look, openTarget } from './sides.ts';
import type { Owner } from './verdict.ts';

/** How other hosts reach this one, when they do not share its file system. */
export interface Reach {
  /** libvirt of this host as others connect to it: `qemu+tls://host/system`. */
  readonly uri: string;
  /** Where its QEMUs listen for guests that come: an address in a network of the grid's own. */
  readonly address: string;
  /** Whether QEMU encrypts what it sends; certificates as qemu.conf says. */
  readonly tls: boolean;
}

interface LibvirtMigrationOptions {
  readonly uri: string;
  readonly runDir: string;
  readonly storeDir: string;
  readonly reach: Reach | undefined;
  readonly acceleration: 'kvm' | 'tcg';
  readonly soundDirtyTracking: boolean;
  readonly access: () => Access;
  readonly feed: LifecycleFeed;
  readonly checkpoints: () => Checkpoints;
  readonly agent: (name: string, signal: AbortSignal) => Promise<GuestAgent>;
  /** Removes the files of a domain in the run folder. */
  readonly tidy: (name: string) => Promise<void>;
}

export class LibvirtMigration implements Migration {
  readonly #options: LibvirtMigrationOptions;
  readonly #departures: Departures;
  readonly #folder: string;

  constructor(options: LibvirtMigrationOptions) {
    this.#options = options;
    this.#folder = join(options.runDir, 'migration');
    this.#departures = new Departures(this.#folder);
  }

  async target(): Promise<MigrationTarget> {
    const { reach, runDir, storeDir, uri } = this.#options;
    this.#requireQemu();
    const host = await this.#hostname();
    if (reach !== undefined) {
      const { address, tls } = reach;
      return { host, uri: reach.uri, via: { kind: 'tcp', address, tls }, runDir, storeDir };
    }
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    return { host, uri: socketUri(uri), via: { kind: 'unix', folder: this.#folder }, runDir, storeDir };
  }

  async migrate(
    name: string,
    target: MigrationTarget,
    options: MigrationOptions = {},
  ): Promise<MigrationReport> {
    checkName(name);
    this.#requireQemu();
    options.onProgress?.({ phase: 'preparing' });
    return await translated(name, async () => {
      const prepared = await prepare(this.#source(), name, target, options);
      await using _connections = prepared.connections;
      const { report } = await this.#options.feed.departing(name, async () => {
        const report = await new Move(this.#source(), prepared).run();
        return { report, owner: report.outcome === 'moved' ? 'there' : 'here' };
      });
      return report;
    });
  }

  async resolve(name: string, target: MigrationTarget): Promise<Owner> {
    checkName(name);
    this.#requireQemu();
    const departure = await this.#departures.read(name);
    return await translated(name, async () => {
      const { owner } = await this.#options.feed.departing(name, async () => ({
        owner: await this.#settle(name, target, departure),
      }));
      await this.#departures.remove(name);
      return owner;
    });
  }

  async #settle(name: string, target: MigrationTarget, departure: Departure | undefined): Promise<Owner> {
    const own = { ...target, uri: this.#options.uri, host: 'this host' };
    await using here = await openTarget(own);
    await using there = await openTarget(target);
    const uuid = departure?.uuid ?? (await uuidOf(here, name));
    // Of a domain that nobody knows here, whoever has it may be asked, but not be told.
    if (uuid === undefined) return (await look(there, name, undefined))?.running ? 'there' : 'nowhere';
    const settled = await settle({ here, there }, name, uuid);
    if (departure === undefined) return settled;
    const { image, xml, made, sockets } = departure;
    await removeFiles(sockets);
    if (settled !== 'there') await removeFiles(made);
    if (image === undefined) return settled;
    const owner = settled === 'nowhere' ? await restore(here, image, xml) : settled;
    await removeFiles([image]);
    return owner;
  }

  #source(): Source {
    const { uri, runDir, storeDir, checkpoints, agent, tidy } = this.#options;
    return {
      uri,
      runDir,
      storeDir,
      checkpoints,
      agent,
      tidy,
      departures: this.#departures,
      target: () => this.target(),
      hostname: () => this.#hostname(),
      mode: () => this.#mode(),
    };
  }

  #requireQemu(): void {
    if (new URL(this.#options.uri).protocol.startsWith('qemu')) return;
    throw new CapabilityMissing('migration', 'this libvirt does not run QEMU');
  }

  async #mode(): Promise<CopyMode> {
    if (this.#options.soundDirtyTracking) return 'live';
    const { hypervisor } = await this.#options.access().ask((connection) => connection.version());
    return copyMode(this.#options.acceleration, hypervisor);
  }

  #hostname(): Promise<string> {
    return this.#options.access().ask((connection) => connection.hostname());
  }
}

async function translated<T>(name: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    throw translate(error, name);
  }
}

async function uuidOf(connection: Connection, name: string): Promise<string | undefined> {
  using domain = await find(connection, name);
  return domain?.uuid;
}

/** An image that was not finished is none: libvirt refuses it, and the domain was not ended for it. */
async function restore(here: Connection, image: string, xml: string | undefined): Promise<Owner> {
  try {
    await here.restore(image, xml === undefined ? {} : { xml });
    return 'here';
  } catch {
    return 'nowhere';
  }
}

/** The URI by which another daemon on this machine connects to ours. */
function socketUri(uri: string): string {
  const url = new URL(uri);
  if (url.protocol !== 'qemu:' && url.protocol !== 'qemu+unix:') return uri;
  const socket = url.searchParams.get('socket');
  if (socket === null) {
    throw new CapabilityMissing(
      'migration',
      `others cannot be told how to reach libvirt at ${uri}`,
      'name its socket in the URI, ?socket=, or give `reach`',
    );
  }
  return `qemu+unix://${url.pathname}?socket=${socket}`;
}
