/** Chooses which two layers of a disk to merge next, if any: no content that is needed may change by it. */

export interface Merge {
  /** Gets what `upper` holds. */
  readonly lower: string;
  readonly upper: string;
}

export interface Layers {
  /** Each layer, with what it lies on. */
  readonly layers: ReadonlyMap<string, string | undefined>;
  /** Layers that checkpoints are of. */
  readonly frozen: ReadonlySet<string>;
  /** Disks of the running domain: the layer that is written first, then what it lies on. */
  readonly chains: readonly (readonly string[])[];
}

/**
 * The lower one must be nobody's, and have nothing else on it. Of the upper one, either QEMU reads it, and moves what lies
 * on it (then there may be no branch beside that), or nothing lies on it.
 */
export function nextMerge({ layers, frozen, chains }: Layers): Merge | undefined {
  const written = new Set(chains.map(([top]) => top));
  const read = new Set(chains.flat());
  for (const lower of layers.keys()) {
    if (frozen.has(lower) || written.has(lower)) continue;
    const [upper, ...others] = above(lower, layers);
    if (upper === undefined || others.length > 0) continue;
    if (above(upper, layers).length <= (read.has(upper) && !written.has(upper) ? 1 : 0))
      return { lower, upper };
  }
  return undefined;
}

function above(path: string, layers: ReadonlyMap<string, string | undefined>): string[] {
  return [...layers].filter(([, below]) => below === path).map(([one]) => one);
}
