/** `shadowgrid hosts`: hosts and their room. */
import { defineCommand } from 'citty';
import type { HostView } from '../../actors/host/mod.ts';
import { askAdmin } from './admin.ts';
import { connectionArgs } from './connect.ts';
import { printJson, table } from './print.ts';

export const hosts = defineCommand({
  meta: { name: 'hosts', description: 'List hosts and their room' },
  args: { state: connectionArgs.state, json: { type: 'boolean', description: 'print JSON' } },
  run: async ({ args }) => {
    const answer = await askAdmin<{ hosts: HostView[] }>(args.state, '/api/hosts');
    if (args.json) return printJson(answer);
    const rows = answer.hosts.map((host) => [
      host.name,
      host.kind,
      host.pool,
      host.accepting ? 'yes' : 'no',
      `${host.free.cores.toFixed(2)} of ${host.capacity.cores}`,
      `${Math.round(host.free.memoryMiB)} of ${host.capacity.memoryMiB}`,
      String(host.domains),
      host.version,
    ]);
    const header = ['HOST', 'KIND', 'POOL', 'ACCEPTS', 'CORES FREE', 'MIB FREE', 'VMS', 'VERSION'];
    process.stdout.write(`${table(header, rows)}\n`);
  },
});
