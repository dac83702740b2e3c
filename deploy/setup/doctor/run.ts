/** Runs all probes side by side, each with a deadline: a probe that hangs or throws is a finding too. */
import { ensureGuestImage } from '../../guest/mod.ts';
import { probeCgroup } from './cgroup.ts';
import type { DoctorFinding, Probe, Verdict } from './finding.ts';
import { probeKvm } from './kvm.ts';
import { probeLibvirt, probeNatsServer, probeQemu } from './services.ts';
import { probeDeno, probeNode, probePerf, probeResctrl, probeRoot } from './system.ts';

export interface DoctorOptions {
  /** More probes, or others in place of ours: the caller who has a libvirt connection can say more about `libvirt`. */
  readonly probes?: Readonly<Record<string, Probe>>;
  /** Per probe; default 20 s, which leaves a guest time to boot. */
  readonly deadlineMs?: number;
  readonly onProgress?: (line: string) => void;
}

/** Findings in a fixed order; never rejects. The first run builds the guest image if KVM is to be tried. */
export async function runDoctor(options: DoctorOptions = {}): Promise<DoctorFinding[]> {
  const { deadlineMs = 20_000, onProgress } = options;
  const image = () => ensureGuestImage(onProgress === undefined ? {} : { onProgress });
  const probes: Record<string, Probe> = {
    node: probeNode,
    deno: probeDeno,
    root: probeRoot,
    qemu: probeQemu,
    kvm: () => probeKvm(image),
    libvirt: probeLibvirt,
    cgroup: probeCgroup,
    'nats-server': probeNatsServer,
    perf: probePerf,
    resctrl: probeResctrl,
    ...options.probes,
  };
  return Promise.all(
    Object.entries(probes).map(async ([name, probe]) => ({
      name,
      ...(await withDeadline(probe, deadlineMs)),
    })),
  );
}

async function withDeadline(probe: Probe, deadlineMs: number): Promise<Verdict> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Verdict>((resolve) => {
    timer = setTimeout(
      () => resolve({ status: 'limited', detail: `no answer in ${deadlineMs} ms` }),
      deadlineMs,
    );
  });
  const failed = (error: unknown): Verdict => ({
    status: 'missing',
    detail: error instanceof Error ? error.message : String(error),
  });
  return Promise.race([probe().catch(failed), late]).finally(() => clearTimeout(timer));
}
