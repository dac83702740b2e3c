/** Cuts a series into phases of about constant level as values arrive. */

/** A phase that has ended. Its duration is the next one's start less its own. */
export interface Segment {
  /** First step of the phase. */
  readonly start: number;
  readonly duration: number;
  readonly level: number;
}

/** Phases kept: enough for several cycles of six phases. */
const KEPT = 48;
/** A deviation is a change when it exceeds this share of the range lately seen ... */
const RANGE_SHARE = 0.14;
/** ... and this many mean deviations of the noise ... */
const NOISE_FACTOR = 5;
/** ... but it is one in any case when it exceeds this share of the range: phases that were missed look like noise. */
const CERTAIN_SHARE = 0.33;
/** Mean absolute difference of two values next to each other, to mean absolute deviation (both of a Gaussian). */
const DIFFERENCE_TO_DEVIATION = Math.SQRT1_2;
/** Steps that an edge may pause: a further move in the same direction within them is still the same change. */
const EDGE = 2;
/** The same while a limit holds the series back: it climbs as fast as the limit is raised. */
const CENSORED_EDGE = 10;
/** Values that the level of a phase is averaged over. */
const MEMORY = 16;

export class Segmenter {
  readonly #ended: Segment[] = [];
  #start = 0;
  #level = 0;
  #direction = 0;
  /** Step at which the last edge moved on. */
  #moved = 0;
  #lately = false;
  #noise = 0;
  #previous = 0;
  #strays = 0;
  #straySign = 0;

  /** Phases that have ended, oldest first. */
  get ended(): readonly Segment[] {
    return this.#ended;
  }

  /** First step of the phase that is under way. */
  get start(): number {
    return this.#start;
  }

  /** Level of the phase that is under way. */
  get level(): number {
    return this.#level;
  }

  /** Mean absolute deviation within phases. */
  get noise(): number {
    return this.#noise;
  }

  /** Takes the value of `step` (0, 1, 2, ...); `range` is the spread of the series lately, `floor` the least change. */
  push(step: number, value: number, censored: boolean, range: number, floor: number): void {
    if (step === 0) {
      this.#level = value;
      this.#previous = value;
    }
    const deviation = value - this.#level;
    const doubtful = Math.min(NOISE_FACTOR * this.#noise, CERTAIN_SHARE * range);
    const threshold = Math.max(RANGE_SHARE * range, doubtful, floor);
    const sign = Math.abs(deviation) > threshold ? Math.sign(deviation) : 0;
    this.#strays = sign !== 0 && sign === this.#straySign ? this.#strays + 1 : sign === 0 ? 0 : 1;
    this.#straySign = sign;
    const age = step - this.#start;
    const edge = this.#lately ? CENSORED_EDGE : EDGE;
    if (sign !== 0 && sign === this.#direction && step - this.#moved <= edge) {
      this.#level = value;
      this.#moved = step;
    } else if (sign !== 0 && (this.#strays >= 2 || Math.abs(deviation) > 2 * threshold)) {
      if (!this.#heal(step, value, threshold)) this.#begin(step - this.#strays + 1, value, sign);
    } else if (sign === 0) {
      const weight = 1 / Math.min(MEMORY, Math.max(1, age));
      this.#level += weight * deviation;
      const difference = Math.abs(value - this.#previous) * DIFFERENCE_TO_DEVIATION;
      this.#noise += 0.03 * (difference - this.#noise);
    }
    this.#lately = censored;
    this.#previous = value;
  }

  /** A single value that stood out was no phase: when the next one is back at the level before, so is the phase. */
  #heal(step: number, value: number, threshold: number): boolean {
    const before = this.#ended.at(-1);
    if (!before || step - this.#start > 1 || Math.abs(value - before.level) > threshold) return false;
    this.#ended.pop();
    this.#start = before.start;
    this.#level = before.level;
    this.#direction = 0;
    this.#strays = 0;
    this.#straySign = 0;
    return true;
  }

  #begin(start: number, value: number, direction: number): void {
    this.#ended.push({ start: this.#start, duration: start - this.#start, level: this.#level });
    if (this.#ended.length > KEPT) this.#ended.shift();
    this.#start = start;
    this.#level = value;
    this.#direction = direction;
    this.#moved = start;
    this.#strays = 0;
    this.#straySign = 0;
  }
}
