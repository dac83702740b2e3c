/** Renders the configuration of one nats-server of a secured grid: TLS, nkeys, permissions, JetStream, routes. */
import { type Permissions, permissionsOf, type User } from './roles.ts';

export interface SecuredServer {
  readonly name: string;
  /** Address to listen on. */
  readonly listen: string;
  readonly port: number;
  /** What clients and the other servers call it. */
  readonly host: string;
  /** Absent on a single server. */
  readonly cluster?: {
    readonly port: number;
    /** `host:port` of the others. */
    readonly others: readonly string[];
  };
  /** Flush before a write is acknowledged; servers before 2.10 refuse the setting. */
  readonly syncAlways: boolean;
}

export interface SecuredUser extends User {
  /** nkey, `U...` */
  readonly publicKey: string;
}

/** Paths in it are relative: the server is started in the folder of its configuration. */
export function securedConfiguration(server: SecuredServer, users: readonly SecuredUser[]): string {
  return `# Written by shadowgrid nats-config, and again each time it runs. Start nats-server in this folder.
server_name: ${quote(server.name)}
host: ${quote(server.listen)}
port: ${server.port}
client_advertise: ${quote(authority(server.host, server.port))}
max_payload: 1048576
tls {
${tls()}}
jetstream {
  store_dir: "store"
${server.syncAlways ? '  sync_interval: always\n' : ''}}
${routes(server)}authorization {
  timeout: 5
  users: [
${users.map((user) => renderUser(user, permissionsOf(user, users))).join('')}  ]
}
`;
}

/** `host:port`, with brackets round an IPv6 address. */
export function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const tls = (indent = '  ') =>
  ['cert_file: "server.pem"', 'key_file: "server-key.pem"', 'ca_file: "ca.pem"', 'timeout: 5']
    .map((line) => `${indent}${line}\n`)
    .join('');

/** Servers show each other their certificates: who has none of this authority's is no member. */
function routes({ listen, host, cluster }: SecuredServer): string {
  if (cluster === undefined) return '';
  return `cluster {
  name: "shadowgrid"
  host: ${quote(listen)}
  port: ${cluster.port}
  cluster_advertise: ${quote(authority(host, cluster.port))}
  tls {
${tls('    ')}    verify: true
  }
  routes: ${list(cluster.others.map((other) => `tls://${other}`))}
}
`;
}

function renderUser({ name, role, publicKey }: SecuredUser, permissions: Permissions): string {
  const { publish, subscribe, responses } = permissions;
  const answers =
    responses === undefined
      ? ''
      : `        allow_responses: { max: ${responses.max}, expires: ${quote(responses.expires)} }\n`;
  return `    # ${name}: ${role}
    {
      nkey: ${quote(publicKey)}
      permissions: {
        publish: ${rule(publish)}
        subscribe: ${rule(subscribe)}
${answers}      }
    }
`;
}

/** An empty list of what is allowed would allow everything. */
const rule = (allow: readonly string[]) =>
  allow.length === 0 ? '{ deny: ">" }' : `{ allow: ${list(allow)} }`;

const list = (texts: readonly string[]) => `[${texts.map(quote).join(', ')}]`;

/** The server knows `\\n`, `\\t`, `\\"` and `\\\\`, and no other escape of JSON. */
function quote(text: string): string {
  const escaped = text.replaceAll(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
  return `"${escaped.replaceAll(/\p{Cc}/gu, '')}"`;
}
