/** Which ways of limiting a network interface this kernel has: tried out in a network namespace that ends with the try. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface NetworkLimits {
  readonly bandwidth: 'libvirt' | 'tc' | 'none';
  /** Why not libvirt's own, and why none. */
  readonly lacking: string | undefined;
}

/** What libvirt does for `domiftune`: classes with a fair queue and a firewall mark inbound, a policer outbound. */
const LIBVIRT = [
  'tc qdisc add dev lo root handle 1: htb default 1',
  'tc class add dev lo parent 1: classid 1:1 htb rate 1mbit',
  'tc qdisc add dev lo parent 1:1 handle 2: sfq',
  'tc filter add dev lo parent 1:0 protocol all prio 1 handle 1 fw flowid 1',
  'tc qdisc add dev lo ingress',
  'tc filter add dev lo parent ffff: protocol all u32 match u32 0 0 police rate 1mbit burst 32kb drop flowid :1',
];
/** What our own does: a token bucket, and a device that what the guest sends is led through. */
const OWN = [
  'ip link add probe type ifb',
  'tc qdisc add dev lo root tbf rate 1mbit burst 32kb latency 50ms',
  'tc qdisc add dev lo ingress',
  'tc filter add dev lo parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev probe',
];
const TIMEOUT_MS = 10_000;

let probed: Promise<NetworkLimits> | undefined;

/** Asked once per process: kernels do not change. */
export function probeNetworkLimits(): Promise<NetworkLimits> {
  probed ??= probe();
  return probed;
}

async function probe(): Promise<NetworkLimits> {
  const [libvirts, own] = await Promise.all([attempt(LIBVIRT), attempt(OWN)]);
  if (libvirts === undefined) return { bandwidth: 'libvirt', lacking: undefined };
  if (own === undefined) return { bandwidth: 'tc', lacking: undefined };
  return { bandwidth: 'none', lacking: `tc cannot do it: ${own}` };
}

/** The first complaint; undefined if all of it works. */
async function attempt(commands: readonly string[]): Promise<string | undefined> {
  try {
    await promisify(execFile)('unshare', ['--net', 'sh', '-c', commands.join(' && ')], {
      timeout: TIMEOUT_MS,
    });
    return undefined;
  } catch (error) {
    const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
    return text.trim().split('\n')[0] || String(error);
  }
}
