/** The files of domains' disks: made, layered, and removed when nothing needs them. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HypervisorError } from '../../errors.ts';
import type { DiskSpec } from '../../port/mod.ts';
import { type ImageHeader, readImageHeader } from './image-header.ts';
import { createImage } from './image-tool.ts';

/** One file of a disk: the guest writes the uppermost, and reads through it what lies below. */
export interface DiskLayer {
  /** `vda`. */
  readonly target: string;
  /** Absolute. */
  readonly path: string;
}

const MIB = 1024 * 1024;
/** `vda.0.qcow2`: target and number of the layer. */
const LAYER = /^(vd[a-z])\.(\d+)\.qcow2$/;

export class DiskFiles {
  readonly #folder: (domain: string) => string;

  /** `folder` gives a domain's folder for disks. */
  constructor(folder: (domain: string) => string) {
    this.#folder = folder;
  }

  /** The first layers of a new domain's disks. Errors name the field; nothing is left behind then. */
  async create(domain: string, disks: readonly DiskSpec[]): Promise<DiskLayer[]> {
    const made: DiskLayer[] = [];
    try {
      for (const [index, disk] of disks.entries()) {
        const backing = await readBase(disk, `disks[${index}]`);
        made.push(await this.#make(domain, targetOf(index), { sizeMiB: disk.sizeMiB, ...backing }));
      }
      return made;
    } catch (error) {
      await this.remove(made);
      throw error;
    }
  }

  /** An empty layer on `below`, which nobody may write from now on. */
  overlay(domain: string, below: DiskLayer): Promise<DiskLayer> {
    return this.#make(domain, below.target, { backing: { path: below.path, format: 'qcow2' } });
  }

  /** Where the next layer of a disk goes; nothing is made. */
  async nextLayer(domain: string, target: string): Promise<DiskLayer> {
    const numbers = (await this.#names(domain))
      .map((name) => LAYER.exec(name))
      .map((found) => ({
        target: found?.[1],
        number: Number(found?.[2]),
      }));
    const used = numbers.filter((one) => one.target === target).map(({ number }) => number);
    const path = join(this.#folder(domain), `${target}.${Math.max(-1, ...used) + 1}.qcow2`);
    return { target, path };
  }

  /** The domain's layers, each with the file it lies on. */
  async layers(domain: string): Promise<ReadonlyMap<string, string | undefined>> {
    const layers = new Map<string, string | undefined>();
    for (const name of await this.#names(domain)) {
      const path = join(this.#folder(domain), name);
      const header = await readImageHeader(path).catch(() => undefined);
      layers.set(path, header?.backing);
    }
    return layers;
  }

  /** Removes every layer that none of `needed` is or lies on. */
  async sweep(domain: string, needed: Iterable<string>): Promise<void> {
    const layers = await this.layers(domain);
    const kept = withBelow(needed, layers);
    for (const path of layers.keys()) if (!kept.has(path)) await rm(path, { force: true });
  }

  async remove(layers: readonly DiskLayer[]): Promise<void> {
    for (const { path } of layers) await rm(path, { force: true });
  }

  async #make(
    domain: string,
    target: string,
    image: Omit<Parameters<typeof createImage>[0], 'path'>,
  ): Promise<DiskLayer> {
    const layer = await this.nextLayer(domain, target);
    await mkdir(dirname(layer.path), { recursive: true, mode: 0o700 });
    try {
      await createImage({ path: layer.path, ...image });
    } catch (error) {
      await this.remove([layer]);
      throw error;
    }
    return layer;
  }

  async #names(domain: string): Promise<string[]> {
    const names = await readdir(this.#folder(domain)).catch(() => []);
    return names.filter((name) => LAYER.test(name));
  }
}

/** The files of `tops` and all that they lie on. */
export function withBelow(
  tops: Iterable<string>,
  layers: ReadonlyMap<string, string | undefined>,
): ReadonlySet<string> {
  const found = new Set<string>();
  for (const top of tops) {
    for (let at: string | undefined = top; at !== undefined && !found.has(at); at = layers.get(at)) {
      found.add(at);
    }
  }
  return found;
}

function targetOf(index: number): string {
  return `vd${String.fromCharCode('a'.charCodeAt(0) + index)}`;
}

async function readBase(disk: DiskSpec, field: string) {
  const { base, sizeMiB } = disk;
  if (base === undefined) return {};
  let header: ImageHeader;
  try {
    header = await readImageHeader(base);
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw refusal(`${field}.base cannot be read (${why}): ${base}`, `${field}.base`, 'an image that exists');
  }
  const least = Math.ceil(header.sizeBytes / MIB);
  if (sizeMiB < least) {
    throw refusal(
      `${field}.sizeMiB cannot be ${sizeMiB}: its base has ${least} MiB`,
      `${field}.sizeMiB`,
      `at least ${least}`,
    );
  }
  return { backing: { path: base, format: header.format } };
}

function refusal(message: string, field: string, hint: string): HypervisorError {
  return new HypervisorError(message, { field, hint }, 'invalid-field');
}
