/** The admin API of a local grid: its actor, its HTTP server, its metrics. */

import type { Registry } from 'prom-client';
import {
  AdminBehaviour,
  type AdminOptions,
  adminActor,
  createAdminApp,
  GridMetrics,
} from '../../actors/admin/mod.ts';
import { ALLOCATOR_KEY, allocatorActor } from '../../actors/allocator/mod.ts';
import { directiveSubject, type Grid } from '../../actors/grid/mod.ts';
import { shadowActor } from '../../actors/shadow/mod.ts';
import { GridError, type NatsTransport, systemClock } from '../../runtime/mod.ts';

/** Listens on loopback; port 0 is any free one. */
export async function startAdmin(grid: Grid, transport: NatsTransport, port: number, registry: Registry) {
  const { system, api, vms, directory } = grid;
  const hosts = () => grid.inventory().hosts;
  const directives = directiveSubject('*');
  const metrics = new GridMetrics({ directory, hosts, transport, clock: systemClock, directives, registry });
  const explain: AdminOptions['explain'] = async (jobId) => {
    if (system.snapshot(shadowActor, jobId) === undefined) throw new NoShadow(jobId);
    return await system.ref(shadowActor, jobId).ask({ type: 'explain' });
  };
  const health: AdminOptions['health'] = async () => {
    const allocator = await system.ref(allocatorActor, ALLOCATOR_KEY).ask({ type: 'describe' });
    const ready = hosts().filter((host) => host.accepting).length;
    const ok = transport.status === 'connected' && ready > 0;
    return { ok, nats: transport.status, hostsReady: ready, allocator };
  };
  const behaviour = new AdminBehaviour();
  system.register(adminActor, behaviour);
  const ref = await system.spawn(adminActor, grid.node);
  const app = createAdminApp({ api, vms, hosts, explain, health, metrics: () => metrics.text() });
  const url = await behaviour.open(app, port).catch(async (error) => {
    metrics.close();
    await ref.tell({ type: 'failed', reason: String(error) });
    throw error;
  });
  await ref.ask({ type: 'listening', url });
  const close = async () => {
    metrics.close();
    await ref.ask({ type: 'close' }).catch(() => {});
  };
  return { url, close };
}

/** The job has no shadow (yet, or any more). */
class NoShadow extends GridError {
  constructor(jobId: string) {
    super('no-shadow', `job ${jobId} has no shadow now`, {
      field: 'id',
      hint: 'a job has one while it runs',
    });
  }
}
