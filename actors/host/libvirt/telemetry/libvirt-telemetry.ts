/** Telemetry of a libvirt host: kernel files for the fast clock, bulk statistics for the slow one, QEMU for the stream. */
import { type Clock, systemClock } from '../../../../runtime/mod.ts';
import {
  type HostTelemetry,
  openStateStream,
  type SlowReading,
  type StateStream,
  type StateStreamOptions,
} from '../../telemetry/mod.ts';
import type { Connection } from '../binding/mod.ts';
import type { DomainProbe } from './domain-probe.ts';
import { KernelTelemetry } from './kernel-telemetry.ts';
import { QemuStateSource } from './qemu-state-source.ts';
import { readSlow } from './slow-source.ts';

export interface LibvirtTelemetryOptions {
  /** The probe of a domain that is ours; undefined for any other. */
  readonly probeOf: (domain: string) => DomainProbe | undefined;
  /** Runs a task on the connection for telemetry, about `domain` if it is given; rejects with HypervisorError. */
  readonly ask: <T>(task: (connection: Connection) => Promise<T>, domain?: string) => Promise<T>;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
}

export class LibvirtTelemetry implements HostTelemetry, Disposable {
  readonly fast: KernelTelemetry;
  readonly #options: LibvirtTelemetryOptions;

  constructor(options: LibvirtTelemetryOptions) {
    this.#options = options;
    this.fast = new KernelTelemetry(options.probeOf);
  }

  /** The fast clock learns from it which vCPUs there are. */
  async slow(): Promise<SlowReading> {
    const { ask, probeOf } = this.#options;
    const reading = await ask((connection) =>
      readSlow(connection, (domain) => probeOf(domain) !== undefined),
    );
    for (const { domain, vcpus } of reading.domains) {
      const probe = probeOf(domain);
      const there = vcpus.filter(({ state }) => state !== 'offline').map(({ vcpu }) => vcpu);
      if (probe?.vcpus.join() !== there.join()) await probe?.refresh();
    }
    return reading;
  }

  state(domain: string, options?: StateStreamOptions): StateStream {
    const { ask, clock = systemClock } = this.#options;
    const source = new QemuStateSource(domain, (name, task) => ask(task, name));
    return openStateStream(source, clock, options);
  }

  [Symbol.dispose](): void {
    this.fast[Symbol.dispose]();
  }
}
