/** What a nats-server of some version can do; clients are not told when an older one ignores what they ask for. */

/** Feature -> first version that has it (release notes of nats-server). */
const SINCE = {
  /** Journals are flushed before a write is acknowledged. */
  syncAlways: [2, 10],
  /** Streams and consumers carry metadata. */
  metadata: [2, 10],
  /** Messages and keys expire one by one, and watchers see it. */
  messageTtl: [2, 11],
  /** Consumers can be paused. */
  consumerPause: [2, 11],
  /** Streams of counters. */
  counters: [2, 12],
  /** Messages published at a later time. */
  schedules: [2, 12],
  /** Several messages stored in one step, or none. */
  atomicBatch: [2, 12],
} as const satisfies Record<string, readonly [number, number]>;

export type NatsFeature = keyof typeof SINCE;
export type NatsFeatures = Readonly<Record<NatsFeature, boolean>>;

/** What version `2.10.27` can do. */
export function natsFeatures(version: string): NatsFeatures {
  const has = (since: readonly [number, number]) => compareVersions(version, since.join('.')) >= 0;
  return {
    syncAlways: has(SINCE.syncAlways),
    metadata: has(SINCE.metadata),
    messageTtl: has(SINCE.messageTtl),
    consumerPause: has(SINCE.consumerPause),
    counters: has(SINCE.counters),
    schedules: has(SINCE.schedules),
    atomicBatch: has(SINCE.atomicBatch),
  };
}

/** Features that are lacking, with the version that brought them: `messageTtl (2.11)`. */
export function lackingFeatures(version: string): string[] {
  return Object.entries(SINCE)
    .filter(([, since]) => compareVersions(version, since.join('.')) < 0)
    .map(([name, since]) => `${name} (${since.join('.')})`);
}

/** Negative when `a` is older than `b`; parts that are missing or no numbers count as 0. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string) => version.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0);
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
