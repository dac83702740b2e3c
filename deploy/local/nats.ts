/** The NATS of a local grid: a nats-server of its own, or one that runs already and may be secured. */
import type { WorkerNats } from '../../actors/allocator/mod.ts';
import { connectNats, GridError, type NatsTransport } from '../../runtime/mod.ts';
import { ensureNatsServer, lackingFeatures, startNatsServer } from '../nats/mod.ts';
import { readRoleCredentials } from '../nats/secured/mod.ts';
import type { GridPaths } from './paths.ts';
import { Supervision } from './supervision.ts';

/** A NATS that others keep running. */
export interface GivenNats {
  /** `tls://nats.example:4222`, several with commas; default those of the credentials. */
  readonly servers?: string;
  /** What `nats-config` wrote: its folder, or `users` of it. */
  readonly credentials?: string;
}

export interface NatsPlan {
  readonly given?: GivenNats;
  /** Of a server of the grid's own; default any. */
  readonly port?: number;
  readonly node: string;
  readonly onProgress: (line: string) => void;
  readonly log: { info(message: string): void; warn(message: string): void };
}

export interface LocalNats {
  readonly url: string;
  readonly version: string;
  readonly transport: NatsTransport;
  readonly forecaster: WorkerNats;
  /** Copies of what is stored: three on a cluster of three. */
  readonly replicas: 1 | 3;
  /** Closes the connection; ends a server of the grid's own unless it is to be kept. Resolves with what is left running. */
  stop(options: { readonly keep: boolean }): Promise<string[]>;
}

/** Connected, or throws; what was started until then is stopped again by `undo`. */
export async function openNats(
  paths: GridPaths,
  plan: NatsPlan,
  undo: AsyncDisposableStack,
): Promise<LocalNats> {
  const nats = plan.given === undefined ? await ownNats(paths, plan, undo) : await joinNats(plan.given, plan);
  undo.defer(() => nats.transport.close());
  nats.transport.onDenied((denied) => plan.log.warn(denied.message));
  const lacking = lackingFeatures(nats.version);
  plan.log.info(`nats-server ${nats.version} at ${nats.url}`);
  for (const lack of lacking) plan.log.warn(`nats-server ${nats.version} lacks ${lack}`);
  return nats;
}

/** How someone of `role` connects to a given NATS. */
export async function natsOptionsOf(
  { servers, credentials }: GivenNats,
  role: 'grid' | 'telemetry' | 'client' | 'operator',
): Promise<WorkerNats> {
  const listed = servers?.split(',').map((server) => server.trim());
  if (credentials !== undefined) {
    const options = await readRoleCredentials(credentials, role);
    return { ...options, ...(listed !== undefined && { servers: listed }) };
  }
  if (listed !== undefined) return { servers: listed };
  throw new GridError('no-nats', 'it is not said which NATS', { field: '--nats', hint: 'nats://HOST:PORT' });
}

async function joinNats(given: GivenNats, { node, onProgress }: NatsPlan): Promise<LocalNats> {
  const options = await natsOptionsOf(given, 'grid');
  const forecaster = await natsOptionsOf(given, 'telemetry');
  const url = [options.servers].flat().join(',');
  onProgress(`connecting to NATS at ${url}`);
  const transport = await connectNats({ ...options, name: `shadowgrid-${node}` });
  const stop = async () => {
    await transport.close();
    return [];
  };
  const version = transport.connection.info?.version ?? '';
  const replicas = [options.servers].flat().length < 3 ? 1 : 3;
  return { url, version, transport, forecaster, replicas, stop };
}

async function ownNats(paths: GridPaths, plan: NatsPlan, undo: AsyncDisposableStack): Promise<LocalNats> {
  const { node, onProgress, log } = plan;
  onProgress('starting nats-server');
  const server = {
    binary: await ensureNatsServer({ onProgress }),
    storeDir: paths.natsStore,
    runDir: paths.natsRun,
  };
  const nats = await startNatsServer({ ...server, port: plan.port ?? 'random' });
  const care = new Supervision({
    name: 'nats-server',
    daemon: nats,
    start: () => startNatsServer({ ...server, port: nats.port }),
    warn: (message) => log.warn(message),
  });
  undo.defer(async () => {
    const now = await care.stop();
    if (!nats.adopted) await now.stop();
  });
  const transport = await connectNats({ servers: nats.url, name: `shadowgrid-${node}` });
  transport.onStatus((status) => status === 'suspended' && care.look());
  const stop = async ({ keep }: { readonly keep: boolean }) => {
    await transport.close();
    const now = await care.stop();
    if (keep) return [`nats-server (pid ${now.pid})`];
    await now.stop();
    return [];
  };
  const { url, version } = nats;
  return { url, version, transport, forecaster: { servers: url }, replicas: 1, stop };
}
