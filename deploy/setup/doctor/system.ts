/** Probes of the processor, the kernel and the JavaScript runtimes. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../process/mod.ts';
import type { Verdict } from './finding.ts';

const BIN = join(import.meta.dirname ?? '.', '../../../node_modules/.bin');

export async function probeNode(): Promise<Verdict> {
  return judgeNode(await versionOf('node'));
}

export function judgeNode(version: string | undefined): Verdict {
  const remedy = 'run npm ci';
  if (version === undefined) return { status: 'missing', detail: 'there is no Node in node_modules', remedy };
  if (Number.parseInt(version, 10) >= 24) return { status: 'ok', detail: `Node ${version}` };
  return { status: 'missing', detail: `Node ${version} is too old, 24 is needed`, remedy };
}

export async function probeDeno(): Promise<Verdict> {
  const version = await versionOf('deno');
  if (version !== undefined) return { status: 'ok', detail: `Deno ${version}` };
  return { status: 'limited', detail: 'there is no Deno: everything runs on Node', remedy: 'run npm ci' };
}

/** The runtime in node_modules, else the one on PATH. */
async function versionOf(runtime: string): Promise<string | undefined> {
  for (const program of [join(BIN, runtime), runtime]) {
    const { stdout } = await runCommand(program, ['--version'], { check: false, timeoutMs: 10_000 });
    const version = /(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    if (version !== undefined) return version;
  }
  return undefined;
}

export async function probeRoot(): Promise<Verdict> {
  if (process.getuid?.() === 0) return { status: 'ok', detail: 'running as root' };
  return {
    status: 'limited',
    detail: 'not running as root: packages cannot be installed and no libvirt daemon of our own started',
    remedy: 'run as root, or name a daemon in SHADOWGRID_LIBVIRT_URI, or use --simulated',
  };
}

export async function probePerf(): Promise<Verdict> {
  return judgePerf(await readdir('/sys/bus/event_source/devices').catch(() => []));
}

/** `sources` are the kernel's event sources; the processor's own is `cpu`, or `cpu_core` and `cpu_atom`. */
export function judgePerf(sources: readonly string[]): Verdict {
  if (sources.some((name) => /^(cpu|cpu_core|cpu_atom|armv8_.*)$/.test(name))) {
    return { status: 'ok', detail: 'perf has hardware events' };
  }
  const remedy = 'use bare metal, or a hypervisor that passes performance counters on';
  if (sources.length === 0) return { status: 'missing', detail: 'the kernel has no perf events', remedy };
  return { status: 'limited', detail: 'perf has software events only: no cycles, no cache misses', remedy };
}

export async function probeResctrl(): Promise<Verdict> {
  const [filesystems, cpuinfo] = await Promise.all(
    ['/proc/filesystems', '/proc/cpuinfo'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  return judgeResctrl(filesystems ?? '', cpuinfo ?? '');
}

export function judgeResctrl(filesystems: string, cpuinfo: string): Verdict {
  const features = ['cat_l3', 'cat_l2', 'mba', 'cqm_llc'].filter((flag) =>
    new RegExp(`\\b${flag}\\b`).test(cpuinfo),
  );
  const kernel = /\bresctrl\b/.test(filesystems);
  if (kernel && features.length > 0) return { status: 'ok', detail: `resctrl with ${features.join(', ')}` };
  const lacking = kernel
    ? 'the processor offers no cache or memory-bandwidth partitions'
    : 'the kernel has no resctrl';
  return {
    status: 'limited',
    detail: `${lacking}: these resources are not partitioned`,
    remedy: 'use a processor with Intel RDT or AMD QoS and a kernel with CONFIG_X86_CPU_RESCTRL',
  };
}
