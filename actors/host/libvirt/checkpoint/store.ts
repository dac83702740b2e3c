/** Where checkpoints lie: a folder for each domain and checkpoint. One with a manifest is whole, any other a leftover. */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { HypervisorError } from '../../errors.ts';
import { type Manifest, manifestSchema } from './manifest.ts';

const MANIFEST = 'checkpoint.json';

export class CheckpointStore {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes `folder`, for its owner only: guests' memory holds their secrets. */
  static async open(folder: string): Promise<CheckpointStore> {
    if (!isAbsolute(folder)) {
      const options = { field: 'storeDir', hint: 'an absolute path' };
      throw new HypervisorError(`storeDir cannot be ${folder}`, options, 'invalid-field');
    }
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new CheckpointStore(folder);
  }

  /** Names of the domains that have anything here. */
  async domains(): Promise<string[]> {
    const entries = await readdir(this.folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  disks(domain: string): string {
    return join(this.folder, domain, 'disks');
  }

  memory(domain: string, id: string): string {
    return join(this.#checkpoint(domain, id), 'memory');
  }

  /** Where the memory is written until it is known to be whole. */
  partial(domain: string, id: string): string {
    return `${this.memory(domain, id)}.partial`;
  }

  /** The image to fall back on while a domain is rolled back. */
  safety(domain: string): string {
    return join(this.folder, domain, 'safety');
  }

  /** Note of the operation under way. */
  note(domain: string): string {
    return join(this.folder, domain, 'operation.json');
  }

  async begin(domain: string, id: string): Promise<void> {
    await mkdir(this.#checkpoint(domain, id), { recursive: true, mode: 0o700 });
  }

  /** Oldest first. */
  async list(domain: string): Promise<Manifest[]> {
    const found: Manifest[] = [];
    for (const id of await this.#ids(domain)) {
      const manifest = await this.find(domain, id);
      if (manifest !== undefined) found.push(manifest);
    }
    return found.sort((one, other) => one.at - other.at || (one.id < other.id ? -1 : 1));
  }

  /** Undefined if there is none, or what there is cannot be read. */
  async find(domain: string, id: string): Promise<Manifest | undefined> {
    const text = await readFile(join(this.#checkpoint(domain, id), MANIFEST), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      return manifestSchema.parse(JSON.parse(text));
    } catch {
      return undefined;
    }
  }

  /** From now on the checkpoint exists: the memory gets its name, then the manifest is put in place at once. */
  async publish(manifest: Manifest): Promise<void> {
    const { domain, id } = manifest;
    await rename(this.partial(domain, id), this.memory(domain, id));
    await this.update(manifest);
  }

  async update(manifest: Manifest): Promise<void> {
    const folder = this.#checkpoint(manifest.domain, manifest.id);
    const path = join(folder, MANIFEST);
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(manifest));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    await syncFolder(folder);
    await syncFolder(join(folder, '..'));
  }

  /** The manifest goes first: what is left of an interrupted removal is a leftover. */
  async remove(domain: string, id: string): Promise<void> {
    const folder = this.#checkpoint(domain, id);
    await rm(join(folder, MANIFEST), { force: true });
    await rm(folder, { recursive: true, force: true });
  }

  /** Removes what never became a checkpoint, or was being removed. A manifest that cannot be read is kept for people. */
  async removeLeftovers(domain: string): Promise<void> {
    for (const id of await this.#ids(domain)) {
      const folder = this.#checkpoint(domain, id);
      const whole = await stat(join(folder, MANIFEST)).catch(() => undefined);
      if (whole === undefined) await rm(folder, { recursive: true, force: true });
    }
  }

  /** Removes the domain's folders if there is nothing in them. */
  async tidy(domain: string): Promise<void> {
    const folder = join(this.folder, domain);
    for (const path of [join(folder, 'checkpoints'), join(folder, 'disks'), folder]) {
      const names = await readdir(path).catch(() => undefined);
      if (names?.length === 0) await rm(path, { recursive: true, force: true });
    }
  }

  async #ids(domain: string): Promise<string[]> {
    return readdir(join(this.folder, domain, 'checkpoints')).catch(() => []);
  }

  #checkpoint(domain: string, id: string): string {
    return join(this.folder, domain, 'checkpoints', id);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
