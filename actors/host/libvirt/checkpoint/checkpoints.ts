/** The Checkpoints of the libvirt driver. */
import { checkCheckpointId, checkKeep, checkName } from '../../check-spec.ts';
import { CheckpointDamaged, CheckpointNotFound, HypervisorError } from '../../errors.ts';
import type {
  Checkpoint,
  CheckpointCall,
  CheckpointOptions,
  Checkpoints,
  DomainSpec,
  DomainStatus,
} from '../../port/mod.ts';
import { DiskFiles, type DiskLayer } from '../disk/mod.ts';
import { signalOf, tellWhy } from './call.ts';
import type { Ground } from './ground.ts';
import { mergeLayers, sweepLayers } from './merge.ts';
import { noting } from './operation-note.ts';
import { recover } from './recover.ts';
import { describe } from './report.ts';
import { rollBack } from './roll-back.ts';
import { CheckpointStore } from './store.ts';
import { take } from './take.ts';
import { examine } from './verify.ts';

export interface StorageOptions extends Pick<Ground, 'access' | 'feed' | 'status'> {
  /** For disks and checkpoints. */
  readonly folder: string;
  /** Default: the machine's clock. */
  readonly now?: () => number;
}

/** Also keeps the domains' disks, which checkpoints freeze layer by layer. */
export class LibvirtCheckpoints implements Checkpoints {
  readonly #ground: Ground;

  private constructor(ground: Ground) {
    this.#ground = ground;
  }

  /** Clears up what earlier processes left unfinished. */
  static async open(options: StorageOptions): Promise<LibvirtCheckpoints> {
    const store = await CheckpointStore.open(options.folder);
    const disks = new DiskFiles((domain) => store.disks(domain));
    const ground = { now: Date.now, ...options, store, disks };
    await recover(ground);
    return new LibvirtCheckpoints(ground);
  }

  /** Makes the disks of a new domain for `start`; they go again if it fails. */
  async withDisks<T>(spec: DomainSpec, start: (disks: readonly DiskLayer[]) => Promise<T>): Promise<T> {
    if (spec.disks === undefined || spec.disks.length === 0) return await start([]);
    const { store, disks } = this.#ground;
    const { name, disks: wanted } = spec;
    return await noting(store.note(name), 'create', async () => {
      const made = await disks.create(name, wanted);
      try {
        return await start(made);
      } catch (error) {
        await disks.remove(made);
        throw error;
      }
    });
  }

  async take(domain: string, options: CheckpointOptions = {}): Promise<Checkpoint> {
    checkName(domain);
    const id = options.id ?? `at-${this.#ground.now()}`;
    checkCheckpointId(id);
    if (options.keep !== undefined) checkKeep(options.keep);
    return await take(this.#ground, domain, id, options);
  }

  async list(domain?: string): Promise<Checkpoint[]> {
    if (domain !== undefined) checkName(domain);
    const domains = domain === undefined ? await this.#ground.store.domains() : [domain];
    const lists = await Promise.all(domains.map((name) => this.#ground.store.list(name)));
    const manifests = lists.flat().sort((one, other) => one.at - other.at);
    return Promise.all(manifests.map((manifest) => describe(this.#ground, manifest)));
  }

  async verify(domain: string, id: string, options: CheckpointCall = {}): Promise<Checkpoint> {
    const { store, now } = this.#ground;
    checkName(domain);
    checkCheckpointId(id);
    const manifest = await store.find(domain, id);
    if (manifest === undefined) throw new CheckpointNotFound(domain, id);
    const { onProgress } = options;
    const wrong = await examine(this.#ground, manifest, {
      whole: true,
      signal: signalOf(options),
      ...(onProgress && { onProgress: (done: number) => onProgress({ phase: 'verifying', done }) }),
    }).catch((error: unknown) => {
      throw tellWhy(error, options, (why, cause) => {
        const message = `checkpoint ${id} of ${domain} was not verified: ${why}`;
        return new HypervisorError(message, { retryable: true, cause });
      });
    });
    if (wrong !== undefined) throw new CheckpointDamaged(domain, id, wrong);
    const verified = { ...manifest, verifiedAt: now() };
    await store.update(verified);
    return describe(this.#ground, verified);
  }

  async rollBack(domain: string, id: string, options: CheckpointCall = {}): Promise<DomainStatus> {
    checkName(domain);
    checkCheckpointId(id);
    return await rollBack(this.#ground, domain, id, options);
  }

  async remove(domain: string, id: string): Promise<void> {
    checkName(domain);
    checkCheckpointId(id);
    const { store } = this.#ground;
    const manifest = await store.find(domain, id);
    await store.remove(domain, id);
    if ((manifest?.disks.length ?? 0) > 0) {
      await noting(store.note(domain), 'merge', () =>
        mergeLayers(this.#ground, domain, new AbortController().signal),
      );
    }
    await store.tidy(domain);
  }

  /** The domain is gone for good: its disks are, but for what its checkpoints need. */
  async forget(domain: string): Promise<void> {
    await sweepLayers(this.#ground, domain);
    await this.#ground.store.tidy(domain);
  }
}
