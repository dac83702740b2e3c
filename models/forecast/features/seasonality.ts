/** Running estimate of the period of a series: the lag at which it differs least from itself. */
import type { History } from './history.ts';

const SHORTEST = 8;
/** 60 s at 250 ms. */
const LONGEST = 240;
/** Share of a lag's mean difference that is kept each step: a memory of about two minutes. */
const KEEP = 0.99;

export class Seasonality {
  readonly #difference = new Float64Array(LONGEST + 1);
  readonly #weight = new Float64Array(LONGEST + 1);
  #period = 0;
  #confidence = 0;

  /** Steps; 0 while unknown. */
  get period(): number {
    return this.#period;
  }

  /** 0: no better than any other lag; 1: repeats exactly. */
  get confidence(): number {
    return this.#confidence;
  }

  /** Takes the newest value of `history`. */
  update(history: History): void {
    const now = history.count - 1;
    const value = history.at(now);
    const longest = Math.min(LONGEST, now - history.first);
    let [best, least, total, lags] = [0, Number.POSITIVE_INFINITY, 0, 0];
    for (let lag = SHORTEST; lag <= longest; lag++) {
      const difference = this.#difference[lag]! * KEEP + Math.abs(value - history.at(now - lag));
      const weight = this.#weight[lag]! * KEEP + 1;
      this.#difference[lag] = difference;
      this.#weight[lag] = weight;
      // A lag counts once half of it has been compared.
      if (weight < Math.min(40, lag * 0.5)) continue;
      const mean = difference / weight;
      total += mean;
      lags++;
      // Multiples of the period fit as well as the period: a longer lag must be better by a twentieth.
      if (mean < least * 0.95) [best, least] = [lag, mean];
    }
    this.#period = best;
    this.#confidence = total > 0 ? Math.max(0, 1 - (least * lags) / total) : 0;
  }

  /** The value one period (or as many as needed) before step `count + ahead`; the newest while no period is known. */
  lookup(history: History, ahead: number): number {
    const now = history.count - 1;
    if (this.#period === 0) return history.at(now);
    const target = now + 1 + ahead;
    const step = target - this.#period * Math.ceil((target - now) / this.#period);
    return history.at(Math.max(history.first, step));
  }
}
