/** Errors of starting a libvirt daemon. */
import { GridError } from '../../runtime/mod.ts';

/** A private libvirtd needs root. */
export class LibvirtNeedsRoot extends GridError {
  constructor() {
    super('libvirt-needs-root', 'starting a libvirt daemon needs root', {
      hint: 'run as root, set SHADOWGRID_LIBVIRT_URI to a daemon you may use, or run with --simulated',
    });
  }
}

/** libvirtd is not installed. */
export class LibvirtMissing extends GridError {
  constructor(packages: readonly string[]) {
    super('libvirt-missing', 'libvirtd is not installed on this machine', {
      hint: `apt-get install -y --no-install-recommends ${packages.join(' ')}, or run with --simulated`,
    });
  }
}

/** libvirtd was started and did not answer. */
export class LibvirtNotReady extends GridError {
  constructor(why: string, logFile: string, cause?: unknown) {
    super('libvirt-not-ready', `libvirtd ${why}`, { hint: `see ${logFile}`, retryable: true, cause });
  }
}
