/** Telemetry of a host as a part of its hypervisor's port: two clocks and the state stream. */
import type { FastTelemetry } from './fast.ts';
import type { SlowReading } from './slow.ts';
import type { StateStream, StateStreamOptions } from './state.ts';

export interface HostTelemetry {
  /** For a Sampler. */
  readonly fast: FastTelemetry;
  /** One tick of a SlowClock. Rejects with HypervisorError. */
  slow(): Promise<SlowReading>;
  /** Frames of a VM's inner state. A domain that is not there has none. Throws `invalid-field`, naming the option. */
  state(domain: string, options?: StateStreamOptions): StateStream;
}
