/** A whole grid on this machine: nats-server, one libvirt (or simulated) host, all actors, the admin API. */
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { Grid } from '../../actors/grid/mod.ts';
import type { GuestImage } from '../../actors/host/mod.ts';
import { TACTICAL_MODEL } from '../../models/mod.ts';
import { natsCommandLog, natsKeyValue, systemClock } from '../../runtime/mod.ts';
import { startTelemetry } from '../telemetry/mod.ts';
import { startAdmin } from './admin.ts';
import { labHosts, libvirtHost, simulatedHosts } from './host.ts';
import { checkImages } from './images.ts';
import { createLog } from './log.ts';
import { type GivenNats, openNats } from './nats.ts';
import { type GridPaths, gridPaths } from './paths.ts';
import { claimRecord, type GridRecord, updateRecord } from './record.ts';
import { prepareState } from './state-directory.ts';

export interface LocalGridOptions {
  /** State directory; default `.shadowgrid`. */
  readonly state?: string;
  /** A host that only pretends: for machines without root or libvirt. */
  readonly simulated?: boolean;
  /** Several are a lab on this machine. Default 1. */
  readonly hosts?: number;
  /** A NATS that runs already; default a nats-server of the grid's own. */
  readonly nats?: GivenNats;
  /** Of its own nats-server. Default: any free one. */
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

/** Pools a job may name; the hosts of a local grid are in the first. */
const POOLS = ['general-purpose', 'high-performance', 'low-priority'] as const;

export interface LocalGrid {
  readonly paths: GridPaths;
  readonly grid: Grid;
  readonly natsUrl: string;
  readonly adminUrl: string;
  /** Their names. */
  readonly hosts: readonly string[];
  /** Of nats-server. */
  readonly natsVersion: string;
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
  const telemetry = await startTelemetry({ node, env: process.env, onWarn: log.warn });
  undo.defer(() => telemetry.stop());
  const { traces, metrics } = telemetry.sentTo;
  if (traces ?? metrics) log.info('telemetry is sent', { traces, metrics });
  const nats = await openNats(
    paths,
    {
      node,
      onProgress,
      log,
      ...(options.nats !== undefined && { given: options.nats }),
      ...(options.natsPort !== undefined && { port: options.natsPort }),
    },
    undo,
  );
  const { transport, replicas } = nats;
  const surroundings = { paths, node, onProgress, warn: log.warn, undo };
  const count = options.hosts ?? 1;
  const machines = simulated
    ? await simulatedHosts(count, surroundings)
    : await (count === 1 ? libvirtHost(surroundings) : labHosts(count, surroundings));
  const grid = new Grid({
    node,
    transport,
    store: await natsKeyValue(transport, { bucket: 'shadowgrid-actors', replicas }),
    outputs: await natsKeyValue(transport, { bucket: 'shadowgrid-outputs', replicas }),
    commands: await natsCommandLog(transport, { replicas }),
    forecasterNats: nats.forecaster,
    modelPath: TACTICAL_MODEL,
    clock: systemClock,
    hosts: machines.hosts.map((host) => ({ ...host, pool: POOLS[0] })),
    images: [machines.image, ...(options.images ?? [])],
    pools: POOLS,
    log,
    telemetry: telemetry.actors,
    ...(options.sampleIntervalMs !== undefined && { sampleIntervalMs: options.sampleIntervalMs }),
    ...(options.tenancy !== undefined && { tenancy: options.tenancy }),
  });
  onProgress('starting the actors');
  // A start that fails leaves VMs of earlier runs as they are.
  undo.defer(async () => void (await grid.stop({ keep: true })));
  await grid.start();
  const admin = await startAdmin(grid, transport, options.adminPort ?? 0, telemetry.registry);
  undo.defer(() => admin.close());
  const credentials = options.nats?.credentials;
  await updateRecord(paths.record, {
    ...record,
    natsUrl: nats.url,
    adminUrl: admin.url,
    ...(credentials !== undefined && { credentials: resolve(credentials) }),
  });
  log.info('the grid runs', { natsUrl: nats.url, adminUrl: admin.url, simulated });
  undo.move();
  const stop = async ({ keep = false }: StopOptions = {}) => {
    await admin.close();
    const left = await grid.stop({ keep });
    await telemetry.stop();
    left.push(...(await nats.stop({ keep })));
    left.push(...(await machines.stop({ keep })));
    if (left.length === 0) await rm(paths.run, { recursive: true, force: true });
    log.info('the grid has stopped', { left });
    await rm(paths.record, { force: true });
    return left;
  };
  return {
    paths,
    grid,
    natsUrl: nats.url,
    adminUrl: admin.url,
    hosts: machines.hosts.map(({ name }) => name),
    natsVersion: nats.version,
    stop,
  };
}

function nodeName(): string {
  return (
    hostname()
      .replaceAll(/[^A-Za-z0-9_-]/g, '-')
      .slice(0, 48) || 'node'
  );
}
