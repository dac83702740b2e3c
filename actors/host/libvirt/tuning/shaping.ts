/** Limits a domain's tap by `tc` where libvirt's own way needs what the kernel lacks. Every call may be repeated. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { HypervisorError } from '../../errors.ts';
import type { BandwidthLimit } from '../../port/mod.ts';

const TIMEOUT_MS = 10_000;
/** Of this process's own network namespace, unlike /sys. */
const DEVICES = '/proc/self/net/dev';
const PREFIX = 'sgo';
/** What may be sent at once: 10 ms at full rate, and never less than a few large packets. */
const BURST_SECONDS = 0.01;
const MIN_BURST_BYTES = 64 * 1024;

export interface Shaped {
  /** Tells this host agent's domains from another's of the same machine: its run directory. */
  readonly owner: string;
  readonly domain: string;
}

/**
 * What the guest receives leaves the host by the tap: a token bucket there. What it sends enters by the tap, where
 * nothing can be queued: it is led through a device of its own, with a token bucket as well.
 */
export async function shape({ owner, domain }: Shaped, tap: string, limit: BandwidthLimit): Promise<void> {
  if (limit.inboundMbps !== undefined) await bucket(tap, limit.inboundMbps);
  if (limit.outboundMbps === undefined) return;
  if (limit.outboundMbps === 0) {
    await attempt('tc', ['qdisc', 'del', 'dev', tap, 'ingress']);
    await removeShaping({ owner, domain });
    return;
  }
  const through = deviceOf({ owner, domain });
  if (!(await devices()).includes(through)) await run('ip', ['link', 'add', through, 'type', 'ifb']);
  await run('ip', ['link', 'set', through, 'up', 'alias', aliasOf(owner) + domain]);
  await bucket(through, limit.outboundMbps);
  if ((await attempt('tc', ['qdisc', 'add', 'dev', tap, 'ingress'])) !== undefined) {
    // It is there already, with the filter of an earlier call.
    await attempt('tc', ['filter', 'del', 'dev', tap, 'parent', 'ffff:']);
  }
  const everything = ['protocol', 'all', 'prio', '1', 'u32', 'match', 'u32', '0', '0'];
  const redirect = ['action', 'mirred', 'egress', 'redirect', 'dev', through];
  await run('tc', ['filter', 'add', 'dev', tap, 'parent', 'ffff:', ...everything, ...redirect]);
}

/** The tap goes with its domain; this is what else there was. */
export async function removeShaping(shaped: Shaped): Promise<void> {
  const device = deviceOf(shaped);
  if ((await devices()).includes(device)) await attempt('ip', ['link', 'del', device]);
}

/** Removes what domains of `owner` left behind that ended while nobody looked. */
export async function sweepShaping(owner: string, isHere: (domain: string) => boolean): Promise<void> {
  for (const device of (await devices()).filter((name) => name.startsWith(PREFIX))) {
    // One that is gone by now has no name either.
    const shown = await run('ip', ['link', 'show', device]).catch(() => '');
    const alias = /^\s*alias (.*)$/m.exec(shown)?.[1] ?? '';
    const domain = alias.startsWith(aliasOf(owner)) ? alias.slice(aliasOf(owner).length) : undefined;
    if (domain !== undefined && !isHere(domain)) await attempt('ip', ['link', 'del', device]);
  }
}

/** The same for every process, and short: names of devices have at most 15 bytes. */
function deviceOf({ owner, domain }: Shaped): string {
  return PREFIX + createHash('sha256').update(`${owner} ${domain}`).digest('hex').slice(0, 12);
}

/** By which a later process knows whose device it is. Names of domains have no blanks. */
function aliasOf(owner: string): string {
  return `shadowgrid ${createHash('sha256').update(owner).digest('hex').slice(0, 12)} `;
}

/** The arguments of tc for a token bucket. */
function bucketArguments(device: string, mbps: number): string[] {
  const burst = Math.max(MIN_BURST_BYTES, Math.round((mbps * 1e6 * BURST_SECONDS) / 8));
  const rate = Math.max(8, Math.round(mbps * 1e6));
  return [
    'qdisc',
    'replace',
    'dev',
    device,
    'root',
    'tbf',
    'rate',
    `${rate}bit`,
    'burst',
    `${burst}b`,
    'latency',
    '50ms',
  ];
}

/** Names of the network devices there are. */
async function devices(): Promise<string[]> {
  const lines = (await readFile(DEVICES, 'utf8').catch(() => '')).split('\n');
  return lines.flatMap((line) => (line.includes(':') ? [line.slice(0, line.indexOf(':')).trim()] : []));
}

async function bucket(device: string, mbps: number): Promise<void> {
  if (mbps > 0) await run('tc', bucketArguments(device, mbps));
  else await attempt('tc', ['qdisc', 'del', 'dev', device, 'root']);
}

/** Resolves with what it printed. */
async function run(command: string, args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)(command, args, { timeout: TIMEOUT_MS })).stdout;
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : '';
    throw new HypervisorError(`${command} ${args.join(' ')}: ${said || cause}`, { cause });
  }
}

/** What went wrong, if anything. */
async function attempt(command: string, args: readonly string[]): Promise<unknown> {
  return run(command, args).then(
    () => undefined,
    (error: unknown) => error,
  );
}
