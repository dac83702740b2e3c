/** Membership, leases and placement: which node of a cluster owns which actors. */
export { Cluster, type ClusterOptions, type MemberReport } from './cluster.ts';
export type { SlotTenure } from './placement.ts';
