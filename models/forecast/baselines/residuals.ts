/** Quantiles of a point forecaster's own recent errors, per step ahead, learnt as the true values arrive. */

/** Step of the stochastic update, as a share of the mean absolute error. */
const RATE = 0.08;

/**
 * Tracks quantiles of the error at each step ahead by stochastic gradient on the pinball loss: constant memory, no
 * window to keep. Feed {@link observe} before {@link remember} on every step.
 */
export class ResidualQuantiles {
  readonly #taus: readonly number[];
  readonly #horizon: number;
  readonly #offsets: Float64Array;
  readonly #magnitude: Float64Array;
  /** Point forecasts made in the last `horizon` steps: row = step mod horizon. */
  readonly #made: Float32Array;
  #count = 0;

  constructor(taus: readonly number[], horizon: number, scale: number) {
    this.#taus = taus;
    this.#horizon = horizon;
    this.#offsets = new Float64Array(horizon * taus.length);
    this.#magnitude = new Float64Array(horizon).fill(0.02 * scale);
    this.#made = new Float32Array(horizon * horizon);
  }

  /** Compares the value that has arrived with what was forecast for it. */
  observe(value: number): void {
    const known = Math.min(this.#count, this.#horizon);
    for (let h = 0; h < known; h++) {
      const made = (this.#count - 1 - h) % this.#horizon;
      const error = value - this.#made[made * this.#horizon + h]!;
      const magnitude = this.#magnitude[h]! + 0.02 * (Math.abs(error) - this.#magnitude[h]!);
      this.#magnitude[h] = magnitude;
      this.#taus.forEach((tau, q) => {
        const at = h * this.#taus.length + q;
        const offset = this.#offsets[at]!;
        this.#offsets[at] = offset + RATE * magnitude * (error > offset ? tau : tau - 1);
      });
    }
  }

  /** Keeps the point forecast made now and writes [horizon][taus]: forecast plus error quantiles, sorted, not below 0. */
  remember(forecast: Float32Array, out: Float32Array): void {
    const row = this.#count % this.#horizon;
    this.#made.set(forecast, row * this.#horizon);
    this.#count++;
    const width = this.#taus.length;
    for (let h = 0; h < this.#horizon; h++) {
      for (let q = 0; q < width; q++) {
        out[h * width + q] = Math.max(0, forecast[h]! + this.#offsets[h * width + q]!);
      }
      out.subarray(h * width, (h + 1) * width).sort();
    }
  }
}
