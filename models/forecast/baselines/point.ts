/** Baselines made of a point forecast and the quantiles of its own errors. */
import { History } from '../features/history.ts';
import { Seasonality } from '../features/seasonality.ts';
import type { BatchForecaster, ForecastShape } from '../port.ts';
import { ResidualQuantiles } from './residuals.ts';
import { SeriesForecaster, type SeriesModel } from './series-forecaster.ts';

/** Tomorrow is like now: the last value at every step ahead. */
export function persistence(shape: ForecastShape): BatchForecaster {
  return pointForecaster('persistence', shape, () => (history, out) => {
    out.fill(history.at(history.count - 1));
  });
}

/** The value one period ago, the period estimated as values arrive; persistence while there is none. */
export function seasonalNaive(shape: ForecastShape): BatchForecaster {
  return pointForecaster('seasonal-naive', shape, () => {
    const seasonality = new Seasonality();
    return (history, out) => {
      seasonality.update(history);
      for (let h = 0; h < out.length; h++) out[h] = seasonality.lookup(history, h);
    };
  });
}

/** The largest value of the last 10 s, as peak predictors of clusters use it (Bashir et al., EuroSys 2021). */
export function movingMaximum(shape: ForecastShape): BatchForecaster {
  const steps = Math.round(10_000 / shape.stepMs);
  return pointForecaster('moving-maximum', shape, () => (history, out) => {
    out.fill(history.range(steps).high);
  });
}

type PointForecast = (history: History, out: Float32Array) => void;

function pointForecaster(name: string, shape: ForecastShape, start: () => PointForecast): BatchForecaster {
  return new SeriesForecaster(name, shape, (scale): SeriesModel => {
    const history = new History();
    const residuals = new ResidualQuantiles(shape.quantiles, shape.horizon, scale);
    const forecast = start();
    const point = new Float32Array(shape.horizon);
    return {
      step(value, _censored, out) {
        const missing = !Number.isFinite(value);
        const last = history.count > 0 ? history.at(history.count - 1) : 0;
        history.push(missing ? last : Math.max(0, value));
        if (!missing) residuals.observe(value);
        forecast(history, point);
        residuals.remember(point, out);
      },
    };
  });
}
