/** Telemetry of simulated guests: what there is of it. Nothing below a guest is simulated, so most columns are NaN. */
import { CapabilityMissing } from '../errors.ts';
import {
  FAST_COLUMNS,
  type FastTelemetry,
  type HostTelemetry,
  type SlowReading,
  type StateStream,
} from '../telemetry/mod.ts';
import type { SimulatedGuest } from './guest.ts';

export class SimulatedTelemetry implements HostTelemetry {
  readonly fast: FastTelemetry;
  readonly #guests: ReadonlyMap<string, SimulatedGuest>;

  constructor(guests: ReadonlyMap<string, SimulatedGuest>) {
    this.#guests = guests;
    this.fast = {
      columns: FAST_COLUMNS,
      rows: (domain) => (guests.has(domain) ? [domain] : []),
      sample: (ids, out) => {
        out.fill(Number.NaN);
        ids.forEach((id, index) => {
          const guest = guests.get(id);
          if (guest === undefined) return;
          const row = index * FAST_COLUMNS.length;
          out[row + FAST_COLUMNS.indexOf('cpuSeconds')] = guest.cpuSeconds;
          out[row + FAST_COLUMNS.indexOf('throttledSeconds')] = guest.throttledSeconds;
        });
      },
    };
  }

  async slow(): Promise<SlowReading> {
    const domains = Array.from(this.#guests, ([domain, { cpuSeconds, status, stats }]) => ({
      domain,
      cpu: { seconds: cpuSeconds },
      balloon: {
        currentMiB: status.allocation.memoryMiB,
        ...(stats !== undefined && { usableMiB: stats.memoryAvailableMiB }),
      },
      vcpus: [],
      blocks: [],
      interfaces: [],
      caches: [],
    }));
    return { host: {}, domains };
  }

  state(): StateStream {
    throw new CapabilityMissing('state', 'a simulated guest has no registers and no memory');
  }
}
