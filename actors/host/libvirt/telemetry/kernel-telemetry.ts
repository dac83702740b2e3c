/** The fast clock's rows from kernel files: of the domains that somebody else keeps, and of the host. */
import { FAST_COLUMNS, type FastTelemetry, HOST_ROW, vcpuRow } from '../../telemetry/mod.ts';
import { type DomainProbe, openPressures, writePressures } from './domain-probe.ts';
import { PROC } from './process.ts';

const WIDTH = FAST_COLUMNS.length;

/** What an id means. */
interface Row {
  readonly domain: string;
  /** Undefined for the domain's own row. */
  readonly vcpu: number | undefined;
}

export class KernelTelemetry implements FastTelemetry, Disposable {
  readonly columns = FAST_COLUMNS;
  readonly #probeOf: (domain: string) => DomainProbe | undefined;
  readonly #host: ReturnType<typeof openPressures>;
  /** A sampler gives the same list at every tick: its ids are taken apart once. */
  readonly #rows = new WeakMap<readonly string[], readonly Row[]>();
  /** Takes the counters of a domain whose vCPUs alone were asked for. */
  readonly #unasked = new Float64Array(WIDTH);

  /** `probeOf` finds the probe of a domain; `proc`: another /proc, for tests. */
  constructor(probeOf: (domain: string) => DomainProbe | undefined, proc: string = PROC) {
    this.#probeOf = probeOf;
    this.#host = openPressures(`${proc}/pressure`, '');
  }

  rows(domain: string): string[] {
    const probe = this.#probeOf(domain);
    return probe === undefined ? [] : [domain, ...probe.vcpus.map((vcpu) => vcpuRow(domain, vcpu))];
  }

  sample(ids: readonly string[], out: Float64Array): void {
    const rows = this.#parsed(ids);
    let read: DomainProbe | undefined;
    for (let index = 0; index < rows.length; index++) {
      const { domain, vcpu } = rows[index]!;
      const offset = index * WIDTH;
      if (domain === HOST_ROW) {
        out.fill(Number.NaN, offset, offset + WIDTH);
        writePressures(this.#host, out, offset);
        continue;
      }
      const probe = this.#probeOf(domain);
      if (probe === undefined) {
        out.fill(Number.NaN, offset, offset + WIDTH);
        continue;
      }
      if (vcpu === undefined) probe.read(out, offset);
      else {
        if (probe !== read) probe.read(this.#unasked, 0);
        probe.readVcpu(vcpu, out, offset);
      }
      read = probe;
    }
  }

  [Symbol.dispose](): void {
    for (const pressure of Object.values(this.#host)) pressure[Symbol.dispose]();
  }

  #parsed(ids: readonly string[]): readonly Row[] {
    const known = this.#rows.get(ids);
    if (known !== undefined) return known;
    const rows = ids.map((id): Row => {
      const [, domain = id, vcpu] = /^([^/]+)\/vcpu(\d+)$/.exec(id) ?? [];
      return { domain, vcpu: vcpu === undefined ? undefined : Number(vcpu) };
    });
    this.#rows.set(ids, rows);
    return rows;
  }
}
