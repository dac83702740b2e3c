/** Parameters of a migration under readable names (VIR_MIGRATE_PARAM_*). */
import * as C from './generated/constants.ts';
import type { TypedParameter } from './typed-parameters.ts';

export interface MigrationParameters {
  /** Where the destination's QEMU is to be reached: `tcp://host`, `unix:///path`. */
  readonly uri?: string;
  readonly destinationName?: string;
  readonly destinationXml?: string;
  /** XML that stays at the destination. */
  readonly persistXml?: string;
  /** MiB/s. */
  readonly bandwidth?: number;
  /** MiB/s of the post-copy phase. */
  readonly bandwidthPostCopy?: number;
  /** Address that the destination listens on. */
  readonly listenAddress?: string;
  readonly graphicsUri?: string;
  /** Targets (`vda`) of the disks to copy; all that are not shared if left out. */
  readonly disks?: readonly string[];
  readonly disksPort?: number;
  readonly disksUri?: string;
  /** `mt`, `xbzrle`. */
  readonly compression?: string;
  readonly compressionMtLevel?: number;
  readonly compressionMtThreads?: number;
  readonly compressionMtDecompressionThreads?: number;
  /** Bytes. */
  readonly compressionXbzrleCache?: number;
  /** Percent by which a guest that changes memory too fast is throttled at first. */
  readonly autoConvergeInitial?: number;
  readonly autoConvergeIncrement?: number;
  readonly parallelConnections?: number;
  /** The name that the destination's certificate must have. */
  readonly tlsDestination?: string;
}

type Kind = 'string' | 'strings' | 'int' | 'ullong';

const ENCODINGS: Readonly<Record<keyof MigrationParameters, readonly [name: string, kind: Kind]>> = {
  uri: [C.VIR_MIGRATE_PARAM_URI, 'string'],
  destinationName: [C.VIR_MIGRATE_PARAM_DEST_NAME, 'string'],
  destinationXml: [C.VIR_MIGRATE_PARAM_DEST_XML, 'string'],
  persistXml: [C.VIR_MIGRATE_PARAM_PERSIST_XML, 'string'],
  bandwidth: [C.VIR_MIGRATE_PARAM_BANDWIDTH, 'ullong'],
  bandwidthPostCopy: [C.VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY, 'ullong'],
  listenAddress: [C.VIR_MIGRATE_PARAM_LISTEN_ADDRESS, 'string'],
  graphicsUri: [C.VIR_MIGRATE_PARAM_GRAPHICS_URI, 'string'],
  disks: [C.VIR_MIGRATE_PARAM_MIGRATE_DISKS, 'strings'],
  disksPort: [C.VIR_MIGRATE_PARAM_DISKS_PORT, 'int'],
  disksUri: [C.VIR_MIGRATE_PARAM_DISKS_URI, 'string'],
  compression: [C.VIR_MIGRATE_PARAM_COMPRESSION, 'string'],
  compressionMtLevel: [C.VIR_MIGRATE_PARAM_COMPRESSION_MT_LEVEL, 'int'],
  compressionMtThreads: [C.VIR_MIGRATE_PARAM_COMPRESSION_MT_THREADS, 'int'],
  compressionMtDecompressionThreads: [C.VIR_MIGRATE_PARAM_COMPRESSION_MT_DTHREADS, 'int'],
  compressionXbzrleCache: [C.VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE, 'ullong'],
  autoConvergeInitial: [C.VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL, 'int'],
  autoConvergeIncrement: [C.VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT, 'int'],
  parallelConnections: [C.VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, 'int'],
  tlsDestination: [C.VIR_MIGRATE_PARAM_TLS_DESTINATION, 'string'],
};

/** The list that libvirt takes; of several disks one parameter for each. */
export function encodeMigration(parameters: MigrationParameters): TypedParameter[] {
  return Object.entries(parameters).flatMap(([key, value]) => {
    const encoding = ENCODINGS[key as keyof MigrationParameters];
    if (encoding === undefined || value === undefined) return [];
    const [name, kind] = encoding;
    const values = Array.isArray(value) ? value : [value];
    const type = kind === 'strings' ? 'string' : kind;
    return values.map((one) => ({ name, type, value: one }) as TypedParameter);
  });
}
