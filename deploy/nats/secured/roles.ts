/** Who may do what on NATS: the roles of a grid as data, and the permissions of a user that follow from them. */

export type RoleName = 'grid' | 'host-agent' | 'telemetry' | 'client' | 'operator';

export interface Role {
  readonly purpose: string;
  /** Subjects beyond those of inboxes and buckets. */
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /**
   * Opens, reads and writes {@link BUCKETS} and {@link STREAMS}. There is no right to read only: who may ask JetStream anything can have
   * it answer to a subject that a bucket stores.
   */
  readonly buckets: boolean;
  /** Roles whose users it sends as many answers as it likes. The server need not remember each request for it. */
  readonly answers: readonly RoleName[];
  /**
   * What it may send to the reply subject of a message that it got. `once`: one message within a minute.
   * `streams`: renewals of a stream that it reads.
   */
  readonly responds: 'never' | 'once' | 'streams';
}

export const ROLES: Readonly<Record<RoleName, Role>> = {
  grid: {
    purpose: 'a node of the grid: gateway, router, allocator, hosts, jobs and shadows, and what they store',
    publish: ['shadowgrid.>'],
    subscribe: ['shadowgrid.>'],
    buckets: true,
    answers: ['grid', 'host-agent', 'telemetry', 'client', 'operator'],
    responds: 'never',
  },
  'host-agent': {
    purpose: 'the host actor of one machine, apart from the grid: runs VMs, tells what they use',
    publish: [
      'shadowgrid.telemetry.*',
      'shadowgrid.counters.*',
      'shadowgrid.directive.*',
      'shadowgrid.operation.*',
      'shadowgrid.note.*',
      'shadowgrid.actor.*.*.*',
      // Frames, which may hold messages for any actor of the node: finer rights above would be for show.
      'shadowgrid.node.*',
    ],
    subscribe: [
      'shadowgrid.actor.host.*.*',
      'shadowgrid.watch.host.*.*',
      'shadowgrid.host.*.output',
      'shadowgrid.host.*.checkpoints',
      'shadowgrid.inspect.nodes',
      'shadowgrid.inspect.*.*',
    ],
    buckets: false,
    answers: ['operator'],
    responds: 'once',
  },
  telemetry: {
    purpose: 'a forecaster: reads telemetry, publishes forecasts',
    publish: ['shadowgrid.forecast.*'],
    subscribe: ['shadowgrid.telemetry.*'],
    buckets: false,
    answers: [],
    responds: 'never',
  },
  client: {
    purpose: 'submits jobs and follows them: the job API, nothing else',
    publish: ['shadowgrid.job.*'],
    subscribe: [],
    buckets: false,
    answers: [],
    responds: 'streams',
  },
  operator: {
    purpose: 'looks at everything, operates on VMs, sends messages to actors by hand; reaches no bucket',
    publish: [
      'shadowgrid.job.*',
      'shadowgrid.vm.*',
      'shadowgrid.actor.*.*.*',
      'shadowgrid.watch.*.*.*',
      'shadowgrid.node.*',
      'shadowgrid.inspect.nodes',
      'shadowgrid.inspect.*.*',
      'shadowgrid.deadletters.*',
    ],
    subscribe: [
      'shadowgrid.telemetry.*',
      'shadowgrid.counters.*',
      'shadowgrid.forecast.*',
      'shadowgrid.directive.*',
      'shadowgrid.operation.*',
      'shadowgrid.note.*',
    ],
    buckets: false,
    answers: [],
    responds: 'streams',
  },
};

export const ROLE_NAMES = Object.keys(ROLES) as RoleName[];

/** JetStream KV buckets of a grid: its actors, the outputs of jobs, the leases of nodes where there are several. */
export const BUCKETS: readonly string[] = ['shadowgrid-actors', 'shadowgrid-outputs', 'shadowgrid-cluster'];

/** Its log of durable commands, of those for later, and of those that failed for good. Their subjects, too, are the grid's alone to publish. */
const STREAMS: readonly string[] = ['shadowgrid-commands', 'shadowgrid-later', 'shadowgrid-dead-letters'];

/** Someone who connects to NATS. */
export interface User {
  readonly name: string;
  readonly role: RoleName;
}

export interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** nats-server's `allow_responses`. */
  readonly responses?: { readonly max: number; readonly expires: string };
}

/** Where the user receives answers, for nats clients and `createMux`; no other user may listen there. */
export const inboxPrefix = (user: string) => `_INBOX_${user}`;

/** What `user` may do in a grid of these `users`. */
export function permissionsOf({ name, role }: User, users: readonly User[]): Permissions {
  const { publish, subscribe, buckets, answers, responds } = ROLES[role];
  const answered = users.filter((user) => answers.includes(user.role));
  return {
    publish: [
      ...publish,
      ...(buckets
        ? [
            '$JS.API.INFO',
            '$JS.API.STREAM.NAMES',
            ...BUCKETS.flatMap(bucketRights),
            ...STREAMS.flatMap(streamRights),
          ]
        : []),
      ...answered.map((user) => `${inboxPrefix(user.name)}.>`),
    ],
    subscribe: [...subscribe, `${inboxPrefix(name)}.>`],
    ...(responds !== 'never' && { responses: RESPONSES[responds] }),
  };
}

/**
 * The server remembers each message with a reply subject until its answers are used up or expire. A stream is renewed
 * every 10 s and each item lets its reader answer anew, so that only a stream silent for a day runs out.
 */
const RESPONSES = {
  once: { max: 1, expires: '1m' },
  streams: { max: 10_000, expires: '24h' },
} as const;

/** All that the KeyValue driver asks for; not deleting or purging a stream. */
const bucketRights = (bucket: string) => [
  `$JS.API.STREAM.CREATE.KV_${bucket}`,
  `$JS.API.STREAM.UPDATE.KV_${bucket}`,
  `$JS.API.STREAM.INFO.KV_${bucket}`,
  `$JS.API.STREAM.MSG.GET.KV_${bucket}`,
  `$JS.API.CONSUMER.CREATE.KV_${bucket}.>`,
  `$JS.API.CONSUMER.INFO.KV_${bucket}.*`,
  `$JS.API.CONSUMER.DELETE.KV_${bucket}.*`,
  `$JS.FC.KV_${bucket}.>`,
  `$KV.${bucket}.>`,
];

/** All that the CommandLog driver asks for; not deleting or purging a stream. */
const streamRights = (stream: string) => [
  `$JS.API.STREAM.CREATE.${stream}`,
  `$JS.API.STREAM.UPDATE.${stream}`,
  `$JS.API.STREAM.INFO.${stream}`,
  `$JS.API.STREAM.MSG.GET.${stream}`,
  `$JS.API.STREAM.MSG.DELETE.${stream}`,
  `$JS.API.CONSUMER.CREATE.${stream}.>`,
  `$JS.API.CONSUMER.INFO.${stream}.*`,
  `$JS.API.CONSUMER.LIST.${stream}`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
  `$JS.API.CONSUMER.DELETE.${stream}.*`,
  `$JS.ACK.${stream}.>`,
];
