/** Writes a folder with all that a secured NATS needs: authority, servers, users; run again it keeps every key. */
import { readdir, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { natsFeatures } from '../features.ts';
import { ensureAuthority, ensureServerCertificate } from './authority.ts';
import { authority, type SecuredServer, type SecuredUser, securedConfiguration } from './configuration.ts';
import { type CredentialsFile, newSeed, publicKeyOf, readCredentialsFile } from './credentials.ts';
import { InvalidNatsSetup } from './errors.ts';
import { readIfThere, secretFolder, writeSecret } from './files.ts';
import { inboxPrefix, ROLE_NAMES, type RoleName, type User } from './roles.ts';

export interface SecuredNatsOptions {
  readonly folder: string;
  /** 3: a cluster that keeps three copies. Default 1. */
  readonly nodes?: 1 | 3;
  /** Names or addresses of the servers: one for all, or one each. Default `127.0.0.1`. */
  readonly hosts?: readonly string[];
  /** For clients; servers of one host take this and those that follow. Default 4222. */
  readonly port?: number;
  /** For servers among each other. Default 6222. */
  readonly clusterPort?: number;
  /** Beside one for each role, of its name; those of earlier runs stay. */
  readonly users?: readonly User[];
  /** `2.9.10`: leaves out what this nats-server would refuse. */
  readonly serverVersion: string;
  /** Milliseconds since the epoch: decides which certificates end soon. */
  readonly now: number;
}

export interface WrittenFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly outcome: 'new' | 'kept' | 'renewed' | 'written';
}

export async function writeSecuredNats(options: SecuredNatsOptions): Promise<WrittenFile[]> {
  const { folder, now } = options;
  const servers = serversOf(options);
  await secretFolder(folder);
  const known = await knownUsers(join(folder, 'users'));
  const wanted = usersOf(options, known);

  const files: WrittenFile[] = [];
  const authorityFolder = join(folder, 'authority');
  files.push({ path: 'authority/ca-key.pem', outcome: await ensureAuthority(authorityFolder) });
  for (const [index, server] of servers.entries()) {
    const hosts = [...new Set([server.host, 'localhost', '127.0.0.1'])];
    const path = `server-${index + 1}`;
    const outcome = await ensureServerCertificate(authorityFolder, join(folder, path), hosts, now);
    files.push({ path: `${path}/server.pem`, outcome });
  }

  const users: SecuredUser[] = [];
  const ca = await readFile(join(authorityFolder, 'ca.pem'), 'utf8');
  const urls = servers.map(({ host, port }) => `tls://${authority(host, port)}`);
  for (const [name, role] of wanted) {
    const path = `users/${name}.json`;
    const seed = known.get(name)?.seed ?? newSeed();
    const file: CredentialsFile = {
      user: name,
      role,
      servers: urls,
      inboxPrefix: inboxPrefix(name),
      authority: ca,
      seed,
    };
    await writeSecret(join(folder, path), `${JSON.stringify(file, undefined, 2)}\n`);
    users.push({ name, role, publicKey: publicKeyOf(seed) });
    files.push({ path, outcome: known.has(name) ? 'kept' : 'new' });
  }

  // Last: a server is told only of users whose keys are stored.
  for (const [index, server] of servers.entries()) {
    const path = `server-${index + 1}/nats-server.conf`;
    const before = await readIfThere(join(folder, path));
    const text = securedConfiguration(server, users);
    if (before !== text) await writeSecret(join(folder, path), text);
    files.push({ path, outcome: before === text ? 'kept' : 'written' });
  }
  return files;
}

function serversOf(options: SecuredNatsOptions): SecuredServer[] {
  const { nodes = 1, hosts = ['127.0.0.1'], port = 4222, clusterPort = 6222, serverVersion } = options;
  for (const host of hosts) checkHost(host);
  if (hosts.length !== 1 && hosts.length !== nodes) {
    throw new InvalidNatsSetup(`${hosts.length} hosts for ${nodes} servers`, 'host', `one, or ${nodes}`);
  }
  const shared = hosts.length === 1;
  const { syncAlways } = natsFeatures(serverVersion);
  const places = Array.from({ length: nodes }, (_, index) => ({
    host: hosts[shared ? 0 : index]!,
    port: port + (shared ? index : 0),
    clusterPort: clusterPort + (shared ? index : 0),
  }));
  const taken = places.flatMap((place) => [
    authority(place.host, place.port),
    ...(nodes === 1 ? [] : [authority(place.host, place.clusterPort)]),
  ]);
  if (new Set(taken).size !== taken.length) {
    throw new InvalidNatsSetup('two servers would listen on one port', 'cluster-port', 'a range of its own');
  }
  return places.map((place, index) => ({
    name: `shadowgrid-${index + 1}`,
    listen: listenAddress(place.host),
    host: place.host,
    port: place.port,
    ...(nodes > 1 && {
      cluster: {
        port: place.clusterPort,
        others: places
          .filter((other) => other !== place)
          .map((other) => authority(other.host, other.clusterPort)),
      },
    }),
    syncAlways,
  }));
}

/** A name may stand for any address of its machine. */
function listenAddress(host: string): string {
  if (host === 'localhost') return '127.0.0.1';
  return isIP(host) ? host : '0.0.0.0';
}

function checkHost(host: string): void {
  const name =
    /^(?=.{1,253}$)[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$/;
  if (isIP(host) || name.test(host)) return;
  throw new InvalidNatsSetup(`${JSON.stringify(host)} is no host`, 'host', 'a DNS name or an IP address');
}

/** Users of earlier runs, by name. */
async function knownUsers(folder: string): Promise<Map<string, CredentialsFile>> {
  await secretFolder(folder);
  const known = new Map<string, CredentialsFile>();
  for (const file of (await readdir(folder)).sort()) {
    const name = /^(.*)\.json$/.exec(file)?.[1];
    const credentials = name && (await readCredentialsFile(join(folder, file)));
    if (credentials) known.set(name, credentials);
  }
  return known;
}

function usersOf(
  { users = [] }: SecuredNatsOptions,
  known: ReadonlyMap<string, CredentialsFile>,
): Map<string, RoleName> {
  const wanted = new Map<string, RoleName>();
  const asked = [...ROLE_NAMES.map((role) => ({ name: role, role })), ...users];
  const earlier = [...known].map(([name, { role }]) => ({ name, role }));
  for (const { name, role } of [...earlier, ...asked]) {
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
      const right = 'a lower-case letter, then at most 31 of a-z, 0-9 and -';
      throw new InvalidNatsSetup(`${JSON.stringify(name)} is no name of a user`, 'user', right);
    }
    const before = wanted.get(name);
    if (before !== undefined && before !== role) {
      const right = `another name, or remove users/${name}.json to have a new key for it`;
      throw new InvalidNatsSetup(`user ${name} has the role ${before} already`, 'user', right);
    }
    wanted.set(name, role);
  }
  // In one order, so that a second run changes nothing.
  return new Map([...wanted].sort(([a], [b]) => (a < b ? -1 : 1)));
}
