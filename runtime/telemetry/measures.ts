/** The metrics that are told each time something happens, to all sinks at once. */
import { METRICS, type MetricDescription, type MetricSink } from './metrics.ts';

type Measure = (value: number, labels: readonly string[]) => void;

export class Measures {
  readonly messages: Measure;
  readonly handling: Measure;
  readonly failures: Measure;
  readonly restarts: Measure;
  readonly commands: Measure;

  constructor(sinks: readonly MetricSink[]) {
    const counter = (metric: MetricDescription) => toAll(sinks.map((sink) => sink.counter(metric)));
    this.messages = counter(METRICS.messages);
    this.handling = toAll(sinks.map((sink) => sink.histogram(METRICS.handling)));
    this.failures = counter(METRICS.failures);
    this.restarts = counter(METRICS.restarts);
    this.commands = counter(METRICS.commands);
  }
}

function toAll(measures: readonly Measure[]): Measure {
  const [only] = measures;
  if (measures.length === 1 && only !== undefined) return only;
  return (value, labels) => {
    for (const measure of measures) measure(value, labels);
  };
}
