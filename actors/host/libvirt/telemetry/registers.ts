/** Reads what QEMU's monitor prints of x86-64 registers (`info registers -a`), as columns of 64-bit numbers. */
import type { RegisterBank } from '../../telemetry/mod.ts';

/** Registers as QEMU names them; of a segment its selector (`CS`) and base (`CS.base`). HLT: 1 while the vCPU sleeps. */
const NAMES = [
  ...['RAX', 'RBX', 'RCX', 'RDX', 'RSI', 'RDI', 'RBP', 'RSP'],
  ...['R8', 'R9', 'R10', 'R11', 'R12', 'R13', 'R14', 'R15'],
  ...['RIP', 'RFL', 'CPL', 'HLT'],
  ...['CR0', 'CR2', 'CR3', 'CR4', 'EFER'],
] as const;
const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'TR'] as const;

export const REGISTER_COLUMNS: readonly string[] = [
  ...NAMES,
  ...SEGMENTS.flatMap((name) => [name, `${name}.base`]),
];
const COLUMN = new Map(REGISTER_COLUMNS.map((name, index) => [name, index]));

/** A vCPU in real mode prints EAX instead of RAX: the same register's low half. */
const ALIASES: Readonly<Record<string, string>> = {
  ...{ EAX: 'RAX', EBX: 'RBX', ECX: 'RCX', EDX: 'RDX', ESI: 'RSI', EDI: 'RDI', EBP: 'RBP', ESP: 'RSP' },
  ...{ EIP: 'RIP', EFL: 'RFL' },
};

/** Undefined if `text` shows no register of this architecture. */
export function parseRegisters(text: string): RegisterBank | undefined {
  const vcpus = text.split(/^CPU#\d+\r?$/m).slice(1);
  const values = new BigUint64Array(vcpus.length * REGISTER_COLUMNS.length);
  let found = false;
  vcpus.forEach((vcpu, row) => {
    const write = (name: string, hex: string) => {
      const column = COLUMN.get(ALIASES[name] ?? name);
      if (column === undefined) return;
      values[row * REGISTER_COLUMNS.length + column] = BigInt(`0x${hex}`);
      found = true;
    };
    for (const [, name = '', hex = '', base] of vcpu.matchAll(
      /\b([A-Z][A-Z0-9]+) *=([0-9a-f]+)(?: ([0-9a-f]{8,16}) )?/g,
    )) {
      write(name, hex);
      if (base !== undefined) write(`${name}.base`, base);
    }
  });
  return found ? { columns: REGISTER_COLUMNS, values } : undefined;
}
