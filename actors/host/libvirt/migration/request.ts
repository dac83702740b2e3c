/** What libvirt is asked for when a domain migrates: flags and parameters, from the options and the way to the target. */
import { join } from 'node:path';
import { HypervisorError } from '../../errors.ts';
import type { MigrationOptions, MigrationTarget } from '../../port/mod.ts';
import {
  type MigrationParameters,
  VIR_MIGRATE_AUTO_CONVERGE,
  VIR_MIGRATE_LIVE,
  VIR_MIGRATE_NON_SHARED_DISK,
  VIR_MIGRATE_PEER2PEER,
  VIR_MIGRATE_POSTCOPY,
  VIR_MIGRATE_TLS,
} from '../binding/mod.ts';

export interface MigrationRequest {
  readonly uri: string;
  /** VIR_MIGRATE_*. */
  readonly flags: number;
  readonly parameters: MigrationParameters;
  /** Unix sockets that the target's QEMU makes, and may leave behind. */
  readonly sockets: string[];
}

interface MigrationPlan {
  /** Tells the sockets of this migration from others'. */
  readonly id: string;
  /** The domain's XML at the target. */
  readonly xml: string;
  /** Targets (`vda`) of the disks to copy. */
  readonly disks: readonly string[];
  readonly mode: CopyMode;
}

/** Whether the guest runs while its memory is copied. */
export type CopyMode = 'live' | 'stopped';

/** sun_path holds 108 bytes, its NUL among them. */
const MAX_SOCKET_PATH_BYTES = 107;

/** Throws `invalid-field` for a folder that is too long for a socket. */
export function migrationRequest(
  target: MigrationTarget,
  options: MigrationOptions,
  { id, xml, disks, mode }: MigrationPlan,
): MigrationRequest {
  const { via } = target;
  let flags: number = VIR_MIGRATE_PEER2PEER;
  if (mode === 'live') flags |= VIR_MIGRATE_LIVE;
  if (mode === 'live' && options.autoConverge !== false) flags |= VIR_MIGRATE_AUTO_CONVERGE;
  if (mode === 'live' && options.postCopy) flags |= VIR_MIGRATE_POSTCOPY;
  if (disks.length > 0) flags |= VIR_MIGRATE_NON_SHARED_DISK;
  if (via.kind === 'tcp' && via.tls) flags |= VIR_MIGRATE_TLS;
  const sockets = via.kind === 'unix' ? [socketIn(via.folder, id, 'm')] : [];
  if (via.kind === 'unix' && disks.length > 0) sockets.push(socketIn(via.folder, id, 'd'));
  const [memory, disk] = sockets;
  return {
    uri: target.uri,
    flags,
    sockets,
    parameters: {
      destinationXml: xml,
      ...(via.kind === 'tcp'
        ? { uri: `tcp://${bracketed(via.address)}`, listenAddress: via.address }
        : { uri: `unix://${memory}` }),
      ...(disk !== undefined && { disksUri: `unix://${disk}` }),
      ...(disks.length > 0 && { disks }),
      ...(options.bandwidthMiBps !== undefined && { bandwidth: Math.ceil(options.bandwidthMiBps) }),
    },
  };
}

function socketIn(folder: string, id: string, what: string): string {
  const path = join(folder, `${id}-${what}`);
  const bytes = new TextEncoder().encode(path).length;
  if (bytes <= MAX_SOCKET_PATH_BYTES) return path;
  throw new HypervisorError(
    `the migration's socket would be ${path}`,
    { field: 'target.via.folder', hint: `at most ${MAX_SOCKET_PATH_BYTES} bytes with the socket's name` },
    'invalid-field',
  );
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
