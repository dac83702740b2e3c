/** The nats-server of this Debian release, which is older than the newest obtainable; fetched once. */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsServerBinary } from '../../deploy/nats/mod.ts';
import { cacheRoot, publishDirectory } from '../../deploy/setup/cache/mod.ts';
import { download, systemIndex, unpack } from '../../deploy/setup/debian/mod.ts';
import { runCommand } from '../../deploy/setup/process/mod.ts';

/** Undefined where apt has none. */
export async function debianNatsServer(): Promise<NatsServerBinary | undefined> {
  const directory = join(cacheRoot(), 'nats-server-debian');
  const path = join(directory, 'nats-server');
  return (await described(path)) ?? ((await fetched(directory)) ? await described(path) : undefined);
}

async function described(path: string): Promise<NatsServerBinary | undefined> {
  const { stdout } = await runCommand(path, ['--version'], { check: false });
  const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0];
  return version === undefined ? undefined : { path, version };
}

async function fetched(directory: string): Promise<boolean> {
  const scratch = await mkdtemp(join(tmpdir(), 'shadowgrid-nats-debian-'));
  try {
    const [deb] = await download(['nats-server'], scratch, systemIndex());
    if (deb === undefined) return false;
    await unpack(deb.file, join(scratch, 'files'));
    await publishDirectory(directory, (draft) =>
      copyFile(join(scratch, 'files/usr/sbin/nats-server'), join(draft, 'nats-server')),
    );
    return true;
  } catch {
    return false;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
