/** Room for a memory image: how much it may take, whether it is there, and word when it runs out meanwhile. */
import { statfs } from 'node:fs/promises';
import { NoSpace } from '../../errors.ts';
import type { Domain } from '../binding/mod.ts';

const MIB = 1024 * 1024;
/** Device state, libvirt's XML, and pages that the guest writes while its memory is copied: those go out twice. */
const MARGIN = { share: 0.15, mib: 24 };
/** Below this the rest of the host needs what is left. */
const RESERVE_MIB = 8;
const WATCH_MS = 50;

/** Most that an image of the domain takes, MiB: pages that were never written take nothing. */
export async function imageMiB(domain: Domain, memoryMiB: number): Promise<number> {
  const { rss } = await domain.memoryStats();
  const used = rss === undefined ? memoryMiB : Math.min(memoryMiB, rss / 1024);
  return used * (1 + MARGIN.share) + MARGIN.mib;
}

/** Throws {@link NoSpace}. */
export async function checkSpace(folder: string, neededMiB: number): Promise<void> {
  const free = await freeMiB(folder);
  if (free < neededMiB + RESERVE_MIB) throw new NoSpace(folder, neededMiB + RESERVE_MIB, free);
}

/** Aborts with {@link NoSpace} as its reason when the disk runs full; dispose of it when done. */
export class SpaceWatch implements Disposable {
  readonly #abort = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(folder: string, neededMiB: number) {
    this.#timer = setInterval(async () => {
      const free = await freeMiB(folder).catch(() => Number.POSITIVE_INFINITY);
      if (free < RESERVE_MIB) this.#abort.abort(new NoSpace(folder, neededMiB, free));
    }, WATCH_MS);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

async function freeMiB(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return (bavail * bsize) / MIB;
}
