/** A libvirt daemon of our own, private to one grid. */
export { ensureLibvirtd, type Libvirtd } from './ensure.ts';
export { LibvirtMissing, LibvirtNeedsRoot } from './errors.ts';
