/** What a model file says about itself: the shape and the features it was trained for, checked when it is loaded. */
import { ModelError } from '../errors.ts';
import { CANDIDATES, FEATURES_VERSION, Featurizer, STATE_FEATURES } from './features/featurizer.ts';
import type { NetworkShape } from './network.ts';
import type { ForecastShape } from './port.ts';

const KIND = 'shadowgrid.forecast.lstm';

/** Metadata of a model with this forecast shape and size. */
export function describeModel(
  shape: ForecastShape,
  network: NetworkShape,
  provenance: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    kind: KIND,
    stepMs: String(shape.stepMs),
    horizon: String(shape.horizon),
    quantiles: shape.quantiles.join(','),
    hidden: String(network.hidden),
    head: String(network.head),
    features: String(FEATURES_VERSION),
    scaling: 'range of the last 480 steps: value = base + span * output',
    ...provenance,
  };
}

/** The reverse of {@link describeModel}. Error: `model-mismatch` naming the entry. */
export function readDescription(metadata: Readonly<Record<string, string>>): {
  readonly shape: ForecastShape;
  readonly network: NetworkShape;
} {
  expect(metadata, 'kind', KIND);
  expect(metadata, 'features', String(FEATURES_VERSION));
  const shape: ForecastShape = {
    stepMs: number(metadata, 'stepMs'),
    horizon: number(metadata, 'horizon'),
    quantiles: (metadata.quantiles ?? '').split(',').map(Number),
  };
  const ascending = shape.quantiles.every((tau, i) => tau > (shape.quantiles[i - 1] ?? 0) && tau < 1);
  if (!ascending) throw wrong('quantiles', metadata.quantiles, 'ascending numbers between 0 and 1');
  return { shape, network: networkShape(shape, number(metadata, 'hidden'), number(metadata, 'head')) };
}

/** Sizes of the network for a forecast shape. */
export function networkShape(shape: ForecastShape, hidden: number, head: number): NetworkShape {
  const quantiles = shape.quantiles.length;
  return {
    state: STATE_FEATURES.length,
    ahead: Featurizer.aheadWidth(quantiles),
    candidates: quantiles + CANDIDATES.length,
    hidden,
    head,
    horizon: shape.horizon,
    quantiles,
  };
}

function expect(metadata: Readonly<Record<string, string>>, key: string, value: string): void {
  if (metadata[key] !== value) throw wrong(key, metadata[key], value);
}

function number(metadata: Readonly<Record<string, string>>, key: string): number {
  const value = Number(metadata[key] ?? Number.NaN);
  if (Number.isInteger(value) && value > 0) return value;
  throw wrong(key, metadata[key], 'a whole number above 0');
}

function wrong(key: string, actual: string | undefined, wanted: string): ModelError {
  return new ModelError('model-mismatch', `metadata ${key} is ${actual ?? 'missing'}`, {
    field: `metadata.${key}`,
    hint: `${wanted} is needed; models are made by models/trained/train.ts`,
  });
}
