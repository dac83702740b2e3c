/** A host as the rest of the grid sees it. */

export interface Amount {
  readonly cores: number;
  readonly memoryMiB: number;
}

export interface HostView {
  readonly name: string;
  readonly kind: 'libvirt' | 'simulated';
  readonly version: string;
  readonly pool: string;
  /** False while it drains or its hypervisor cannot be reached. */
  readonly accepting: boolean;
  readonly capacity: Amount;
  /** Capacity less what its domains are allocated now. */
  readonly free: Amount;
  readonly domains: number;
}
