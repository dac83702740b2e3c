/** Cold migration: the guest's memory into a file that both hosts see, its disks copied, and the guest made again from it. */
import { constants, copyFile, mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { abortable, type Connection } from '../binding/mod.ts';
import { type Folders, type LocalDisk, relocate } from './destination-xml.ts';

interface ColdMove {
  readonly name: string;
  /** File for the memory. */
  readonly image: string;
  /** The domain's XML for either side. */
  readonly xml: { readonly here: string; readonly there: string };
  readonly disks: readonly LocalDisk[];
  readonly folders: { readonly from: Folders; readonly to: Folders };
}

/** Writes the guest's memory to the image and ends the domain. When it rejects, the domain runs on. */
export async function saveCold(
  { name, image }: ColdMove,
  connections: { readonly call: Connection; readonly watch: Connection },
  limits: { readonly signal?: AbortSignal | undefined; readonly deadlineMs: number },
): Promise<void> {
  using domain = await connections.call.lookupByName(name);
  const { signal, deadlineMs } = limits;
  try {
    await abortable(() => domain.save(image), {
      domain,
      connection: connections.watch,
      deadlineMs,
      ...(signal !== undefined && { signal }),
    });
  } catch (error) {
    await rm(image, { force: true });
    throw error;
  }
}

/** Makes the saved domain again at the target; when it rejects, there is nothing of it there. */
export async function restoreThere(
  { disks, folders, image, xml }: ColdMove,
  there: Connection,
): Promise<void> {
  for (const { path } of disks) {
    const copy = relocate(path, folders.from, folders.to);
    await mkdir(dirname(copy), { recursive: true, mode: 0o700 });
    await copyFile(path, copy, constants.COPYFILE_FICLONE);
  }
  await there.restore(image, { xml: xml.there });
}
