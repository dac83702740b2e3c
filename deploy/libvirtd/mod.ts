/** A libvirt daemon of our own, private to one grid. */
export { libvirtdConfiguration } from './configuration.ts';
export { answers, ensureLibvirtd, type Libvirtd } from './ensure.ts';
export { LibvirtMissing, LibvirtNeedsRoot } from './errors.ts';
export { hostUuid, prepareLibvirtd, REAPER } from './prepare.ts';
