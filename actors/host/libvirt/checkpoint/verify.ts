/** Whether a checkpoint can be restored: its files as they were written, readable by those who will restore them. */
import { constants, access as mayAccess, stat } from 'node:fs/promises';
import { checkImage } from '../disk/mod.ts';
import { unescapeXml } from '../xml.ts';
import { digestFile } from './digest.ts';
import type { Ground } from './ground.ts';
import type { Manifest } from './manifest.ts';
import { examineSaveImage, stateOfFile } from './save-image.ts';

export interface VerifyOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number) => void;
  /** Reads all of it, also what was not written since it was last read. */
  readonly whole: boolean;
}

/** What is wrong with it; undefined if nothing is. Rejects with the signal's reason. */
export async function examine(
  ground: Ground,
  manifest: Manifest,
  options: VerifyOptions,
): Promise<string | undefined> {
  const { domain, id, memory } = manifest;
  const path = ground.store.memory(domain, id);
  const structure = await examineMemory(ground, path);
  if (structure !== undefined) return structure;
  const { size } = await stat(path);
  if (size !== memory.bytes) return `its memory image has ${size} bytes instead of ${memory.bytes}`;
  if (options.whole || (await stateOfFile(path)) !== memory.changed) {
    if ((await digestFile(path, options)) !== memory.digest) return 'its memory image was changed';
  }
  return examineDisks(ground, manifest, options);
}

/** The image's two ends, libvirt's own reading of it, and what it starts the domain with. */
export async function examineMemory(ground: Ground, path: string): Promise<string | undefined> {
  const structure = await examineSaveImage(path);
  if (structure !== undefined) return structure;
  const xml = await savedXml(ground, path).catch((error: Error) => error);
  if (xml instanceof Error) return `libvirt cannot read it: ${xml.message}`;
  for (const [, file = ''] of xml.matchAll(/<(?:kernel|initrd)>([^<]*)</g)) {
    const readable = await mayAccess(unescapeXml(file), constants.R_OK).catch((error: Error) => error);
    if (readable instanceof Error) return `${file}, which it starts with, is gone`;
  }
  return undefined;
}

export function savedXml(ground: Ground, path: string): Promise<string> {
  return ground.access.ask((connection) => connection.saveImageXML(path), 'control');
}

async function examineDisks(
  ground: Ground,
  { domain, disks }: Manifest,
  { whole, signal }: VerifyOptions,
): Promise<string | undefined> {
  if (disks.length === 0) return undefined;
  const layers = await ground.disks.layers(domain);
  for (const { target, path } of disks) {
    for (let at: string | undefined = path; at !== undefined; at = layers.get(at)) {
      const found = await stat(at).catch(() => undefined);
      if (found === undefined) return `${at}, a layer of disk ${target}, is gone`;
      if (!layers.has(at)) break;
      const wrong = whole ? await checkImage(at, signal) : undefined;
      if (wrong !== undefined) return `layer ${at} of disk ${target}: ${wrong}`;
    }
  }
  return undefined;
}
