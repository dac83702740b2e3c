/** Whether the grid could ever run a job: known image, known pool, a host that is large enough. Pure. */
import type { HostView } from '../host/mod.ts';
import { InvalidRequest, type JobRequest } from '../job/mod.ts';

export interface Inventory {
  readonly images: readonly string[];
  readonly pools: readonly string[];
  /** Hosts known now; none yet means that size cannot be judged, and the job may wait for one. */
  readonly hosts: readonly HostView[];
}

/** Throws {@link InvalidRequest} naming what cannot be had and what can. */
export function admit(request: JobRequest, inventory: Inventory, at = ''): void {
  const field = (name: string) => (at ? `${at}.${name}` : name);
  if (!inventory.images.includes(request.image)) {
    throw new InvalidRequest(
      `there is no image ${request.image}`,
      field('image'),
      `one of ${inventory.images.join(', ')}`,
    );
  }
  if (!inventory.pools.includes(request.pool)) {
    throw new InvalidRequest(
      `there is no pool ${request.pool}`,
      field('pool'),
      `one of ${inventory.pools.join(', ')}`,
    );
  }
  const hosts = inventory.hosts.filter((host) => host.pool === request.pool);
  if (hosts.length === 0) return;
  const { cores, memoryMiB, maxCores, maxMemoryMiB } = request.resources;
  const mostCores = Math.max(...hosts.map((host) => host.capacity.cores));
  const mostMemory = Math.max(...hosts.map((host) => host.capacity.memoryMiB));
  const tooMuch = (name: string, wanted: number, most: number, unit: string) => {
    throw new InvalidRequest(
      `${wanted} ${unit} is more than any host of pool ${request.pool} has`,
      field(`resources.${name}`),
      `at most ${most} ${unit}`,
    );
  };
  if (cores > mostCores) tooMuch('cores', cores, mostCores, 'cores');
  if (maxCores > mostCores) tooMuch('maxCores', maxCores, mostCores, 'cores');
  if (memoryMiB > mostMemory) tooMuch('memoryMiB', memoryMiB, mostMemory, 'MiB');
  if (maxMemoryMiB > mostMemory) tooMuch('maxMemoryMiB', maxMemoryMiB, mostMemory, 'MiB');
  const fits = (host: HostView) => host.capacity.cores >= maxCores && host.capacity.memoryMiB >= maxMemoryMiB;
  if (hosts.some(fits)) return;
  const sizes = hosts.map(
    ({ name, capacity }) => `${name}: ${capacity.cores} cores, ${capacity.memoryMiB} MiB`,
  );
  throw new InvalidRequest(
    `no host of pool ${request.pool} has both ${maxCores} cores and ${maxMemoryMiB} MiB`,
    field('resources'),
    sizes.join('; '),
  );
}
