/** libvirt's maps of CPUs: one bit for each, the lowest of the first byte is CPU 0. */
import { BadArgument } from './errors.ts';

/** Bytes of a map that C fills in: room for 2048 CPUs, the most that libvirt's protocol carries for many vCPUs. */
export const CPU_MAP_BYTES = 256;
const MAX_CPU = CPU_MAP_BYTES * 8 - 1;

/** The map in which `cpus` are set. Throws BadArgument. */
export function encodeCpuMap(functionName: string, cpus: readonly number[]): Uint8Array<ArrayBuffer> {
  for (const cpu of cpus) {
    if (!Number.isInteger(cpu) || cpu < 0 || cpu > MAX_CPU) {
      throw new BadArgument(functionName, 'cpus', `CPU numbers of 0 to ${MAX_CPU}`, cpu);
    }
  }
  const map = new Uint8Array(Math.max(1, (Math.max(0, ...cpus) >> 3) + 1));
  for (const cpu of cpus) map[cpu >> 3]! |= 1 << (cpu & 7);
  return map;
}

/** The CPUs that are set in `map`, ascending. */
export function decodeCpuMap(map: Uint8Array): number[] {
  const cpus: number[] = [];
  map.forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) cpus.push(index * 8 + bit);
  });
  return cpus;
}
