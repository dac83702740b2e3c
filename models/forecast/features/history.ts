/** The last values of one series in a ring, addressed by the absolute step at which they came. */

/** Steps kept: two minutes at 250 ms, four cycles of the longest period that is looked for. */
export const HISTORY = 512;

export class History {
  readonly #values = new Float32Array(HISTORY);
  #count = 0;

  /** Steps seen so far; the newest value is at `count - 1`. */
  get count(): number {
    return this.#count;
  }

  /** The oldest step still kept. */
  get first(): number {
    return Math.max(0, this.#count - HISTORY);
  }

  push(value: number): void {
    this.#values[this.#count % HISTORY] = value;
    this.#count++;
  }

  /** The value of a step from `first` to `count - 1`. */
  at(step: number): number {
    return this.#values[step % HISTORY]!;
  }

  /** Smallest and largest of the last `steps` values. */
  range(steps: number): { readonly low: number; readonly high: number } {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let step = Math.max(this.first, this.#count - steps); step < this.#count; step++) {
      const value = this.at(step);
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return { low, high };
  }
}
