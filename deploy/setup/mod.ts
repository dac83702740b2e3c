/** Everything a fresh machine needs, and what it can do. */

export { cacheRoot } from './cache/mod.ts';
export { ensureDebianPackages, LIBVIRT_PACKAGES } from './debian/mod.ts';
export { probeKvm, runDoctor, type Verdict } from './doctor/mod.ts';
