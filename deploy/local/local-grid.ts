/** A whole grid on this machine: nats-server, one libvirt (or simulated) host, all actors, the admin API. */
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { Grid } from '../../actors/grid/mod.ts';
import type { GuestImage } from '../../actors/host/mod.ts';
import { TACTICAL_MODEL } from '../../models/mod.ts';
import { connectNats, natsKeyValue, systemClock } from '../../runtime/mod.ts';
import { ensureNatsServer, lackingFeatures, type NatsServer, startNatsServer } from '../nats/mod.ts';
import { startAdmin } from './admin.ts';
import { libvirtHost, simulatedHost } from './host.ts';
import { checkImages } from './images.ts';
import { createLog } from './log.ts';
import { type GridPaths, gridPaths } from './paths.ts';
import { claimRecord, type GridRecord, updateRecord } from './record.ts';
import { prepareState } from './state-directory.ts';
import { Supervision } from './supervision.ts';

export interface LocalGridOptions {
  /** State directory; default `.shadowgrid`. */
  readonly state?: string;
  /** A host that only pretends: for machines without root or libvirt. */
  readonly simulated?: boolean;
  /** Default: any free one. */
  readonly natsPort?: number;
  /** Default: any free one. */
  readonly adminPort?: number;
  /** Time between telemetry samples, ms. Default 50. */
  readonly sampleIntervalMs?: number;
  readonly tenancy?: { readonly bootDeadlineMs?: number; readonly silenceMs?: number };
  /** Guest images beside the built-in `tiny`. */
  readonly images?: readonly GuestImage[];
  /** Told of each step of a start that may take long. */
  readonly onProgress?: (line: string) => void;
  /** Told of each warning, beside the log file. */
  readonly onWarn?: (line: string) => void;
}

export interface StopOptions {
  /** VMs, libvirtd and nats-server go on; a later start finds them. */
  readonly keep?: boolean;
}

/** Pools a job may name; the one host of a local grid is in the first. */
const POOLS = ['general-purpose', 'high-performance', 'low-priority'] as const;

export interface LocalGrid {
  readonly paths: GridPaths;
  readonly grid: Grid;
  readonly natsUrl: string;
  readonly adminUrl: string;
  /** Name of the one host. */
  readonly host: string;
  readonly nats: NatsServer;
  /** Ends everything in order, or with `keep` only this process's part. Resolves with what is left running. */
  stop(options?: StopOptions): Promise<string[]>;
}

/** Starts the grid or throws one typed error; what was started until then is stopped again. */
export async function startLocalGrid(options: LocalGridOptions = {}): Promise<LocalGrid> {
  const { onProgress = () => {}, onWarn = () => {}, simulated = false } = options;
  const paths = gridPaths(options.state);
  const node = nodeName();
  await checkImages(options.images ?? []);
  const record: GridRecord = { pid: process.pid, node, simulated };
  await prepareState(paths.state);
  await claimRecord(paths.record, record);
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rm(paths.record, { force: true }));

  const log = createLog(paths.log, node, onWarn);
  onProgress('starting nats-server');
  const server = {
    binary: await ensureNatsServer({ onProgress }),
    storeDir: paths.natsStore,
    runDir: paths.natsRun,
  };
  const nats = await startNatsServer({ ...server, port: options.natsPort ?? 'random' });
  const natsCare = new Supervision({
    name: 'nats-server',
    daemon: nats,
    start: () => startNatsServer({ ...server, port: nats.port }),
    warn: log.warn,
  });
  undo.defer(async () => {
    const now = await natsCare.stop();
    if (!nats.adopted) await now.stop();
  });
  const lacking = lackingFeatures(nats.version);
  log.info(
    `nats-server ${nats.version}, ${lacking.length > 0 ? `lacks ${lacking.join(', ')}` : 'has every feature'}`,
  );
  const transport = await connectNats({ servers: nats.url, name: `shadowgrid-${node}` });
  undo.defer(() => transport.close());
  transport.onStatus((status) => status === 'suspended' && natsCare.look());
  const host = simulated ? await simulatedHost() : await libvirtHost(paths, onProgress, log.warn, undo);
  const grid = new Grid({
    node,
    transport,
    store: await natsKeyValue(transport, { bucket: 'shadowgrid-actors' }),
    outputs: await natsKeyValue(transport, { bucket: 'shadowgrid-outputs' }),
    natsUrl: nats.url,
    modelPath: TACTICAL_MODEL,
    clock: systemClock,
    hosts: [{ name: node, pool: POOLS[0], open: host.open }],
    images: [host.image, ...(options.images ?? [])],
    pools: POOLS,
    log,
    ...(options.sampleIntervalMs !== undefined && { sampleIntervalMs: options.sampleIntervalMs }),
    ...(options.tenancy !== undefined && { tenancy: options.tenancy }),
  });
  onProgress('starting the actors');
  // A start that fails leaves VMs of earlier runs as they are.
  undo.defer(async () => void (await grid.stop({ keep: true })));
  await grid.start();
  const admin = await startAdmin(grid, transport, options.adminPort ?? 0);
  undo.defer(() => admin.close());
  await updateRecord(paths.record, { ...record, natsUrl: nats.url, adminUrl: admin.url });
  log.info('the grid runs', { natsUrl: nats.url, adminUrl: admin.url, simulated });
  undo.move();
  const stop = async ({ keep = false }: StopOptions = {}) => {
    await admin.close();
    const left = await grid.stop({ keep });
    await transport.close();
    const natsServer = await natsCare.stop();
    const libvirtd = await host.libvirtdCare?.stop();
    if (keep) left.push(`nats-server (pid ${natsServer.pid})`);
    else await natsServer.stop();
    if (keep && libvirtd?.pid !== undefined) left.push(`libvirtd (pid ${libvirtd.pid})`);
    if (!keep) left.push(...((await libvirtd?.stop()) ?? []));
    if (left.length === 0) await rm(paths.run, { recursive: true, force: true });
    log.info('the grid has stopped', { left });
    await rm(paths.record, { force: true });
    return left;
  };
  return { paths, grid, natsUrl: nats.url, adminUrl: admin.url, host: node, nats, stop };
}

function nodeName(): string {
  return (
    hostname()
      .replaceAll(/[^A-Za-z0-9_-]/g, '-')
      .slice(0, 48) || 'node'
  );
}
