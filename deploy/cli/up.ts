/** `shadowgrid up`: starts a grid on this machine and keeps it until it is told to stop. */
import { defineCommand } from 'citty';
import { InvalidRequest } from '../../actors/job/mod.ts';
import { startLocalGrid } from '../local/mod.ts';
import { parseImages, parseNumber, parsePort, parseSeconds } from './arguments.ts';
import { untilSignal } from './signals.ts';

export const up = defineCommand({
  meta: {
    name: 'up',
    description: 'Start a grid on this machine: nats-server, one libvirt host, the admin API',
  },
  args: {
    state: { type: 'string', description: 'state directory; default .shadowgrid', valueHint: 'DIR' },
    simulated: { type: 'boolean', description: 'a host that only pretends, where libvirt cannot be had' },
    hosts: {
      type: 'string',
      description: 'several hosts, held apart on this machine; default 1',
      valueHint: 'N',
    },
    keep: { type: 'boolean', description: 'on Ctrl-C leave VMs, libvirtd and nats-server running' },
    nats: {
      type: 'string',
      description: 'a NATS that runs already; default a nats-server of its own',
      valueHint: 'URL',
    },
    credentials: {
      type: 'string',
      description: 'of a secured NATS: the folder that nats-config wrote, or its users',
      valueHint: 'DIR',
    },
    'nats-port': { type: 'string', description: 'port of nats-server; default any', valueHint: 'PORT' },
    'admin-port': { type: 'string', description: 'port of the admin API; default any', valueHint: 'PORT' },
    image: {
      type: 'string',
      description: 'a further guest image; may be given several times',
      valueHint: 'NAME=KERNEL,INITRD',
    },
    'boot-deadline': {
      type: 'string',
      description: 'a guest that has not answered by then has failed; default 120',
      valueHint: 'SECONDS',
    },
    silence: {
      type: 'string',
      description: 'a running guest silent for so long has failed; default 30',
      valueHint: 'SECONDS',
    },
  },
  run: async ({ args, rawArgs }) => {
    const label = args.simulated ? 'simulated: ' : '';
    const say = (line: string) => process.stdout.write(`${label}${line}\n`);
    const stopRequested = untilSignal();
    const natsPort = parsePort('nats-port', args['nats-port']);
    if (natsPort !== undefined && (args.nats ?? args.credentials) !== undefined) {
      throw new InvalidRequest('--nats-port is for a nats-server of its own', '--nats-port', 'leave it out');
    }
    const hosts = parseNumber('hosts', args.hosts);
    if (hosts !== undefined && !(Number.isInteger(hosts) && hosts >= 1 && hosts <= 26)) {
      throw new InvalidRequest(`--hosts ${args.hosts} cannot be`, '--hosts', '1 to 26');
    }
    const adminPort = parsePort('admin-port', args['admin-port']);
    const bootDeadlineMs = parseSeconds('boot-deadline', args['boot-deadline']);
    const silenceMs = parseSeconds('silence', args.silence);
    const local = await startLocalGrid({
      simulated: args.simulated === true,
      images: parseImages(rawArgs),
      tenancy: {
        ...(bootDeadlineMs !== undefined && { bootDeadlineMs }),
        ...(silenceMs !== undefined && { silenceMs }),
      },
      onProgress: say,
      onWarn: (line) => say(`warning: ${line}`),
      ...(args.state !== undefined && { state: args.state }),
      ...((args.nats ?? args.credentials) !== undefined && {
        nats: {
          ...(args.nats !== undefined && { servers: args.nats }),
          ...(args.credentials !== undefined && { credentials: args.credentials }),
        },
      }),
      ...(hosts !== undefined && { hosts }),
      ...(natsPort !== undefined && { natsPort }),
      ...(adminPort !== undefined && { adminPort }),
    });
    say(`the grid runs: NATS ${local.natsUrl} (nats-server ${local.natsVersion}), admin ${local.adminUrl}`);
    say(`state in ${local.paths.state}; stop with Ctrl-C${args.keep ? ' (VMs are kept)' : ''}`);
    await stopRequested;
    say('stopping');
    const left = await local.stop({ keep: args.keep === true });
    for (const thing of left) say(`left running: ${thing}`);
    say('stopped');
  },
});
