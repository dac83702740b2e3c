/** What every operation on checkpoints stands on. */
import type { DomainStatus } from '../../port/mod.ts';
import type { Access } from '../access.ts';
import type { Domain } from '../binding/mod.ts';
import type { DiskFiles } from '../disk/mod.ts';
import type { LifecycleFeed } from '../lifecycle-feed.ts';
import type { Tenant } from '../tenant.ts';
import type { CheckpointStore } from './store.ts';

export interface Ground {
  readonly access: Access;
  readonly feed: LifecycleFeed;
  readonly store: CheckpointStore;
  readonly disks: DiskFiles;
  readonly status: (domain: Domain, tenant: Tenant) => Promise<DomainStatus>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}
