/** What this libvirt, this kernel and this hardware can do; discovered, with the reason for what is not there. */
export { type Discovered, discover } from './discover.ts';
export type { HostTopology } from './topology.ts';
