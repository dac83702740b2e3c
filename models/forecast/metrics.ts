/** How good quantile forecasts are: pinball loss and interval coverage. */

/** Pinball (quantile) loss of one forecast `quantile` at level `tau` (Koenker and Bassett, 1978). */
export function pinballLoss(actual: number, quantile: number, tau: number): number {
  const error = actual - quantile;
  return Math.max(tau * error, (tau - 1) * error);
}

/** Accumulates scores over forecasts of one or many series. */
export class QuantileScore {
  readonly #taus: readonly number[];
  readonly #low: number;
  readonly #high: number;
  #loss = 0;
  #terms = 0;
  #inside = 0;
  #intervals = 0;

  /** `taus` must hold 0.1 and 0.9, the ends of the 80 % interval. */
  constructor(taus: readonly number[]) {
    this.#taus = taus;
    this.#low = taus.indexOf(0.1);
    this.#high = taus.indexOf(0.9);
    if (this.#low < 0 || this.#high < 0) throw new RangeError('the quantiles must hold 0.1 and 0.9');
  }

  /** `quantiles` is [horizon][taus]; `actual` the horizon's true values (NaN is skipped); losses are divided by `scale`. */
  add(quantiles: Float32Array, actual: Float32Array, scale: number): void {
    const width = this.#taus.length;
    actual.forEach((value, h) => {
      if (Number.isNaN(value)) return;
      this.#taus.forEach((tau, q) => {
        this.#loss += pinballLoss(value, quantiles[h * width + q]!, tau) / scale;
        this.#terms++;
      });
      this.#intervals++;
      const [low, high] = [quantiles[h * width + this.#low]!, quantiles[h * width + this.#high]!];
      if (value >= low && value <= high) this.#inside++;
    });
  }

  /** Mean pinball loss over quantiles and steps, in units of the scale. */
  get pinball(): number {
    return this.#loss / this.#terms;
  }

  /** Share of values inside the 80 % interval, ends included. */
  get coverage80(): number {
    return this.#inside / this.#intervals;
  }
}
