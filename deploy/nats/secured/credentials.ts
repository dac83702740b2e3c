/** The file by which a user connects: servers, authority, nkey seed and inbox prefix in one. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';
import { z } from 'zod';
import type { NatsOptions } from '../../../runtime/mod.ts';
import { NatsFileUnusable } from './errors.ts';
import { readIfThere } from './files.ts';
import { ROLE_NAMES, type RoleName } from './roles.ts';

const schema = z.object({
  user: z.string(),
  role: z.enum(ROLE_NAMES),
  /** `tls://host:port` */
  servers: z.array(z.string()).min(1),
  inboxPrefix: z.string(),
  /** PEM. */
  authority: z.string(),
  /** nkey seed, `SU...`: who has it is the user. */
  seed: z.string().startsWith('SU'),
});
export type CredentialsFile = z.infer<typeof schema>;

/** For `connectNats`, here or in a worker. Throws {@link NatsFileUnusable}. */
export async function readNatsCredentials(path: string): Promise<Omit<NatsOptions, 'connection'>> {
  const file = await readCredentialsFile(path);
  if (file === undefined) throw new NatsFileUnusable(path, 'is missing');
  const { user, servers, inboxPrefix, authority, seed } = file;
  return { servers, name: `shadowgrid-${user}`, user: { seed, authority, inboxPrefix } };
}

/**
 * Of the user named `role` in a folder that `writeSecuredNats` made, or its `users`, or a copy of that; a path of a file
 * is that user's, of whatever role. Throws {@link NatsFileUnusable}.
 */
export async function readRoleCredentials(
  path: string,
  role: RoleName,
): ReturnType<typeof readNatsCredentials> {
  if (!(await isFolder(path))) return readNatsCredentials(path);
  const users = join(path, 'users');
  return readNatsCredentials(join((await isFolder(users)) ? users : path, `${role}.json`));
}

const isFolder = (path: string) =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** Undefined when there is none. Throws {@link NatsFileUnusable}. */
export async function readCredentialsFile(path: string): Promise<CredentialsFile | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  try {
    const file = schema.parse(JSON.parse(text));
    publicKeyOf(file.seed);
    return file;
  } catch (cause) {
    throw new NatsFileUnusable(path, 'is not a credentials file', cause);
  }
}

/** `U...` */
export function publicKeyOf(seed: string): string {
  return nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();
}

export function newSeed(): string {
  return new TextDecoder().decode(nkeys.createUser().getSeed());
}
