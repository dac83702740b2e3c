/** A grid on this machine: start, stop, find. */
export { type LocalGrid, type LocalGridOptions, startLocalGrid } from './local-grid.ts';
export { type GivenNats, natsOptionsOf } from './nats.ts';
export { type GridPaths, gridPaths } from './paths.ts';
export { probeLibvirt } from './probe-libvirt.ts';
export { findGrid, NoGrid } from './record.ts';
