/** Everything a fresh machine needs, and what it can do. */
export { ensureDebianPackages, LIBVIRT_PACKAGES } from './debian/mod.ts';
export { runDoctor, type Verdict } from './doctor/mod.ts';
