/** Reads from QEMU's memory map (`info mtree -f`) where the memory is that a guest booted with. */
import type { MemoryRange } from '../../telemetry/mod.ts';

/** Names that QEMU and libvirt give to it. DIMMs and virtio-mem have others: they may be unplugged while they are read. */
const BOOT_MEMORY = /^(pc\.ram|mach-virt\.ram|ram-node\d+)$/;
const LINE = /^ {2}([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, ram\): (\S+)/;

/** Ranges of the system's address space, in bytes; empty if there are none that are known. */
export function bootMemory(map: string): MemoryRange[] {
  const system = map.split(/^FlatView #\d+\r?$/m).find((view) => view.includes('AS "memory"')) ?? '';
  return system.split('\n').flatMap((line) => {
    const [, from, to, name = ''] = LINE.exec(line) ?? [];
    if (!BOOT_MEMORY.test(name)) return [];
    const address = Number.parseInt(from!, 16);
    return [{ address, bytes: Number.parseInt(to!, 16) + 1 - address }];
  });
}
