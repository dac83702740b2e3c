/** Reads a domain's CPU counters from kernel files that stay open: a few microseconds for each. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DomainCgroups } from './process.ts';

const CLOCK_TICKS_PER_SECOND = 100;

/** Source: kernel documentation, cgroup-v2.rst (cpu.stat), cgroup-v1/cpuacct.rst, sched-bwc.rst, proc(5). */
export class DomainUsage implements Disposable {
  readonly #cpu: Counter;
  readonly #throttled: readonly Counter[];
  #gone = false;

  /** `pid` serves where no cgroup accounts for the domain alone. */
  constructor(cgroups: DomainCgroups, pid: number) {
    this.#cpu = cpuCounter(cgroups, pid);
    this.#throttled = throttleCounters(cgroups);
  }

  /** CPU seconds used since the domain began; NaN when it is gone. */
  cpuSeconds(): number {
    return this.#gone ? Number.NaN : this.#read(this.#cpu);
  }

  /** Seconds that its quota held the domain back, over all CPUs. 0 where there is no quota. */
  throttledSeconds(): number {
    let sum = this.#gone ? Number.NaN : 0;
    for (const counter of this.#throttled) sum += this.#gone ? 0 : this.#read(counter);
    return sum;
  }

  #read(counter: Counter): number {
    const value = counter.read();
    if (Number.isNaN(value)) this[Symbol.dispose]();
    return value;
  }

  [Symbol.dispose](): void {
    this.#gone = true;
    this.#cpu.close();
    for (const counter of this.#throttled) counter.close();
  }
}

/** One number in one file. */
class Counter {
  readonly #parse: (text: string) => number;
  #fd: number | undefined;

  constructor(path: string, parse: (text: string) => number) {
    this.#parse = parse;
    this.#fd = openSync(path, 'r');
  }

  /** NaN once the file's subject is gone. */
  read(): number {
    if (this.#fd === undefined) return Number.NaN;
    try {
      const length = readSync(this.#fd, BUFFER, 0, BUFFER.length, 0);
      return this.#parse(BUFFER.toString('latin1', 0, length));
    } catch {
      return Number.NaN;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** Reads do not overlap: they are synchronous. */
const BUFFER = Buffer.alloc(1024);

function cpuCounter({ unified, cpuacct }: DomainCgroups, pid: number): Counter {
  if (cpuacct !== undefined) return new Counter(join(cpuacct, 'cpuacct.usage'), (text) => Number(text) / 1e9);
  if (unified !== undefined) {
    return new Counter(join(unified, 'cpu.stat'), (text) => field(text, 'usage_usec ') / 1e6);
  }
  return new Counter(`/proc/${pid}/stat`, processSeconds);
}

/** The domain's group, what is above it (systemd's scope) and below it (its threads): a quota may be set on each. */
function throttleCounters({ cpu, unified }: DomainCgroups): Counter[] {
  if (cpu !== undefined) {
    return [new Counter(join(cpu, 'cpu.stat'), (text) => field(text, 'throttled_time ') / 1e9)];
  }
  if (unified === undefined) return [];
  const groups = basename(unified) === 'libvirt' ? [unified, dirname(unified)] : [unified];
  return groups
    .map((group) => join(group, 'cpu.stat'))
    .filter((path) => existsSync(path))
    .map((path) => new Counter(path, (text) => field(text, 'throttled_usec ') / 1e6 || 0));
}

/** The number after `key` at the start of a line. */
function field(text: string, key: string): number {
  const at = text.indexOf(key);
  return at < 0 ? Number.NaN : Number.parseInt(text.slice(at + key.length), 10);
}

/** utime + stime: fields 14 and 15, counted after the command name, which may hold anything. */
function processSeconds(text: string): number {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}
