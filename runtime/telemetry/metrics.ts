/** The metrics of a node, and where their measurements go: OpenTelemetry's meter is one such place. */
import type { Attributes, Meter } from '@opentelemetry/api';

export interface MetricDescription {
  /** As OpenTelemetry writes them: `actor.handling.duration`. */
  readonly name: string;
  /** UCUM: `s`, or what is counted, `{message}`. */
  readonly unit: string;
  readonly description: string;
  /** Names of the labels; each measurement gives their values in this order. */
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** A value, and the values of the metric's labels. */
export type Observation = readonly [value: number, labels: readonly string[]];

/** Where measurements go. Each method prepares one metric; what it returns is called for each measurement. */
export interface MetricSink {
  counter(metric: MetricDescription): (value: number, labels: readonly string[]) => void;
  histogram(metric: MetricDescription): (value: number, labels: readonly string[]) => void;
  /** `read` is called when somebody wants to know, until the returned function is called. */
  gauge(metric: MetricDescription, read: () => Iterable<Observation>): () => void;
}

/**
 * What became of a durable command: `accepted` into its log, `done`, `retried` after a failure, `buried` among the dead
 * letters, or `redriven` from there.
 */
export type CommandOutcome = 'accepted' | 'done' | 'retried' | 'buried' | 'redriven';

export const METRICS = {
  messages: {
    name: 'actor.messages',
    unit: '{message}',
    description: 'Messages by kind of actor and outcome: handled, or the code of the error.',
    labels: ['actor.kind', 'actor.outcome'],
  },
  handling: {
    name: 'actor.handling.duration',
    unit: 's',
    description: "From a message's turn until its outcome is stored.",
    labels: ['actor.kind', 'actor.message.type'],
    buckets: [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  failures: {
    name: 'actor.failures',
    unit: '{failure}',
    description: 'Failures by kind of actor, what followed, and the code of the error.',
    labels: ['actor.kind', 'actor.outcome', 'error.type'],
  },
  restarts: {
    name: 'actor.restarts',
    unit: '{restart}',
    description: 'Restarts from the stored snapshot by kind of actor.',
    labels: ['actor.kind'],
  },
  live: {
    name: 'actor.live',
    unit: '{actor}',
    description: 'Actors in memory by kind.',
    labels: ['actor.kind'],
  },
  mailbox: {
    name: 'actor.mailbox.depth',
    unit: '{message}',
    description: 'Messages that wait in mailboxes, by kind of actor.',
    labels: ['actor.kind'],
  },
  fullest: {
    name: 'actor.mailbox.depth.max',
    unit: '{message}',
    description: 'Messages that wait in the fullest mailbox, by kind of actor.',
    labels: ['actor.kind'],
  },
  leaseMargin: {
    name: 'node.lease.margin',
    unit: 's',
    description:
      "Time until this node's lease ends unless it is renewed; the node stops its actors before 0.",
    labels: ['node.name'],
  },
  commands: {
    name: 'commands.outcomes',
    unit: '{command}',
    description: 'Durable commands by kind of actor and what became of them.',
    labels: ['actor.kind', 'command.outcome'],
  },
} satisfies Record<string, MetricDescription>;

/** Measurements to an OpenTelemetry meter. */
export function meterSink(meter: Meter): MetricSink {
  return {
    counter(metric) {
      const counter = meter.createCounter(metric.name, metric);
      return (value, labels) => counter.add(value, attributes(metric, labels));
    },
    histogram(metric) {
      const advice = metric.buckets && { explicitBucketBoundaries: [...metric.buckets] };
      const histogram = meter.createHistogram(metric.name, { ...metric, ...(advice && { advice }) });
      return (value, labels) => histogram.record(value, attributes(metric, labels));
    },
    gauge(metric, read) {
      const gauge = meter.createObservableGauge(metric.name, metric);
      const callback: Parameters<typeof gauge.addCallback>[0] = (result) => {
        for (const [value, labels] of read()) result.observe(value, attributes(metric, labels));
      };
      gauge.addCallback(callback);
      return () => gauge.removeCallback(callback);
    },
  };
}

function attributes({ labels: names }: MetricDescription, values: readonly string[]): Attributes {
  const found: Attributes = {};
  for (let i = 0; i < names.length; i++) found[names[i]!] = values[i];
  return found;
}
