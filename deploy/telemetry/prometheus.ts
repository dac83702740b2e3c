/** The runtime's metrics in a Prometheus registry, beside those of the grid. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { MetricDescription, MetricSink } from '../../runtime/telemetry/mod.ts';

/** Names as OpenTelemetry translates them: `actor.handling.duration` is `shadowgrid_actor_handling_duration_seconds`. */
export function prometheusSink(registry: Registry): MetricSink {
  return {
    counter(metric) {
      const counter = new Counter({ ...configuration(metric, registry), name: `${nameOf(metric)}_total` });
      const labelled = labeller(metric);
      return (value, labels) => counter.inc(labelled(labels), value);
    },
    histogram(metric) {
      const buckets = metric.buckets && { buckets: [...metric.buckets] };
      const histogram = new Histogram({ ...configuration(metric, registry), ...buckets });
      const labelled = labeller(metric);
      return (value, labels) => histogram.observe(labelled(labels), value);
    },
    gauge(metric, read) {
      const labelled = labeller(metric);
      new Gauge({
        ...configuration(metric, registry),
        collect() {
          this.reset();
          for (const [value, labels] of read()) this.set(labelled(labels), value);
        },
      });
      return () => registry.removeSingleMetric(nameOf(metric));
    },
  };
}

function configuration(metric: MetricDescription, registry: Registry) {
  return {
    name: nameOf(metric),
    help: metric.description,
    labelNames: metric.labels.map(word),
    registers: [registry],
  };
}

/** Units of things that are counted, in braces, are not part of a name. */
function nameOf({ name, unit }: MetricDescription): string {
  return `shadowgrid_${word(name)}${unit === 's' ? '_seconds' : ''}`;
}

function labeller({ labels }: MetricDescription) {
  const names = labels.map(word);
  return (values: readonly string[]): Record<string, string> => {
    const found: Record<string, string> = {};
    for (let i = 0; i < names.length; i++) found[names[i]!] = values[i] ?? '';
    return found;
  };
}

function word(name: string): string {
  return name.replaceAll('.', '_');
}
