/** Where things that take long to make are kept, and how they get there whole or not at all. */
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** $SHADOWGRID_CACHE, else $XDG_CACHE_HOME/shadowgrid, else ~/.cache/shadowgrid. */
export function cacheRoot(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env.SHADOWGRID_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'shadowgrid');
}

/**
 * Fills a new directory by `fill` and moves it to `path` in one step. Another process that makes the same at
 * the same time does no harm: the first to finish wins, and what the other made is thrown away.
 */
export async function publishDirectory(
  path: string,
  fill: (directory: string) => Promise<void>,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = await mkdtemp(`${path}.draft-`);
  try {
    await fill(draft);
    await rename(draft, path).catch(async (error: unknown) => {
      if (!(await exists(path))) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
