/** `shadowgrid nats-config`: writes what a secured NATS needs, for a single server or a cluster of three. */
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { defineCommand } from 'citty';
import { InvalidRequest } from '../../actors/job/mod.ts';
import { findNatsServer } from '../nats/mod.ts';
import { ROLE_NAMES, type RoleName, writeSecuredNats } from '../nats/secured/mod.ts';
import { parsePort } from './arguments.ts';

/** Of whom no nats-server is known: the newest, which refuses nothing that we write. */
const NEWEST = '2.15';

export const natsConfig = defineCommand({
  meta: {
    name: 'nats-config',
    description:
      'Write configurations of nats-server with TLS, nkeys and permissions; keys that are there stay',
  },
  args: {
    dir: { type: 'positional', required: true, description: 'folder to write', valueHint: 'DIR' },
    nodes: { type: 'string', description: '1, or 3 for a cluster; default 1', valueHint: '1|3' },
    host: {
      type: 'string',
      description: 'name or address of the server, or of each of the three; default 127.0.0.1',
      valueHint: 'NAME',
    },
    port: { type: 'string', description: 'port for clients; default 4222', valueHint: 'PORT' },
    'cluster-port': {
      type: 'string',
      description: 'port for the other servers; default 6222',
      valueHint: 'PORT',
    },
    user: {
      type: 'string',
      description: `a further user; may be given several times. Roles: ${ROLE_NAMES.join(', ')}`,
      valueHint: 'NAME=ROLE',
    },
    'for-version': {
      type: 'string',
      description: 'nats-server that will read it; default the one of this machine',
      valueHint: 'VERSION',
    },
  },
  run: async ({ args, rawArgs }) => {
    const folder = resolve(args.dir);
    const nodes = parseNodes(args.nodes);
    const port = parsePort('port', args.port);
    const clusterPort = parsePort('cluster-port', args['cluster-port']);
    const hosts = repeated(rawArgs, 'host');
    const serverVersion = args['for-version'] ?? (await findNatsServer())?.version ?? NEWEST;
    const files = await writeSecuredNats({
      folder,
      nodes,
      users: repeated(rawArgs, 'user').map(parseUser),
      serverVersion,
      now: Date.now(),
      ...(hosts.length > 0 && { hosts }),
      ...(port !== undefined && { port }),
      ...(clusterPort !== undefined && { clusterPort }),
    });
    const say = (line: string) => process.stdout.write(`${line}\n`);
    for (const { path, outcome } of files) say(`${outcome.padEnd(8)} ${path}`);
    const shown = relative('', folder) || '.';
    say(`for nats-server ${serverVersion}; start each server in its folder:`);
    for (let i = 1; i <= nodes; i++) say(`  (cd ${shown}/server-${i} && nats-server -c nats-server.conf)`);
    say(`${shown}/authority stays here; each user gets its file of ${shown}/users`);
  },
});

function parseNodes(text = '1'): 1 | 3 {
  if (text === '1') return 1;
  if (text === '3') return 3;
  throw new InvalidRequest(`--nodes ${text} is no size of a cluster`, '--nodes', '1 or 3');
}

function parseUser(text: string): { name: string; role: RoleName } {
  const [, name, given] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  const role = ROLE_NAMES.find((known) => known === given);
  if (name !== undefined && role !== undefined) return { name, role };
  const right = `NAME=ROLE, such as alice=client; roles are ${ROLE_NAMES.join(', ')}`;
  throw new InvalidRequest(`--user ${text} is not a user`, '--user', right);
}

/** Every value of an option that may be given several times. */
function repeated(rawArgs: readonly string[], name: string): string[] {
  const { values } = parseArgs({
    args: [...rawArgs],
    options: { [name]: { type: 'string', multiple: true } },
    strict: false,
    allowPositionals: true,
  });
  return [values[name] ?? []].flat().map(String);
}
