/** Moving domains between libvirt hosts, so that exactly one of them runs each. */
export { LibvirtMigration, type Reach } from './migration.ts';
