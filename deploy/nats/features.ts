/** What a nats-server of some version can do; clients are not told when an older one ignores what they ask for. */

interface Feature {
  /** First version that has it (release notes of nats-server). */
  readonly since: string;
  /** What a grid does without it. */
  readonly without: string;
}

/** What shadowgrid uses where it is. */
const FEATURES = {
  syncAlways: {
    since: '2.10',
    without: 'what is acknowledged may be lost when the machine fails, though not when a process does',
  },
  atomicBatch: {
    since: '2.12',
    without: 'snapshots are stored one by one: fewer jobs a second are accepted',
  },
  schedules: {
    since: '2.12',
    without: 'durable commands for later wait in a stream of the grid, which must run to bring them',
  },
} as const satisfies Record<string, Feature>;

export type NatsFeature = keyof typeof FEATURES;
export type NatsFeatures = Readonly<Record<NatsFeature, boolean>>;

/** What version `2.10.27` can do. */
export function natsFeatures(version: string): NatsFeatures {
  const has = (feature: NatsFeature) => compareVersions(version, FEATURES[feature].since) >= 0;
  return { syncAlways: has('syncAlways'), atomicBatch: has('atomicBatch'), schedules: has('schedules') };
}

/** Features that are lacking, with the version that brought them and what that means: `schedules (2.12): ...`. */
export function lackingFeatures(version: string): string[] {
  return Object.entries(FEATURES)
    .filter(([, { since }]) => compareVersions(version, since) < 0)
    .map(([name, { since, without }]) => `${name} (${since}): ${without}`);
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
