/** A program that drives a libvirt alone until it is killed. */
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';

await createLibvirtHypervisor(JSON.parse(process.argv[2] ?? ''));
process.stdout.write('held\n');
