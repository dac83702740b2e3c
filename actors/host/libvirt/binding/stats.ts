/** Statistics of many domains from one call: the records that virConnectGetAllDomainStats returns. */
import type { Native, Pointer } from './declarations.ts';
import { pointersAt, Structure } from './structure.ts';
import { decodeParametersAt, type TypedParameters } from './typed-parameters.ts';

export interface DomainStats {
  /** Name of the domain. */
  readonly name: string;
  /** Statistics under libvirt's names: `cpu.time` (ns), `balloon.current` (KiB), `vcpu.current`. */
  readonly parameters: TypedParameters;
}

/** struct _virDomainStatsRecord: virDomainPtr dom; virTypedParameterPtr params; int nparams; (padding). */
const RECORD_SIZE = 24;

/** Decodes `count` records of the list at `list`, which stays C's. */
export function decodeStats(native: Native, list: Pointer, count: number): DomainStats[] {
  return pointersAt(list, count).map((pointer) => {
    const record = Structure.at(pointer, RECORD_SIZE);
    const domain = record.pointer(0);
    const parameters = record.pointer(8);
    return {
      name: domain === null ? '' : (native.virDomainGetName(domain) ?? ''),
      parameters: parameters === null ? {} : decodeParametersAt(parameters, record.int(16)),
    };
  });
}
