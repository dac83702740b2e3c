/** qemu-img, for what libvirt does not do without a storage pool: make, check and merge images that no guest writes. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CapabilityMissing, HypervisorError } from '../../errors.ts';

const run = promisify(execFile);
/** Merging many gigabytes takes minutes; nothing of ours takes longer. */
const TIMEOUT_MS = 600_000;

export interface NewImage {
  readonly path: string;
  /** Default: that of `backing`. */
  readonly sizeMiB?: number;
  readonly backing?: { readonly path: string; readonly format: 'qcow2' | 'raw' };
}

export async function createImage({ path, sizeMiB, backing }: NewImage): Promise<void> {
  const below = backing === undefined ? [] : ['-b', backing.path, '-F', backing.format];
  const size = sizeMiB === undefined ? [] : [`${sizeMiB}M`];
  await qemuImg(['create', '-q', '-f', 'qcow2', ...below, path, ...size]);
}

/** What is wrong with the image's own tables; undefined if nothing is. It may be in use. */
export async function checkImage(path: string, signal?: AbortSignal): Promise<string | undefined> {
  try {
    await qemuImg(['check', '-q', '-U', '-f', 'qcow2', path], signal);
    return undefined;
  } catch (error) {
    // Leaked clusters (status 3) cost room only.
    if (error instanceof HypervisorError && codeOf(error.cause) === 3) return undefined;
    if (error instanceof CapabilityMissing || signal?.aborted) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

/** Writes what `path` holds into `base`, some image below it; `path` itself stays readable as it was. */
export async function commitImage(path: string, base: string): Promise<void> {
  await qemuImg(['commit', '-q', '-d', '-f', 'qcow2', '-b', base, path]);
}

async function qemuImg(args: readonly string[], signal?: AbortSignal): Promise<void> {
  try {
    await run('qemu-img', args, { timeout: TIMEOUT_MS, ...(signal && { signal }) });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      throw new CapabilityMissing('disks', 'qemu-img is not installed', 'install qemu-utils');
    }
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    const why = said === '' ? String(error) : said;
    throw new HypervisorError(`qemu-img ${args[0]}: ${why}`, { cause: error });
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
