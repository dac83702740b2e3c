/** The XML of a new domain. Every value that a caller chose is checked by checkSpec and escaped here. */
import type { DomainSpec } from '../port.ts';
import { cputune } from './bandwidth.ts';
import { layoutOf, memoryDevice } from './memory.ts';
import { metadataElement, metadataOf } from './metadata.ts';
import { escapeXml } from './xml.ts';

/** Name of the agent's virtio-serial port, by which the guest finds it. */
const AGENT_PORT = 'org.shadowgrid.agent';
/** `swiotlb=noforce`: a small guest that can grow beyond 4 GiB of address space panics without. */
const KERNEL_ARGUMENTS = 'console=ttyS0 quiet loglevel=4 panic=-1 swiotlb=noforce tsc=unstable';

export interface DomainXmlOptions {
  readonly acceleration: 'kvm' | 'tcg';
  /** Whether the host can limit CPU bandwidth. */
  readonly cpuQuota: boolean;
  /** Path of the unix socket that carries the agent's channel. */
  readonly agentSocket: string;
  /** Path of the file that receives the guest's console. */
  readonly consoleLog: string;
}

export function domainXml(spec: DomainSpec, options: DomainXmlOptions): string {
  const { allocation, limit, image } = spec;
  const layout = layoutOf(spec);
  const vcpus = limit.vcpus;
  const kvm = options.acceleration === 'kvm';
  return `<domain type='${kvm ? 'kvm' : 'qemu'}'>
<name>${escapeXml(spec.name)}</name>
<metadata>${metadataElement(metadataOf(spec))}</metadata>
${layout.deviceMiB > 0 ? `<maxMemory slots='1' unit='MiB'>${layout.baseMiB + layout.deviceMiB}</maxMemory>` : ''}
<memory unit='MiB'>${layout.baseMiB}</memory>
<vcpu placement='static' current='${allocation.vcpus}'>${vcpus}</vcpu>
${options.cpuQuota ? cputune(allocation.cores) : ''}
<os>
  <type arch='x86_64' machine='pc'>hvm</type>
  <kernel>${escapeXml(image.kernel)}</kernel>
  <initrd>${escapeXml(image.initrd)}</initrd>
  <cmdline>${KERNEL_ARGUMENTS}</cmdline>
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
  ${layout.deviceMiB > 0 ? memoryDevice(layout, 0) : ''}
</devices>
</domain>`;
}
