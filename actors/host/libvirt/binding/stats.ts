/** Statistics of many domains from one call: the records that virConnectGetAllDomainStats returns. */
import type { Native, Pointer } from './declarations.ts';
import { copyBytes } from './native.ts';
import { decodeParametersAt, type TypedParameters } from './typed-parameters.ts';

export interface DomainStats {
  /** Name of the domain. */
  readonly name: string;
  /** Statistics under libvirt's names: `cpu.time` (ns), `balloon.current` (KiB), `vcpu.current`. */
  readonly parameters: TypedParameters;
}

const POINTER_SIZE = 8;
/** struct _virDomainStatsRecord: virDomainPtr dom; virTypedParameterPtr params; int nparams; (padding). */
const RECORD_SIZE = 24;

/** Decodes `count` records of the list at `list`, which stays C's. */
export function decodeStats(native: Native, list: Pointer, count: number): DomainStats[] {
  const pointers = new BigUint64Array(copyBytes(list, count * POINTER_SIZE).buffer);
  return Array.from(pointers, (record) => {
    const view = new DataView(copyBytes(record, RECORD_SIZE).buffer);
    return {
      name: native.virDomainGetName(view.getBigUint64(0, true)) ?? '',
      parameters: decodeParametersAt(view.getBigUint64(8, true), view.getInt32(16, true)),
    };
  });
}
