/** Randomness from a seed: the same seed gives the same numbers on every machine. */

/** sfc32 by Chris Doty-Humphrey (PractRand), seeded through Murmur3's finaliser. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = scramble(seed ^ 0x9e3779b9);
    this.#b = scramble(this.#a ^ Math.floor(seed / 2 ** 32));
    this.#c = scramble(this.#b ^ seed);
    for (let i = 0; i < 12; i++) this.#next();
  }

  /** A generator of its own for `purpose`: what is drawn from it does not move what is drawn from this one. */
  fork(purpose: string): Random {
    let seed = this.#a ^ this.#b ^ this.#c;
    for (let i = 0; i < purpose.length; i++) seed = scramble(seed ^ purpose.charCodeAt(i));
    return new Random(seed);
  }

  /** In [0, 1). */
  random(): number {
    return this.#next() / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  /** In [`low`, `high`). */
  between(low: number, high: number): number {
    return low + this.random() * (high - low);
  }

  /** True with `probability`; draws a number only when that is neither 0 nor 1. */
  chance(probability: number): boolean {
    if (probability <= 0) return false;
    return probability >= 1 || this.random() < probability;
  }

  /** `choices` must not be empty. */
  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.random() * choices.length)] as T;
  }

  /** Time between events that come by themselves, on average every `mean`. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.random());
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }
}

function scramble(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) | 0;
}
