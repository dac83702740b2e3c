/** Where a grid on this machine keeps its state, and where its sockets are. */
import { createHash } from 'node:crypto';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';

export interface GridPaths {
  /** Durable: JetStream, libvirt's configuration, logs. */
  readonly state: string;
  /** Sockets and pid files. Short, because a unix socket's path has at most 107 bytes. */
  readonly run: string;
  /** Says who runs here, and where to reach it. */
  readonly record: string;
  readonly natsStore: string;
  readonly natsRun: string;
  readonly libvirtState: string;
  /** Disks and checkpoints of VMs. */
  readonly vmStore: string;
  readonly log: string;
}

/** Default state directory: `.shadowgrid` in the working directory, or $SHADOWGRID_STATE. */
export function gridPaths(
  state: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): GridPaths {
  const root = resolve(state ?? env.SHADOWGRID_STATE ?? '.shadowgrid');
  const id = createHash('sha256').update(root).digest('hex').slice(0, 8);
  return {
    state: root,
    run: join(runRoot(env), id),
    record: join(root, 'grid.json'),
    natsStore: join(root, 'nats', 'store'),
    natsRun: join(root, 'nats'),
    libvirtState: join(root, 'libvirt'),
    vmStore: join(root, 'vms'),
    log: join(root, 'shadowgrid.log'),
  };
}

function runRoot(env: Readonly<Record<string, string | undefined>>): string {
  if (process.getuid?.() === 0) return '/run/shadowgrid';
  return join(env.XDG_RUNTIME_DIR ?? tmpdir(), `shadowgrid-${userInfo().uid}`);
}
