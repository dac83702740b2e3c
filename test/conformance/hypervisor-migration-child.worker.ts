/** A program that migrates a domain, slowly, and says when the copying has begun: made to be killed meanwhile. */
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import type { MigrationTarget } from '../../actors/host/mod.ts';

interface Orders {
  readonly host: Parameters<typeof createLibvirtHypervisor>[0];
  readonly domain: string;
  readonly target: MigrationTarget;
  readonly bandwidthMiBps: number;
}

const { host, domain, target, bandwidthMiBps } = JSON.parse(process.argv[2] ?? '') as Orders;
const hypervisor = await createLibvirtHypervisor(host);
await hypervisor.migration.migrate(domain, target, {
  bandwidthMiBps,
  onProgress: ({ phase }) => phase === 'copying' && process.stdout.write('copying\n'),
});
