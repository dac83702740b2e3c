/** The XML of a new domain. Every value that a caller chose is checked by checkSpec and escaped here. */
import type { DomainSpec } from '../port/mod.ts';
import { bandwidthElements } from './bandwidth.ts';
import { type DiskLayer, diskElements } from './disk/mod.ts';
import { layoutOf, memoryDevice, memorySizes } from './memory.ts';
import { metadataElement, metadataOf } from './metadata.ts';
import { fineGrainElements } from './tuning/mod.ts';
import { escapeXml } from './xml.ts';

/** Name of the agent's virtio-serial port, by which the guest finds it. */
const AGENT_PORT = 'org.shadowgrid.agent';
/**
 * `swiotlb=noforce`: a small guest that can grow beyond 4 GiB of address space panics without. `init_on_free=1`: free pages
 * are zero, and not copied when the guest is saved or migrated (40 % less, measured); pages are zeroed once either way.
 */
const KERNEL_ARGUMENTS = [
  'console=ttyS0 quiet loglevel=4 panic=-1',
  'swiotlb=noforce tsc=unstable init_on_free=1',
].join(' ');
/**
 * Emulated, a hot-plugged vCPU measures its delay loop for 200 ms (and in vain), and the first one has the kernel
 * rewrite itself for 500 ms: both are left out. `lpj`: of a 4 GHz clock; too long a delay harms nobody.
 */
const EMULATED_ARGUMENTS = ' lpj=16000000 noreplace-smp';

export interface DomainXmlOptions {
  readonly acceleration: 'kvm' | 'tcg';
  /** Whether the host can limit CPU bandwidth. */
  readonly cpuQuota: boolean;
  /** Path of the unix socket that carries the agent's channel. */
  readonly agentSocket: string;
  /** Path of the file that receives the guest's console. */
  readonly consoleLog: string;
  /** NUMA nodes of the host, where memory can be placed on them. Default: it cannot. */
  readonly nodes?: readonly number[];
  /** Default: none. */
  readonly disks?: readonly DiskLayer[];
}

export function domainXml(spec: DomainSpec, options: DomainXmlOptions): string {
  const { allocation, limit, image } = spec;
  const layout = layoutOf(spec);
  const vcpus = limit.vcpus;
  const kvm = options.acceleration === 'kvm';
  const fine = fineGrainElements(spec.fineGrain, options.nodes);
  const cputune = (options.cpuQuota ? bandwidthElements(allocation.cores) : '') + fine.cputune;
  return `<domain type='${kvm ? 'kvm' : 'qemu'}'>
<name>${escapeXml(spec.name)}</name>
<metadata>${metadataElement(metadataOf(spec))}</metadata>
${memorySizes(layout, allocation.memoryMiB)}
<vcpu placement='static' current='${allocation.vcpus}'>${vcpus}</vcpu>
${cputune === '' ? '' : `<cputune>${cputune}</cputune>`}
${fine.domain}
<os>
  <type arch='x86_64' machine='pc'>hvm</type>
  <kernel>${escapeXml(image.kernel)}</kernel>
  <initrd>${escapeXml(image.initrd)}</initrd>
  <cmdline>${KERNEL_ARGUMENTS}${kvm ? '' : EMULATED_ARGUMENTS}</cmdline>
</os>
<features><acpi/></features>
<cpu ${kvm ? "mode='host-passthrough'" : "mode='custom' match='exact' check='none'"}>
  ${kvm ? '' : "<model fallback='forbid'>qemu64</model>"}
  <numa><cell id='0' cpus='0-${vcpus - 1}' memory='${layout.baseMiB}' unit='MiB'/></numa>
</cpu>
<clock offset='utc'/>
<on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>destroy</on_crash>
<devices>
  <controller type='usb' model='none'/>
  <controller type='virtio-serial' index='0'/>
  <channel type='unix'>
    <source mode='bind' path='${escapeXml(options.agentSocket)}'/>
    <target type='virtio' name='${AGENT_PORT}'/>
  </channel>
  <serial type='file'><source path='${escapeXml(options.consoleLog)}'/></serial>
  <memballoon model='virtio'/>
  ${diskElements(options.disks ?? [])}
  ${spec.network === undefined ? '' : networkElement(spec.network.bridge)}
  ${memoryDevice(layout, 0)}
</devices>
</domain>`;
}

function networkElement(bridge: string): string {
  return `<interface type='bridge'><source bridge='${escapeXml(bridge)}'/><model type='virtio'/></interface>`;
}
