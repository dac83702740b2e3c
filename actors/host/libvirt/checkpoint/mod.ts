/** Checkpoints of the libvirt driver: live memory images beside frozen disk layers, and the way back to them. */
export { LibvirtCheckpoints } from './checkpoints.ts';
