/** Whatever is taken, rolled back and removed in whatever order: merging changes nothing that anybody reads. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Merge, nextMerge } from './next-merge.ts';

/** A disk: what each layer holds, what it lies on, which one is written, which checkpoints there are. */
class ModelDisk {
  readonly holds = new Map<string, Map<number, number>>();
  readonly layers = new Map<string, string | undefined>();
  readonly checkpoints = new Map<number, string>();
  written: string | undefined;
  #made = 0;

  constructor() {
    this.written = this.#add(undefined);
  }

  write(block: number, value: number): void {
    if (this.written !== undefined) this.holds.get(this.written)?.set(block, value);
  }

  take(id: number): void {
    if (this.written === undefined) return;
    this.checkpoints.set(id, this.written);
    this.written = this.#add(this.written);
  }

  rollBack(id: number): void {
    const layer = this.checkpoints.get(id);
    if (layer !== undefined) this.written = this.#add(layer);
  }

  merge({ lower, upper }: Merge): void {
    for (const [block, value] of this.holds.get(upper) ?? []) this.holds.get(lower)?.set(block, value);
    // QEMU moves only what it reads itself.
    const chain = this.chain();
    for (const [path, below] of this.layers) {
      if (below === upper && chain.includes(path)) this.layers.set(path, lower);
    }
    if (this.written === upper) this.written = lower;
    for (const [id, layer] of this.checkpoints) if (layer === upper) this.checkpoints.set(id, lower);
  }

  sweep(): void {
    const needed = new Set([...this.checkpoints.values(), this.written].flatMap((top) => this.#down(top)));
    for (const path of this.layers.keys()) if (!needed.has(path)) this.layers.delete(path);
  }

  chain(): string[] {
    return this.#down(this.written);
  }

  /** All that anybody can read. */
  seen(): unknown {
    const tops = [['written', this.written] as const, ...this.checkpoints];
    return tops.map(([name, top]) => {
      const blocks = new Map<number, number>();
      for (const layer of this.#down(top).reverse()) {
        for (const [block, value] of this.holds.get(layer) ?? []) blocks.set(block, value);
      }
      return [name, [...blocks].sort(([one], [other]) => one - other)];
    });
  }

  #down(top: string | undefined): string[] {
    return top === undefined ? [] : [top, ...this.#down(this.layers.get(top))];
  }

  #add(below: string | undefined): string {
    const path = `layer-${this.#made++}`;
    this.layers.set(path, below);
    this.holds.set(path, new Map());
    return path;
  }
}

const id = fc.nat(5);
const step = fc.oneof(
  fc.record({ do: fc.constant('write' as const), block: fc.nat(3), value: fc.nat(99) }),
  fc.record({ do: fc.constant('take' as const), id }),
  fc.record({ do: fc.constant('rollBack' as const), id }),
  fc.record({ do: fc.constant('remove' as const), id }),
  fc.record({ do: fc.constant('destroy' as const) }),
);

test('merging changes nothing that can be read, and comes to an end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const disk = new ModelDisk();
      for (const one of steps) {
        if (one.do === 'write') disk.write(one.block, one.value);
        else if (one.do === 'take') disk.take(one.id);
        else if (one.do === 'rollBack') disk.rollBack(one.id);
        else if (one.do === 'remove') disk.checkpoints.delete(one.id);
        else disk.written = undefined;
        const before = disk.seen();
        mergeAll(disk);
        expect(disk.seen()).toEqual(before);
      }
    }),
  );
});

test('of a domain that only goes forward, one layer stays for each checkpoint and one that is written', () => {
  const disk = new ModelDisk();
  for (let n = 0; n < 10; n++) {
    disk.write(n, n);
    disk.take(n);
    disk.checkpoints.delete(n - 3);
    mergeAll(disk);
    expect(disk.layers.size).toBe(Math.min(n + 1, 3) + 1);
  }
});

function mergeAll(disk: ModelDisk): void {
  for (let rounds = 0; ; rounds++) {
    expect(rounds).toBeLessThan(100);
    disk.sweep();
    const { layers } = disk;
    const chains = disk.written === undefined ? [] : [disk.chain()];
    const merge = nextMerge({ layers, frozen: new Set(disk.checkpoints.values()), chains });
    if (merge === undefined) return;
    const before = disk.seen();
    disk.merge(merge);
    expect(disk.seen()).toEqual(before);
  }
}
