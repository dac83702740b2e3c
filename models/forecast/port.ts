/** What every forecaster offers: many series in, quantiles over a horizon out, one batch a tick. */

/** Shape of a forecast, fixed for one forecaster. */
export interface ForecastShape {
  /** Time between two values of a series, ms. */
  readonly stepMs: number;
  /** Steps ahead: forecast index h is the demand at now + (h + 1) * stepMs. */
  readonly horizon: number;
  /** Ascending, each in (0, 1). */
  readonly quantiles: readonly number[];
}

/**
 * Forecasts many series at once with state carried from tick to tick.
 * Values are in the caller's units (cores, MiB), non-negative; each series is scaled inside.
 */
export interface BatchForecaster extends AsyncDisposable {
  readonly name: string;
  readonly shape: ForecastShape;
  /** Starts a series. `scale` is a typical large value in its unit (its limit), > 0. */
  track(id: string, scale: number): void;
  untrack(id: string): void;
  /** Tracked ids, in the order of rows of {@link step}. */
  readonly ids: readonly string[];
  /**
   * One tick: `values[i]` is the newest value of `ids[i]`, NaN if missing. `censored[i]` = 1 says that the value is
   * only a lower bound (the series was held back by its limit).
   * Resolves with [ids.length][horizon][quantiles] row-major, quantiles never crossing; valid until the next call.
   */
  step(values: Float32Array, censored?: Uint8Array): Promise<Float32Array>;
}
