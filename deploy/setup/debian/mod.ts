/** Debian packages: installed into the machine, or fetched and unpacked beside it. */
export {
  type AptOptions,
  dependsOn,
  download,
  PackageUnavailable,
  privateIndex,
  systemIndex,
  unpack,
} from './apt.ts';
export { COMPILER_PACKAGES, ensureDebianPackages, LIBVIRT_PACKAGES } from './packages.ts';
